"""Moderation of a class's live channel: who may write there, who may be there, what is shown.

Each act is kept, with its reason, and has the number of its entry in the log of the class. So acts
have one order, whichever replicas did them, and what holds for a person or an entry follows from
the acts about it alone.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from operator import attrgetter

from chassis.errors import FieldViolation, PermissionDenied
from chassis.staff import StaffMember, StaffRole
from chassis.texts import is_blank
from services.sessions.domain.class_log import ClassEntry
from services.sessions.domain.enums import ModerationAction
from services.sessions.domain.live_channel import Standing
from services.sessions.domain.session import Session

# What each action takes back.
_TAKES_BACK = {
    ModerationAction.UNMUTE: ModerationAction.MUTE,
    ModerationAction.READMIT: ModerationAction.REMOVE,
    ModerationAction.SHOW: ModerationAction.HIDE,
}
_DONE = {
    ModerationAction.MUTE: "muted",
    ModerationAction.REMOVE: "removed",
    ModerationAction.HIDE: "hidden",
}


@dataclass(frozen=True, slots=True)
class ModeratePerson:
    """Mute, unmute, remove or readmit a person in the live channel of a session."""

    session_id: str
    person_id: str
    reason: str
    action: ModerationAction


@dataclass(frozen=True, slots=True)
class ModerateEntry:
    """Hide or show a chat entry of a session."""

    session_id: str
    entry_number: int
    reason: str
    action: ModerationAction


@dataclass(frozen=True, slots=True)
class Moderator:
    """Who moderates."""

    person_id: str
    is_office: bool
    """Whether the university itself acts, which is above all staff."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModerationAct:
    """One act of moderation, as it is kept."""

    session_id: str
    number: int
    """Of its entry in the log of the class."""
    action: ModerationAction
    person_id: str
    """With whom; of HIDE and SHOW who wrote the text."""
    entry_number: int = 0
    """HIDE, SHOW: the number of the chat entry."""
    reason: str
    moderator_id: str
    at: datetime


def moderated(standing: Standing, acts: Sequence[ModerationAct]) -> Standing:
    """Return a person's standing in a class after the acts about the person, in any order."""
    removed = holds(acts, ModerationAction.REMOVE)
    return replace(standing, muted=holds(acts, ModerationAction.MUTE), removed=removed)


def by_person(acts: Iterable[ModerationAct]) -> dict[str, list[ModerationAct]]:
    """Return the acts about each person."""
    found: dict[str, list[ModerationAct]] = {}
    for each in acts:
        found.setdefault(each.person_id, []).append(each)
    return found


def holds(acts: Sequence[ModerationAct], action: ModerationAction) -> bool:
    """Return whether MUTE, REMOVE or HIDE holds after the acts about one person or entry."""
    last = last_act(acts, action)
    return last is not None and last.action is action


def last_act(acts: Iterable[ModerationAct], action: ModerationAction) -> ModerationAct | None:
    """Return the last of some acts that did what an action does, or took it back."""
    kind = _kind(action)
    return max((each for each in acts if _kind(each.action) is kind), key=_NUMBER, default=None)


def repeated(acts: Sequence[ModerationAct], action: ModerationAction) -> ModerationAct | None:
    """Return the act by which an action holds already; None if it would change something."""
    last = last_act(acts, action)
    return last if last is not None and last.action is action else None


def role_in(session: Session, member: StaffMember | None, person_id: str) -> StaffRole | None:
    """Return what a person is in a session; None: no staff of it.

    `member`: the person among the staff of its run. Who holds it is at least an ASSISTANT.
    """
    role = member.role if member is not None and member.reaches(session.group_ids) else None
    if session.instructor_id == person_id and not (role and role.includes(StaffRole.ASSISTANT)):
        return StaffRole.ASSISTANT
    return role


def expect_above(own: StaffRole | None, other: StaffRole | None) -> None:
    """Raise PermissionDenied if staff with a role would moderate staff with a higher one."""
    if other is not None and not (own is not None and own.includes(other)):
        raise PermissionDenied(f"this call needs to be {other} of the class, or more")


def action_violations(
    acts: Sequence[ModerationAct], action: ModerationAction, field: str
) -> Iterator[FieldViolation]:
    """Yield a violation if an action would take back what does not hold."""
    undone = _TAKES_BACK.get(action)
    if undone is not None and not holds(acts, undone):
        yield FieldViolation(field, f"is not {_DONE[undone]}", f"one that is {_DONE[undone]}")


def reason_violations(reason: str) -> list[FieldViolation]:
    """Return a violation for a reason of which nothing can be seen."""
    return [FieldViolation("reason", "is blank", "why")] if is_blank(reason) else []


def entry_violations(entry: ClassEntry | None) -> Iterator[FieldViolation]:
    """Yield a violation for an entry whose text can't be hidden."""
    if entry is None or entry.chat is None:
        wrong = "the class has no such entry" if entry is None else "is not of the chat"
        yield FieldViolation("entry_number", wrong, "the number of a chat entry of the class")


def _kind(action: ModerationAction) -> ModerationAction:
    return _TAKES_BACK.get(action, action)


_NUMBER = attrgetter("number")
