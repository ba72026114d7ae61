"""See who is there: check-ins in the room, joins and leaves from the meeting provider."""

from collections.abc import Iterable, Sequence, Set
from datetime import datetime

from services.sessions.domain import checkin
from services.sessions.domain.attendance import amended, settle
from services.sessions.domain.checkin import CheckedIn, CheckIn, WrongCode
from services.sessions.domain.presence import (
    IN_PERSON,
    Mark,
    PresenceRow,
    RecordPresence,
    RowResult,
    mark_faults,
    there_since,
)
from services.sessions.domain.roster import is_enrolled
from services.sessions.domain.session import Session
from services.sessions.domain.words import PresenceKind, SessionState
from services.sessions.ports import Store
from services.sessions.usecases import found
from services.sessions.usecases.attendance import amend
from services.sessions.usecases.seats import take_free_seat

LATE = "joins and leaves came after the end"


def check_in(store: Store, command: CheckIn) -> CheckedIn | WrongCode:
    """Mark a learner as there from now; one who is there already is answered since when.

    Who has no seat takes a free one. A wrong code is counted and answered, so that the count is
    kept. Raises NotFound, and FailedPrecondition when the session is not LIVE, the learner has no
    seat in the room and can take none, or has guessed too often.
    """
    learner_id = command.learner_id
    store.guard_presence(command.session_id, [learner_id])
    session = found.session(store, command.session_id)
    tries = store.wrong_codes(session.id, learner_id)
    seat = found.seat_of(store, session, learner_id)
    enrolled = bool(_enrolled(store, session, [learner_id]))
    checkin.expect_entitled(session, seat, enrolled, tries)
    if not checkin.holds(session, command.code, store.now):
        store.count_wrong_code(session.id, learner_id)
        return WrongCode(checkin.TRIES - tries - 1)
    if seat.kind is None:
        take_free_seat(store, session.id, learner_id)
    return CheckedIn(_there(store, session, learner_id))


def record_presence(store: Store, command: RecordPresence) -> list[RowResult]:
    """Take a batch of joins and leaves, each row by itself. Raises NotFound.

    Those that come after the end settle their learners again.
    """
    learners = {row.mark.learner_id for row in command.rows if row.mark}
    store.guard_presence(command.session_id, learners)
    session = found.session(store, command.session_id)
    enrolled = _enrolled(store, session, learners)
    rows = [_judged(row, session, enrolled, store.now) for row in command.rows]
    new = store.add_marks(session.id, [row.mark for row in rows if row.mark])
    if new and session.state is SessionState.ENDED:
        _settle_again(store, session, {mark.learner_id for mark in new})
    return _results(rows, new)


def _settle_again(store: Store, session: Session, learner_ids: Set[str]) -> None:
    marks = {one: store.marks(session.id, one) for one in learner_ids}
    expected = store.expected_learners(session) & learner_ids
    for row in settle(session, expected, marks, found.policy_of(store, session)):
        before = store.attendance(session.id, row.learner_id)
        amend(store, before, amended(before, row), LATE)


def _there(store: Store, session: Session, learner_id: str) -> datetime:
    since = there_since(store.marks(session.id, learner_id))
    if since is None:
        store.add_marks(session.id, [Mark(learner_id, PresenceKind.JOINED, store.now, IN_PERSON)])
    return since or store.now


def _enrolled(store: Store, session: Session, learner_ids: Iterable[str]) -> set[str]:
    known = store.enrolments((session.run_id, learner_id) for learner_id in learner_ids)
    return {each.learner_id for each in known.values() if is_enrolled(each)}


def _judged(row: PresenceRow, session: Session, enrolled: Set[str], now: datetime) -> PresenceRow:
    """The row as it is when nothing speaks against it; else its faults without its mark."""
    if row.mark is None:
        return row
    faults = tuple(mark_faults(session, row.mark, row.mark.learner_id in enrolled, now))
    return PresenceRow(None, faults) if faults else row


def _results(rows: Sequence[PresenceRow], new: set[Mark]) -> list[RowResult]:
    results = []
    for place, row in enumerate(rows):
        learner_id = row.mark.learner_id if row.mark else ""
        results.append(RowResult(place, learner_id, row.mark in new, row.faults))
        new = new - {row.mark} if row.mark in new else new  # the same row again changes nothing
    return results
