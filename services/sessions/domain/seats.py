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
    ask_first: bool = False
    """Whether a freed seat is to be offered to the learner, if there is none now."""


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
    ask_first: bool = False
    """WAITLISTED: whether a freed seat is offered, and never given at once."""
    passed: int = 0
    """The session's `turns` when the learner last declined an offer or let it expire."""
    by_rotation: bool = False
    """Whether the seat was given to the learner's cohort, and not chosen."""
    gave_up: bool = False
    """Without `kind`: the learner wants no seat, though the cohort has the room."""
    offer_expires_at: datetime | None = None
    """Until when a seat is held for the learner; None: none is."""
    offer_kind: SeatKind = SeatKind.IN_ROOM
    """The kind of the seat that is held; ONLINE only by an invitation to a help session."""
    offered_by: str = ""
    """Who offered the seat out of turn; it stays when the seat is taken."""
    offer_reason: str = ""


def has_place(seat: Seat) -> bool:
    """Return whether the learner has a place, be it until another one is free."""
    return (seat.holds or seat.kind) in (SeatKind.IN_ROOM, SeatKind.ONLINE)


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


def granted(
    session: Session,
    before: Seat,
    kind: SeatKind | None,
    now: datetime,
    ask_first: bool = False,
) -> Seat:
    """Return the seat after a choice; the same one if the choice changes nothing.

    Raises FailedPrecondition if every online seat is taken: only the room has a waiting list.
    """
    wanted, holds = _place(session, before, kind, now)
    asks = ask_first and wanted is SeatKind.WAITLISTED
    if (wanted, holds) == (before.kind, before.holds) and not _gives_up_offer(before, kind):
        same = (asks, False) == (before.ask_first, before.by_rotation)
        return before if same else replace(before, ask_first=asks, by_rotation=False)
    after = replace(_placed(session, before, wanted, now), holds=holds, ask_first=asks)
    is_accepted = is_offered(before) and wanted is before.offer_kind
    return after if is_accepted else replace(after, offered_by="", offer_reason="")


def exchanged(session: Session, before: Seat, kind: SeatKind | None, now: datetime) -> Seat:
    """Return a learner's seat in a session after a swap; `kind`: None if the learner gave it."""
    after = replace(_placed(session, before, kind, now), offered_by="", offer_reason="")
    return remembered(session, after)


def remembered(session: Session, after: Seat) -> Seat:
    """Return the seat after a learner's choice. In a session in which a cohort has the room it is
    remembered that the learner wants no seat, or the cohort's learners would be given one again.
    """
    return replace(after, gave_up=after.kind is None and bool(session.cohort_id))


def is_kept(seat: Seat) -> bool:
    """Return whether there is something to store: a place, an offer, or that none is wanted."""
    return seat.kind is not None or is_offered(seat) or seat.gave_up


def is_offered(seat: Seat) -> bool:
    """Return whether a seat is held for the learner, also just after the time to answer."""
    return seat.offer_expires_at is not None


def stands(seat: Seat, now: datetime) -> bool:
    """Return whether the learner has an offer that can be answered now."""
    return seat.offer_expires_at is not None and now < seat.offer_expires_at


def is_without_limit(session: Session, before: Seat, kind: SeatKind | None) -> bool:
    """Return whether a choice takes and frees no limited seat."""
    free = (None, SeatKind.ONLINE)
    is_free = before.kind in free and kind in free
    return not session.online_seats and is_free and not _is_held(before, SeatKind.IN_ROOM)


def online_change(before: Seat, after: Seat) -> int:
    """Return by how many the taken online seats change with a seat: 1, 0 or -1."""
    return _online(after) - _online(before)


def may_take(session: Session, seat: Seat) -> bool:
    """Return whether a learner who has no seat, or waits for one, can take one at the door: the
    room has a free seat.
    """
    return seat.kind in (None, SeatKind.WAITLISTED) and has_free_seat(session)


