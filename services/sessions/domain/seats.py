"""Seats: who gets which, who waits, and who moves up.

The session's counters (`in_room`, `online`, `waitlisted`) are what keeps a room from being
overbooked: every change of a seat that is limited goes through `recounted`. Online seats without
limit are counted apart, so that who takes one waits for nobody.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chassis.errors import FailedPrecondition, FieldViolation
from services.sessions.domain.enums import SeatKind, SessionKind, SessionState
from services.sessions.domain.roster import Enrolment, is_enrolled
from services.sessions.domain.session import Session, state_violations


@dataclass(frozen=True, slots=True)
class ChooseSeat:
    """Take a seat, change it, or (None) give it up."""

    session_id: str
    learner_id: str
    kind: SeatKind | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """A learner's place in one session; without `kind` there is none."""

    session_id: str
    learner_id: str
    run_id: str
    kind: SeatKind | None = None
    holds: SeatKind | None = None
    """ONLINE while WAITLISTED: the online seat that is kept meanwhile."""
    chosen_at: datetime | None = None
    turn: int = 0
    """The number in line: who waits is served by it."""


def no_seat(session: Session, learner_id: str) -> Seat:
    """The place of a learner who has none."""
    return Seat(session_id=session.id, learner_id=learner_id, run_id=session.run_id)


def request_violations(kind: SeatKind | None) -> list[FieldViolation]:
    """What can't be asked for."""
    if kind is SeatKind.WAITLISTED:
        right = "IN_ROOM: where the room is full it means to wait"
        return [FieldViolation("kind", "nobody chooses to wait", right)]
    return []


def choice_violations(
    session: Session,
    enrolment: Enrolment | None,
    kind: SeatKind | None,
    cutoff: timedelta,
    now: datetime,
) -> Iterator[FieldViolation]:
    """Everything that speaks against a learner's choice at this moment."""
    yield from state_violations(session, "given seats for", SessionState.SCHEDULED)
    until = session.start_time - cutoff
    if now > until:
        wrong = f"seats of this session were chosen until {until.isoformat()}"
        yield FieldViolation("session_id", wrong, "a request before that")
    if not is_enrolled(enrolment):
        right = "a learner who is; one enrolled just now may take a second to be known here"
        yield FieldViolation("learner_id", f"is not enrolled in run {session.run_id!r}", right)
    if kind is not None and session.kind not in (SessionKind.HYBRID, SessionKind(kind)):
        wrong = f"the session is {session.kind} and has no seats {kind}"
        yield FieldViolation("kind", wrong, f"{session.kind}")


def granted(session: Session, before: Seat, kind: SeatKind | None, now: datetime) -> Seat:
    """The seat that a choice leads to; the same one when it changes nothing.

    Raises FailedPrecondition when every online seat is taken: only the room has a waiting list.
    """
    wanted, holds = _place(session, before, kind)
    if (wanted, holds) == (before.kind, before.holds):
        return before
    return replace(before, kind=wanted, holds=holds, chosen_at=now, turn=session.turns + 1)


def is_without_limit(session: Session, before: Seat, kind: SeatKind | None) -> bool:
    """Whether a choice takes and frees nothing that is limited."""
    free = (None, SeatKind.ONLINE)
    return not session.online_seats and before.kind in free and kind in free


def online_change(before: Seat, after: Seat) -> int:
    """How many more online seats are taken after a seat's change: 1, 0 or -1."""
    return _online(after) - _online(before)


def may_take(session: Session, seat: Seat) -> bool:
    """Whether a learner can take a seat at the door: without any, while the room has a free one."""
    return seat.kind is None and session.in_room < session.room_seats


def waits(seat: Seat) -> bool:
    """Whether the learner waits for a seat in the room."""
    return seat.kind is SeatKind.WAITLISTED


def promoted(waiting: Seat) -> Seat:
    """The seat of one who waited, now in the room; an online seat is let go."""
    return replace(waiting, kind=SeatKind.IN_ROOM, holds=None)


def recounted(session: Session, before: Seat, after: Seat) -> Session:
    """The session with its counters right after a seat's change."""
    return replace(
        session,
        in_room=session.in_room - _in_room(before) + _in_room(after),
        online=session.online + (online_change(before, after) if session.online_seats else 0),
        waitlisted=session.waitlisted - waits(before) + waits(after),
        turns=max(session.turns, after.turn),
    )


def to_promote(session: Session) -> int:
    """How many of those who wait can have a seat in the room now."""
    return max(0, min(session.room_seats - session.in_room, session.waitlisted))


def _place(
    session: Session, before: Seat, kind: SeatKind | None
) -> tuple[SeatKind | None, SeatKind | None]:
    """The kind that is granted, and what is held while waiting."""
    if kind is None:
        return None, None
    if kind is SeatKind.ONLINE:
        return _online_place(session, before)
    if before.kind in (SeatKind.IN_ROOM, SeatKind.WAITLISTED):
        return before.kind, before.holds
    if session.in_room < session.room_seats:
        return SeatKind.IN_ROOM, None
    return SeatKind.WAITLISTED, before.kind


def _online_place(session: Session, before: Seat) -> tuple[SeatKind, None]:
    full = 0 < session.online_seats <= session.online
    if full and not _online(before):
        wrong = f"all {session.online_seats} online seats are taken"
        raise FailedPrecondition(
            "no seat", [FieldViolation("kind", wrong, "IN_ROOM, or try again later")]
        )
    return SeatKind.ONLINE, None


def _in_room(seat: Seat) -> int:
    return int(seat.kind is SeatKind.IN_ROOM)


def _online(seat: Seat) -> int:
    return int(SeatKind.ONLINE in (seat.kind, seat.holds))
