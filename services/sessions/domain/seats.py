"""Seats: who gets which seat, who waits, and who is promoted from the waiting list.

The session's counters (`in_room`, `online`, `waitlisted`) prevent overbooking: every change of a
limited seat goes through `recounted`. Online seats without limit are counted separately, so that
learners who take one don't wait for each other.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chassis.errors import FailedPrecondition, FieldViolation
from services.sessions.domain.enums import SeatKind, SessionKind, SessionState
from services.sessions.domain.roster import Enrolment, enrolled_violations, group_violations
from services.sessions.domain.session import Session, state_violations


@dataclass(frozen=True, slots=True)
class ChooseSeat:
    """Take a seat, change it, or (None) give it up."""

    session_id: str
    learner_id: str
    kind: SeatKind | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """A learner's seat in one session; without `kind` the learner has none."""

    session_id: str
    learner_id: str
    run_id: str
    kind: SeatKind | None = None
    holds: SeatKind | None = None
    """ONLINE while WAITLISTED: the online seat that the learner keeps meanwhile."""
    chosen_at: datetime | None = None
    turn: int = 0
    """The waitlist position: the smallest is promoted first."""


def no_seat(session: Session, learner_id: str) -> Seat:
    """Return the seat of a learner who has none."""
    return Seat(session_id=session.id, learner_id=learner_id, run_id=session.run_id)


def request_violations(kind: SeatKind | None) -> list[FieldViolation]:
    """Return a violation if a learner asks for a place on the waiting list."""
    if kind is SeatKind.WAITLISTED:
        right = "IN_ROOM; if the room is full, the learner waits"
        return [FieldViolation("kind", "WAITLISTED can't be chosen", right)]
    return []


def choice_violations(
    session: Session,
    enrolment: Enrolment | None,
    kind: SeatKind | None,
    cutoff: timedelta,
    now: datetime,
) -> Iterator[FieldViolation]:
    """Yield everything that is wrong with a learner's choice now."""
    yield from state_violations(session, "given seats for", SessionState.SCHEDULED)
    until = session.start_time - cutoff
    if now > until:
        wrong = f"seats of this session were chosen until {until.isoformat()}"
        yield FieldViolation("session_id", wrong, "a request before that")
    yield from enrolled_violations(session.run_id, enrolment)
    if kind is not None:
        yield from group_violations(session.group_ids, enrolment)
    if kind is not None and session.kind not in (SessionKind.HYBRID, SessionKind(kind)):
        wrong = f"the session is {session.kind} and has no seats {kind}"
        yield FieldViolation("kind", wrong, f"{session.kind}")


def granted(session: Session, before: Seat, kind: SeatKind | None, now: datetime) -> Seat:
    """Return the seat after a choice; the same one if the choice changes nothing.

    Raises FailedPrecondition if every online seat is taken: only the room has a waiting list.
    """
    wanted, holds = _place(session, before, kind)
    if (wanted, holds) == (before.kind, before.holds):
        return before
    return replace(before, kind=wanted, holds=holds, chosen_at=now, turn=session.turns + 1)


def is_without_limit(session: Session, before: Seat, kind: SeatKind | None) -> bool:
    """Return whether a choice takes and frees no limited seat."""
    free = (None, SeatKind.ONLINE)
    return not session.online_seats and before.kind in free and kind in free


def online_change(before: Seat, after: Seat) -> int:
    """Return by how many the taken online seats change with a seat: 1, 0 or -1."""
    return _online(after) - _online(before)


def may_take(session: Session, seat: Seat) -> bool:
    """Return whether a learner without a seat can take one at the door: the room has a free
    seat.
    """
    return seat.kind is None and session.in_room < session.room_seats


def waits(seat: Seat) -> bool:
    """Return whether the learner waits for a seat in the room."""
    return seat.kind is SeatKind.WAITLISTED


def promoted(waiting: Seat) -> Seat:
    """Return the seat of a waiting learner, now in the room; an online seat is given up."""
    return replace(waiting, kind=SeatKind.IN_ROOM, holds=None)


def recounted(session: Session, before: Seat, after: Seat) -> Session:
    """Return the session with its counters updated for a seat's change."""
    return replace(
        session,
        in_room=session.in_room - _in_room(before) + _in_room(after),
        online=session.online + (online_change(before, after) if session.online_seats else 0),
        waitlisted=session.waitlisted - waits(before) + waits(after),
        turns=max(session.turns, after.turn),
    )


def to_promote(session: Session) -> int:
    """Return how many waiting learners can get a seat in the room now."""
    return max(0, min(session.room_seats - session.in_room, session.waitlisted))


def _place(
    session: Session, before: Seat, kind: SeatKind | None
) -> tuple[SeatKind | None, SeatKind | None]:
    """Return the kind that is granted, and the seat that is kept while waiting."""
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
