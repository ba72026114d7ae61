"""Change settled attendance."""

from services.sessions.domain.attendance import Attendance
from services.sessions.domain.events import AttendanceAmended
from services.sessions.ports import Store
from services.sessions.usecases import found


def amend(store: Store, before: Attendance | None, after: Attendance, reason: str) -> None:
    """Keep a changed attendance; a changed verdict is told."""
    if after == before:
        return
    store.put_attendance(after)
    if before is None or before.verdict is not after.verdict:
        store.publish(
            AttendanceAmended(
                session_id=after.session_id,
                run_id=found.session(store, after.session_id).run_id,
                learner_id=after.learner_id,
                from_verdict=before.verdict if before else None,
                to_verdict=after.verdict,
                reason=reason,
                amended_at=store.now,
            )
        )
