"""The state of sessions, recordings, attendance and availability, as events that tell it.

What sessions does not keep is not told: why a class was cancelled, or attendance amended. Of when
that was, the events have the instant at which they are told.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from services.sessions.domain import former_parts
from services.sessions.domain.attendance import Attendance, stretches_told
from services.sessions.domain.availability import changed
from services.sessions.domain.enums import SessionState
from services.sessions.domain.events import (
    AttendanceAmended,
    AttendanceSettled,
    SessionEnded,
    SessionScheduled,
    SessionStarted,
    SettledAttendance,
    about,
)
from services.sessions.domain.finalising import event_parts, settled_rows
from services.sessions.domain.recorded_parts import SessionRecording, parts_of
from services.sessions.domain.recording_events import RecordingAttached, RecordingWithdrawn
from services.sessions.domain.session import Session
from services.sessions.ports import Store
from services.sessions.usecases.planning import session_cancelled


def tell_sessions(store: Store, session_ids: Sequence[str]) -> list[object]:
    """Return the events that tell the state of sessions."""
    return [event for each in store.sessions_with(session_ids).values() for event in _state(each)]


def tell_recordings(store: Store, session_ids: Sequence[str]) -> list[object]:
    """Return the events that tell the recordings of sessions; nothing of those that never had one.

    What a run of an older version kept no longer is not known any more, so it is not told.
    """
    sessions, stored = store.sessions_with(session_ids), store.recordings_of(session_ids)
    return [
        event
        for session in sessions.values()
        for event in _recording(store, session, stored.get(session.id))
    ]


def tell_attendance(store: Store, attendance_ids: Sequence[str]) -> list[object]:
    """Return the events that tell the final attendance of learners.

    Who has none after it was amended is told, too; who only waits for a seat is told by
    `tell_waiting`.
    """
    found = store.final_attendance(attendance_ids)
    sessions = store.sessions_with({session_id for session_id, _ in found})
    of_session: dict[str, list[Attendance]] = defaultdict(list)
    events: list[object] = []
    for (session_id, learner_id), row in found.items():
        session = sessions.get(session_id)
        if session is not None and _is_told(session, row):
            events.append(_amended(store, session, learner_id, row))
            of_session[session_id] += [row] if row else []
    for session_id, rows in of_session.items():
        session = sessions[session_id]
        events += _settled(session, settled_rows(rows, frozenset(), session.started_at))
    return events


def tell_waiting(store: Store, seat_ids: Sequence[str]) -> list[object]:
    """Return the events that tell who only waited for a seat until the session ended, and so has no
    attendance.
    """
    waiting = store.waited_only(seat_ids)
    sessions = store.sessions_with({session_id for session_id, _ in waiting})
    of_session: dict[str, list[str]] = defaultdict(list)
    for session_id, learner_id in waiting:
        of_session[session_id].append(learner_id)
    events: list[object] = []
    for session_id, learner_ids in of_session.items():
        session = sessions.get(session_id)
        if session is not None and session.attendance_settled_at is not None:
            attended = store.attendance(session_id, learner_ids)
            waited = set(learner_ids) - attended.keys()
            events += _settled(session, settled_rows([], waited, session.started_at))
    return events


def tell_availability(store: Store, person_ids: Sequence[str]) -> list[object]:
    """Return the events that tell when people can teach."""
    return [*map(changed, store.availabilities(person_ids))]


def _state(session: Session) -> Iterator[object]:
    yield about(session, SessionScheduled)
    match session.state:
        case SessionState.LIVE:
            yield about(session, SessionStarted)
        case SessionState.ENDED:
            yield about(session, SessionEnded)
        case SessionState.CANCELLED:
            yield session_cancelled(session)


def _recording(store: Store, session: Session, stored: SessionRecording | None) -> Iterator[object]:
    parts = parts_of(session, stored)
    gone = former_parts.gone(stored, parts) if stored else ()
    if parts:
        yield about(
            session,
            RecordingAttached,
            item_id=parts[0].item_id,
            attached_at=store.now,
            starts_at_offset=parts[0].starts_at_offset,
            parts=parts,
            replaced_item_ids=gone,
        )
    elif gone:
        yield about(
            session,
            RecordingWithdrawn,
            item_ids=gone,
            reason="",
            withdrawn_at=store.now,
            parts=(),
            # To retire an item is for good, and what else uses it may be told after this.
            expired=False,
            withdrawn_by="",
        )


def _is_told(session: Session, row: Attendance | None) -> bool:
    """Return whether the attendance of a learner is final: before that, nobody has told it."""
    if row is None:
        return session.attendance_settled_at is not None
    return session.state is SessionState.ENDED


def _amended(
    store: Store, session: Session, learner_id: str, row: Attendance | None
) -> AttendanceAmended:
    """Return the event that is sent if the learner's attendance, or seat, ever had one."""
    return AttendanceAmended(
        session_id=session.id,
        run_id=session.run_id,
        learner_id=learner_id,
        from_verdict=None,
        to_verdict=row.verdict if row else None,
        reason="",
        amended_at=store.now,
        attended=stretches_told(row, session.started_at),
    )


def _settled(session: Session, rows: Sequence[SettledAttendance]) -> Iterator[AttendanceSettled]:
    for each in event_parts(rows, 0, last=False):
        yield about(session, AttendanceSettled, part=0, parts=0, learners=each.learners)
