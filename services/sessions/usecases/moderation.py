"""Moderating the live channel of a class; each act is an entry of the class, and is kept."""

from collections.abc import Iterator

from chassis.errors import FieldViolation, check, check_state
from chassis.staff import member_among
from services.sessions.domain import moderation
from services.sessions.domain.class_log import ClassEntry, Moderated
from services.sessions.domain.enums import ModerationAction, SessionState
from services.sessions.domain.moderation import (
    ModerateEntry,
    ModeratePerson,
    ModerationAct,
    Moderator,
    role_in,
)
from services.sessions.domain.session import Session, expect
from services.sessions.ports import Store
from services.sessions.usecases import lookup

OPEN = (SessionState.SCHEDULED, SessionState.LIVE, SessionState.ENDED)


def moderate_person(store: Store, command: ModeratePerson, moderator: Moderator) -> ModerationAct:
    """Mute, unmute, remove or readmit a person; return the act by which it holds already.

    Raises Invalid; NotFound; PermissionDenied for staff with a higher role; FailedPrecondition for
    a person who has nothing to do with the class, or whom the action would not change back.
    """
    check(moderation.reason_violations(command.reason))
    session = _open_session(store, command.session_id)
    _expect_above(store, session, command.person_id, moderator)
    acts = store.acts_about(session.id, [command.person_id])
    wrong = [*moderation.action_violations(acts, command.action, "person_id")]
    check_state("the person can't be moderated", wrong or _strangers(store, session, command))
    before = moderation.repeated(acts, command.action)
    told = Moderated(action=command.action, person_id=command.person_id)
    return before or _act(store, told, command.person_id, command, moderator)


def moderate_entry(store: Store, command: ModerateEntry, moderator: Moderator) -> ModerationAct:
    """Hide or show a chat entry; return the act by which it holds already.

    Raises Invalid; NotFound; PermissionDenied for the text of staff with a higher role;
    FailedPrecondition for an entry that is not of the chat, or that is not hidden and can't be
    shown again.
    """
    check(moderation.reason_violations(command.reason))
    session = _open_session(store, command.session_id)
    entry = store.entry(session.id, command.entry_number)
    acts = store.acts_about_entry(session.id, command.entry_number)
    wrong = [*moderation.entry_violations(entry)]
    wrong = wrong or [*moderation.action_violations(acts, command.action, "entry_number")]
    check_state("the entry can't be moderated", wrong)
    author_id = entry.person_id if entry else ""
    _expect_above(store, session, author_id, moderator)
    before = moderation.repeated(acts, command.action)
    if before:
        return before
    is_hidden = command.action is ModerationAction.HIDE
    store.put_hidden(session.id, command.entry_number, is_hidden)
    told = Moderated(action=command.action, entry_number=command.entry_number)
    return _act(store, told, author_id, command, moderator)


def _open_session(store: Store, session_id: str) -> Session:
    session = lookup.session(store, session_id)
    expect(session, "moderated", *OPEN)
    return session


def _expect_above(store: Store, session: Session, person_id: str, moderator: Moderator) -> None:
    if moderator.is_office:
        return
    staff = store.run_staff(session.run_id)
    own, other = (
        role_in(session, member_among(staff, each), each)
        for each in (moderator.person_id, person_id)
    )
    moderation.expect_above(own, other)


def _strangers(store: Store, session: Session, command: ModeratePerson) -> Iterator[FieldViolation]:
    """Yield a violation for a person who is neither learner nor staff of the session's run."""
    person_id, run_id = command.person_id, session.run_id
    if store.enrolments([(run_id, person_id)]) or person_id == session.instructor_id:
        return
    if member_among(store.run_staff(run_id), person_id) is None:
        wrong = f"is neither learner nor staff of run {run_id!r}"
        yield FieldViolation("person_id", wrong, "a person of the class")


def _act(
    store: Store,
    told: Moderated,
    person_id: str,
    command: ModeratePerson | ModerateEntry,
    moderator: Moderator,
) -> ModerationAct:
    """Tell the class what was done, and keep it."""
    entry = store.add_entry(
        ClassEntry(
            session_id=command.session_id,
            at=store.now,
            person_id=moderator.person_id,
            moderated=told,
        )
    )
    act = ModerationAct(
        session_id=command.session_id,
        number=entry.number,
        action=command.action,
        person_id=person_id,
        entry_number=told.entry_number,
        reason=command.reason,
        moderator_id=moderator.person_id,
        at=store.now,
    )
    store.add_act(act)
    return act
