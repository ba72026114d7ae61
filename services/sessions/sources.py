"""What sessions sends in a resync, in this order: who copies attendance needs its session first."""

from collections.abc import Sequence

from tandem.sessions.v1 import events_pb2 as events

from chassis.resync.sources import Source
from services.sessions.domain.finalising import LEARNERS_PER_EVENT
from services.sessions.store import SessionsStore
from services.sessions.usecases import resync

SOURCES: Sequence[Source[SessionsStore]] = (
    Source(
        "sessions",
        "sessions",
        (
            events.SessionScheduled,
            events.SessionStarted,
            events.SessionEnded,
            events.SessionCancelled,
        ),
        resync.tell_sessions,
    ),
    # A recording may have 20 parts, each with many stretches.
    Source(
        "recordings",
        "sessions",
        (events.RecordingAttached, events.RecordingWithdrawn),
        resync.tell_recordings,
        page=50,
    ),
    Source(
        "attendance",
        "attendance",
        (events.AttendanceSettled, events.AttendanceAmended),
        resync.tell_attendance,
        page=LEARNERS_PER_EVENT,
    ),
    Source(
        "waiting",
        "seats",
        (events.AttendanceSettled,),
        resync.tell_waiting,
        page=LEARNERS_PER_EVENT,
    ),
    Source("availability", "availability", (events.AvailabilityChanged,), resync.tell_availability),
)
