"""Finalising the attendance of ended sessions, one chunk in each unit of work."""

from collections.abc import Sequence

from services.sessions.domain import finalising
from services.sessions.domain.attendance import Attendance, finalise
from services.sessions.domain.events import AttendanceSettled, about
from services.sessions.domain.finalising import LEARNERS, SWEEP, Candidates, Chunk, Finalisation
from services.sessions.domain.session import Session, finalised
from services.sessions.ports import Store
from services.sessions.usecases import lookup
from services.sessions.usecases.attendance import finalise_again

REASON = "joins and leaves came while attendance was finalised"


def finalise_chunk(store: Store, session_id: str, claim: str) -> None:
    """Do the next chunk of a finalisation; nothing if another process has claimed it by now."""
    finalisation = store.claimed_finalisation(session_id, claim)
    if finalisation is None:
        return
    session = lookup.session(store, session_id)
    if finalisation.passed:
        _sweep(store, session, finalisation)
    else:
        _pass(store, session, finalisation)


def _pass(store: Store, session: Session, finalisation: Finalisation) -> None:
    candidates = store.to_finalise(session, finalisation.after, LEARNERS + 1)
    counts = store.presence_event_counts(session.id, candidates.learner_ids)
    chunk = finalising.chunk_of(candidates.learner_ids, counts)
    rows = _rows(store, session, candidates, chunk)
    _keep(store, session, chunk, rows)
    waited = candidates.waiting.intersection(chunk.learner_ids)
    told = finalising.settled_rows(rows, waited, session.started_at)
    parts = list(finalising.event_parts(told, finalisation.part, chunk.last))
    for each in parts:
        store.record_event(
            about(
                session,
                AttendanceSettled,
                part=each.part,
                parts=each.parts,
                learners=each.learners,
            )
        )
    store.put_finalisation(finalising.advanced(finalisation, chunk, len(parts)))
    if chunk.last:
        store.put_session(finalised(session, store.now))


def _rows(store: Store, session: Session, candidates: Candidates, chunk: Chunk) -> list[Attendance]:
    unclear = store.enrolments((session.run_id, one) for one in candidates.unclear)
    expected = candidates.expected({each.learner_id: each for each in unclear.values()})
    presence_events = store.presence_events(session.id, chunk.learner_ids)
    policy = lookup.policy_of(store, session)
    return finalise(session, chunk.learner_ids, expected, presence_events, policy)


def _keep(store: Store, session: Session, chunk: Chunk, rows: Sequence[Attendance]) -> None:
    others = set(chunk.learner_ids) - {row.learner_id for row in rows}
    store.put_attendance(rows)
    store.drop_attendance(session.id, others)
    store.count_finalised(rows)


def _sweep(store: Store, session: Session, finalisation: Finalisation) -> None:
    """Finalise learners again whose notes the first pass did not see."""
    late = store.unfinalised(session.id, LEARNERS)
    if late:
        finalise_again(store, session, late, REASON)
        store.put_finalisation(finalisation)
        return
    after = finalising.swept(finalisation)
    if after is None:
        store.end_finalisation(session.id)
    else:
        store.put_finalisation(after, SWEEP)
