"""The live channel of a class: who may be in it, chat and hands."""

from collections.abc import Collection

from chassis.runs import is_for
from chassis.staff import within
from services.sessions.domain import live_channel, moderation
from services.sessions.domain.class_log import ChatSent, ClassEntry, HandMoved
from services.sessions.domain.live_channel import Standing
from services.sessions.domain.roster import Enrolment, is_enrolled
from services.sessions.domain.session import Session
from services.sessions.ports import Store
from services.sessions.usecases import lookup


def may_join(store: Store, session_id: str, person_ids: Collection[str]) -> dict[str, Standing]:
    """Return what each of some people may do in a class whose channel is open, without those who
    have no part in it.

    Raises NotFound, FailedPrecondition, and Unavailable while the run is not known here.
    """
    session = lookup.session(store, session_id)
    live_channel.expect_open(session, store.now)
    return standings(store, session, person_ids)


def join(store: Store, session_id: str, person_id: str) -> Standing:
    """Return what a person may do in a class whose channel is open. Raises as `may_join` does, and
    PermissionDenied.
    """
    return live_channel.expect_allowed(may_join(store, session_id, [person_id]).get(person_id))


def standing(store: Store, session: Session, person_id: str) -> Standing | None:
    """Return what a person may do in a class; None: neither staff nor a learner of it."""
    return standings(store, session, [person_id]).get(person_id)


def standings(store: Store, session: Session, person_ids: Collection[str]) -> dict[str, Standing]:
    """Return what each of some people may do in a class, without those who have no part in it."""
    staff = {each.person_id: each for each in store.run_staff(session.run_id)}
    enrolled = store.enrolments((session.run_id, each) for each in person_ids)
    acts = moderation.by_person(store.acts_about(session.id, person_ids))
    found = {}
    for each in person_ids:
        leads = within(staff.get(each), session.group_ids) or each == session.instructor_id
        if leads or takes_part(store, session, enrolled.get((session.run_id, each))):
            found[each] = moderation.moderated(Standing(bool(leads)), acts.get(each, ()))
    return found


def send_chat(store: Store, session_id: str, person_id: str, text: str) -> ClassEntry:
    """Write in the chat of a class. Raises as `join` does, and Invalid for a blank text."""
    written = live_channel.chat_text(text)
    session = _written_in(store, session_id, person_id)
    keep = bool(lookup.policy_of(store, session).keep_chat)
    entry = ClassEntry(
        session_id=session.id, at=store.now, person_id=person_id, chat=ChatSent(written)
    )
    return store.add_entry(entry, live_channel.chat_until(session, keep))


def move_hand(store: Store, session_id: str, person_id: str, raised: bool) -> ClassEntry:
    """Raise a person's hand in a class, or take it down. Raises as `join` does; who is muted can't
    raise it.
    """
    enter = _written_in if raised else join
    enter(store, session_id, person_id)
    entry = ClassEntry(
        session_id=session_id, at=store.now, person_id=person_id, hand=HandMoved(raised)
    )
    return store.add_entry(entry)


def _written_in(store: Store, session_id: str, person_id: str) -> Session:
    """Return a class whose channel is open, and in which a person may write."""
    session = lookup.session(store, session_id)
    live_channel.expect_open(session, store.now)
    expect_may_write(store, session, person_id)
    return session


def expect_may_write(store: Store, session: Session, person_id: str) -> None:
    """Raise PermissionDenied for who has no part in a class, or is muted or removed there."""
    live_channel.expect_may_write(standing(store, session, person_id))


def takes_part(store: Store, session: Session, enrolment: Enrolment | None) -> bool:
    """Return whether a learner has a place in the run, and the class is for the learner: by the
    learner's groups, or by a seat.
    """
    if enrolment is None or not is_enrolled(enrolment):
        return False
    if is_for(session.group_ids, enrolment.group_ids):
        return True
    return lookup.seat_of(store, session, enrolment.learner_id).kind is not None