def freeing_order(seat: Seat) -> tuple[bool, bool]:
    """Return a sort key for seats that are given up together: first those of learners who only
    wait, or a freed seat could go to one of them; last those in the room.
    """
    return not waits(seat) or is_offered(seat), seat.kind is SeatKind.IN_ROOM


def has_free_seat(session: Session) -> bool:
    """Return whether a seat in the room is neither taken nor held."""
    return session.in_room < session.room_seats


def has_free(session: Session, kind: SeatKind) -> bool:
    """Return whether a seat of a kind, in the room or online, is neither taken nor held."""
    if kind is SeatKind.IN_ROOM:
        return has_free_seat(session)
    return not session.online_seats or session.online < session.online_seats


def waits(seat: Seat) -> bool:
    """Return whether the learner waits for a seat in the room."""
    return seat.kind is SeatKind.WAITLISTED


def promoted(waiting: Seat) -> Seat:
    """Return the seat of a waiting learner, now in the room; an online seat is given up."""
    return replace(waiting, kind=SeatKind.IN_ROOM, holds=None, ask_first=False, passed=0)


def recounted(session: Session, before: Seat, after: Seat) -> Session:
    """Return the session with its counters updated for a seat's change."""
    turns = max(session.turns, after.turn, after.passed)
    is_freed = before.kind is SeatKind.IN_ROOM and after.kind is not SeatKind.IN_ROOM
    return replace(
        session,
        freed=turns if is_freed else session.freed,
        in_room=session.in_room - _in_room(before) + _in_room(after),
        online=session.online + (online_change(before, after) if session.online_seats else 0),
        waitlisted=session.waitlisted - waits(before) + waits(after),
        turns=turns,
    )


def with_other_seats(session: Session) -> Session:
    """Return a session that has another room or time: who passed a seat up is asked again."""
    return replace(session, freed=session.turns)


def to_promote(session: Session) -> int:
    """Return how many waiting learners can get a seat in the room now."""
    return max(0, min(session.room_seats - session.in_room, session.waitlisted))


def _gives_up_offer(before: Seat, kind: SeatKind | None) -> bool:
    return kind is None and is_offered(before)


def _placed(session: Session, before: Seat, kind: SeatKind | None, now: datetime) -> Seat:
    """Return a learner's new seat, without what belonged to the one before."""
    after = replace(before, kind=kind, holds=None, chosen_at=now, ask_first=False)
    after = replace(after, turn=session.turns + 1, passed=0, offer_expires_at=None)
    return replace(after, offer_kind=SeatKind.IN_ROOM, by_rotation=False, gave_up=False)


def _place(
    session: Session, before: Seat, kind: SeatKind | None, now: datetime
) -> tuple[SeatKind | None, SeatKind | None]:
    """Return the kind that is granted, and the seat that is kept while waiting."""
    if kind is None:
        return None, None
    if kind is SeatKind.ONLINE:
        return _online_place(session, before)
    stays = before.kind is SeatKind.IN_ROOM
    is_held = stands(before, now) and before.offer_kind is SeatKind.IN_ROOM
    if stays or is_held or has_free_seat(session):
        return SeatKind.IN_ROOM, None
    if waits(before):
        return before.kind, before.holds
    return SeatKind.WAITLISTED, before.kind


def _online_place(session: Session, before: Seat) -> tuple[SeatKind, None]:
    if not has_free(session, SeatKind.ONLINE) and not _online(before):
        wrong = f"all {session.online_seats} online seats are taken"
        raise FailedPrecondition(
            "no seat", [FieldViolation("kind", wrong, "IN_ROOM, or try again later")]
        )
    return SeatKind.ONLINE, None


def _in_room(seat: Seat) -> int:
    return int(seat.kind is SeatKind.IN_ROOM or _is_held(seat, SeatKind.IN_ROOM))


def _online(seat: Seat) -> int:
    is_taken = SeatKind.ONLINE in (seat.kind, seat.holds)
    return int(is_taken or _is_held(seat, SeatKind.ONLINE))


def _is_held(seat: Seat, kind: SeatKind) -> bool:
    """Return whether a seat of a kind is held for the learner."""
    return is_offered(seat) and seat.offer_kind is kind
