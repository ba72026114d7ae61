"""Changing final attendance."""

from collections.abc import Collection

from services.sessions.domain.attendance import Attendance, amended, finalise
from services.sessions.domain.events import AttendanceAmended
from services.sessions.domain.session import Session
from services.sessions.ports import Store
from services.sessions.usecases import lookup


def finalise_again(
    store: Store, session: Session, learner_ids: Collection[str], reason: str
) -> None:
    """Finalise some learners again, by all their presence events, after the first pass.

    A learner without attendance was not expected when the session ended, even if that has changed.
    """
    known = store.attendance(session.id, learner_ids)
    expected = {one for one, row in known.items() if row.expected}
    presence_events, policy = (
        store.presence_events(session.id, learner_ids),
        lookup.policy_of(store, session),
    )
    rows = finalise(session, sorted(learner_ids), expected, presence_events, policy)
    counted = {row.learner_id: row for row in rows}
    after = {one: amended(known.get(one), counted.get(one)) for one in sorted(learner_ids)}
    store.put_attendance([row for row in after.values() if row])
    store.drop_attendance(session.id, [one for one, row in after.items() if row is None])
    for one, row in after.items():
        record_amendment(store, session, one, known.get(one), row, reason)


def record_amendment(
    store: Store,
    session: Session,
    learner_id: str,
    before: Attendance | None,
    after: Attendance | None,
    reason: str,
) -> None:
    """Record an event if the attendance status changed; None means no attendance."""
    old, new = (row.verdict if row else None for row in (before, after))
    if old is new:
        return
    store.record_event(
        AttendanceAmended(
            session_id=session.id,
            run_id=session.run_id,
            learner_id=learner_id,
            from_verdict=old,
            to_verdict=new,
            reason=reason,
            amended_at=store.now,
        )
    )
