"""Settle the attendance of sessions that have ended, a part a unit of work."""

from collections.abc import Sequence

from services.sessions.domain import settling
from services.sessions.domain.attendance import Attendance, settle
from services.sessions.domain.events import AttendanceSettled, about
from services.sessions.domain.session import Session, settled
from services.sessions.domain.settling import LEARNERS, SWEEP, Candidates, Part, Settlement
from services.sessions.ports import Store
from services.sessions.usecases import found
from services.sessions.usecases.attendance import settle_again

REASON = "joins and leaves came while attendance was settled"


def settle_part(store: Store, session_id: str, claim: str) -> None:
    """Do the next part of a settlement; nothing where the claim is another's by now."""
    settlement = store.claimed_settlement(session_id, claim)
    if settlement is None:
        return
    session = found.session(store, session_id)
    if settlement.passed:
        _sweep(store, session, settlement)
    else:
        _pass(store, session, settlement)


def _pass(store: Store, session: Session, settlement: Settlement) -> None:
    candidates = store.to_settle(session, settlement.after, LEARNERS + 1)
    counts = store.mark_counts(session.id, candidates.learner_ids)
    part = settling.part_of(candidates.learner_ids, counts)
    rows = _rows(store, session, candidates, part)
    _keep(store, session, part, rows)
    told = list(settling.told(rows, settlement.part, part.last))
    for each in told:
        store.publish(
            about(
                session,
                AttendanceSettled,
                part=each.part,
                parts=each.parts,
                learners=each.learners,
            )
        )
    store.put_settlement(settling.advanced(settlement, part, len(told)))
    if part.last:
        store.put_session(settled(session, store.now))


def _rows(store: Store, session: Session, candidates: Candidates, part: Part) -> list[Attendance]:
    unclear = store.enrolments((session.run_id, one) for one in candidates.unclear)
    expected = candidates.expected({each.learner_id: each for each in unclear.values()})
    marks = store.marks(session.id, part.learner_ids)
    policy = found.policy_of(store, session)
    return settle(session, part.learner_ids, expected, marks, policy)


def _keep(store: Store, session: Session, part: Part, rows: Sequence[Attendance]) -> None:
    others = set(part.learner_ids) - {row.learner_id for row in rows}
    store.put_attendance(rows)
    store.drop_attendance(session.id, others)
    store.count_settled(rows)


def _sweep(store: Store, session: Session, settlement: Settlement) -> None:
    """Settle again of whom something was noted that the first pass did not see."""
    late = store.unsettled(session.id, LEARNERS)
    if late:
        settle_again(store, session, late, REASON)
        store.put_settlement(settlement)
        return
    after = settling.swept(settlement)
    if after is None:
        store.end_settlement(session.id)
    else:
        store.put_settlement(after, SWEEP)
