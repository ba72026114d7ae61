"""See who is there: check-ins in the room, joins and leaves from the meeting provider."""

from collections.abc import Iterable, Sequence, Set
from datetime import datetime

from services.sessions.domain import checkin
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
from services.sessions.usecases.attendance import settle_again
from services.sessions.usecases.seats import take_free_seat

LATE = "joins and leaves came after the end"


def check_in(store: Store, command: CheckIn) -> CheckedIn | WrongCode:
    """Mark a learner as there from now; one who is there already is answered since when.

    Who has no seat takes a free one. A wrong code is counted and answered, so that the count is
    kept. Raises NotFound, and FailedPrecondition when the session is not LIVE, the learner has no
    seat in the room and can take none, or has guessed too often.
    """
    learner_id = command.learner_id
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

    Those that come after their learners were settled settle these again, and nobody else.
    """
    session = found.session(store, command.session_id)
    learners = {row.mark.learner_id for row in command.rows if row.mark}
    enrolled = _enrolled(store, session, learners)
    rows = [_judged(row, session, enrolled, store.now) for row in command.rows]
    new = store.add_marks(session.id, [row.mark for row in rows if row.mark])
    _account(store, session, {mark.learner_id for mark in new})
    return _results(rows, new)


def _account(store: Store, session: Session, learner_ids: Set[str]) -> None:
    """See to it that learners' new marks count: now, or when they are settled."""
    late = set(learner_ids) if session.state is SessionState.ENDED else set()
    settlement = store.settlement(session.id) if late else None
    if settlement is not None:
        late = {one for one in late if settlement.has_passed(one)}
    store.touch_attendance(session.id, learner_ids - late, unsettled=True)
    store.touch_attendance(session.id, late, unsettled=False)
    settle_again(store, session, late, LATE)


def _there(store: Store, session: Session, learner_id: str) -> datetime:
    since = there_since(store.marks(session.id, [learner_id]).get(learner_id, ()))
    if since is None:
        store.add_marks(session.id, [Mark(learner_id, PresenceKind.JOINED, store.now, IN_PERSON)])
        store.touch_attendance(session.id, [learner_id], unsettled=True)
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


def _results(rows: Sequence[PresenceRow], new: Set[Mark]) -> list[RowResult]:
    results, left = [], set(new)
    for place, row in enumerate(rows):
        learner_id = row.mark.learner_id if row.mark else ""
        results.append(RowResult(place, learner_id, row.mark in left, row.faults))
        if row.mark:
            left.discard(row.mark)  # the same row again changes nothing
    return results
