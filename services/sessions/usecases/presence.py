"""Recording presence: check-ins in the room, joins and leaves from the meeting provider."""

from collections.abc import Iterable, Sequence, Set
from dataclasses import replace
from datetime import datetime

from services.sessions.domain import checkin
from services.sessions.domain.checkin import CheckedIn, CheckIn, WrongCode
from services.sessions.domain.enums import PresenceKind, SeatKind, SessionState
from services.sessions.domain.presence import (
    IN_PERSON,
    PresenceEvent,
    PresenceRow,
    RecordPresence,
    RowResult,
    presence_event_violations,
    there_since,
)
from services.sessions.domain.roster import is_enrolled
from services.sessions.domain.session import Session
from services.sessions.ports import Store
from services.sessions.ports_counts import Happening
from services.sessions.usecases import lookup
from services.sessions.usecases.attendance import finalise_again
from services.sessions.usecases.seats import take_free_seat

LATE = "joins and leaves came after the end"


def check_in(store: Store, command: CheckIn) -> CheckedIn | WrongCode:
    """Record a learner as there from now; return since when, if the learner is there already.

    A learner without a seat takes a free one. A wrong code is counted, and is a result, so that the
    count is committed. Raises NotFound, and FailedPrecondition if the session is not LIVE, if the
    learner has no seat in the room and can take none, or has entered too many wrong codes.
    """
    learner_id = command.learner_id
    session = lookup.session(store, command.session_id)
    tries = store.wrong_codes(session.id, learner_id)
    seat = lookup.seat_of(store, session, learner_id)
    enrolled = bool(_enrolled(store, session, [learner_id]))
    checkin.expect_entitled(session, seat, enrolled, tries)
    if not checkin.holds(session, command.code, store.now):
        return _wrong_code(store, session, command, tries)
    if seat.kind is not SeatKind.IN_ROOM:
        take_free_seat(store, session.id, learner_id)
    store.count(Happening.CHECKED_IN)
    return CheckedIn(_there(store, session, learner_id))


def record_presence(store: Store, command: RecordPresence) -> list[RowResult]:
    """Record a batch of joins and leaves, each row by itself. Raises NotFound.

    If they arrive after their learners' finalisation, these learners, and no others, are finalised
    again.
    """
    session = _unless_overdue(store, lookup.session(store, command.session_id))
    learners = {row.presence_event.learner_id for row in command.rows if row.presence_event}
    enrolled = _enrolled(store, session, learners)
    rows = [_judged(row, session, enrolled, store.now) for row in command.rows]
    new = store.add_presence_events(
        session.id, [row.presence_event for row in rows if row.presence_event]
    )
    _account(store, session, {presence_event.learner_id for presence_event in new})
    return _results(rows, new)


def _wrong_code(store: Store, session: Session, command: CheckIn, tries: int) -> WrongCode:
    """Count a wrong code, and return how many more the learner may try."""
    is_old = checkin.is_old(session, command.code, store.now)
    store.count_wrong_code(session.id, command.learner_id)
    store.count(Happening.OLD_CODE if is_old else Happening.WRONG_CODE)
    return WrongCode(checkin.TRIES - tries - 1, is_old)


def _unless_overdue(store: Store, session: Session) -> Session:
    """Return the session. If it should have ended by now and nobody has started it, lock it: it
    may be settled at this moment, or may have been found not held, which presence refutes.
    """
    if session.state is not SessionState.SCHEDULED or store.now < session.planned_end:
        return session
    session = lookup.lock_session(store, session.id)
    if session.not_held_at is not None:
        session = replace(session, not_held_at=None)
        store.put_session(session)
    return session


def _account(store: Store, session: Session, learner_ids: Set[str]) -> None:
    """Make learners' new presence events count: now, or in their finalisation."""
    late = set(learner_ids) if session.state is SessionState.ENDED else set()
    finalisation = store.finalisation(session.id) if late else None
    if finalisation is not None:
        late = {one for one in late if finalisation.has_passed(one)}
    store.touch_attendance(session.id, learner_ids - late, unfinalised=True)
    store.touch_attendance(session.id, late, unfinalised=False)
    finalise_again(store, session, late, LATE)


def _there(store: Store, session: Session, learner_id: str) -> datetime:
    since = there_since(store.presence_events(session.id, [learner_id]).get(learner_id, ()))
    if since is None:
        store.add_presence_events(
            session.id, [PresenceEvent(learner_id, PresenceKind.JOINED, store.now, IN_PERSON)]
        )
        store.touch_attendance(session.id, [learner_id], unfinalised=True)
    return since or store.now


def _enrolled(store: Store, session: Session, learner_ids: Iterable[str]) -> set[str]:
    known = store.enrolments((session.run_id, learner_id) for learner_id in learner_ids)
    return {each.learner_id for each in known.values() if is_enrolled(each)}


def _judged(row: PresenceRow, session: Session, enrolled: Set[str], now: datetime) -> PresenceRow:
    """Return the row if it is valid; otherwise a row with its violations."""
    if row.presence_event is None:
        return row
    violations = tuple(
        presence_event_violations(
            session, row.presence_event, row.presence_event.learner_id in enrolled, now
        )
    )
    return PresenceRow(None, violations) if violations else row


def _results(rows: Sequence[PresenceRow], new: Set[PresenceEvent]) -> list[RowResult]:
    results, left = [], set(new)
    for place, row in enumerate(rows):
        learner_id = row.presence_event.learner_id if row.presence_event else ""
        results.append(RowResult(place, learner_id, row.presence_event in left, row.violations))
        if row.presence_event:
            left.discard(row.presence_event)  # a repeated row changes nothing
    return results
