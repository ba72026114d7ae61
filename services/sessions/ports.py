"""The interfaces that the use cases need."""

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

from services.sessions.ports_attendance import AttendanceStore
from services.sessions.ports_clashes import ClashStore
from services.sessions.ports_counts import CountingStore
from services.sessions.ports_feedback import FeedbackStore
from services.sessions.ports_feeds import FeedStore
from services.sessions.ports_help import HelpStore
from services.sessions.ports_live import LiveStore
from services.sessions.ports_meetings import MeetingStore
from services.sessions.ports_moderation import ModerationStore
from services.sessions.ports_planning import PlanningStore
from services.sessions.ports_polls import PollStore
from services.sessions.ports_questions import QuestionStore
from services.sessions.ports_recording_copies import RecordingCopyStore
from services.sessions.ports_recordings import RecordingStore
from services.sessions.ports_rosters import RosterStore
from services.sessions.ports_seats import SeatStore
from services.sessions.ports_timetables import TimetableStore


class Instances(Protocol):
    """Finds the instances of a recurrence rule."""

    def __call__(self, rule: str, start: datetime) -> Iterator[datetime]:
        """Yield the local times that a rule gives from a start on, in order.

        `rule`: the text of a valid `recurrence.Rule`.
        """


class Store(
    CountingStore,
    PlanningStore,
    ClashStore,
    TimetableStore,
    FeedStore,
    RosterStore,
    SeatStore,
    AttendanceStore,
    MeetingStore,
    RecordingCopyStore,
    RecordingStore,
    LiveStore,
    QuestionStore,
    ModerationStore,
    PollStore,
    FeedbackStore,
    HelpStore,
    Protocol,
):
    """The data of sessions as one unit of work sees them."""

    now: datetime

    def new_id(self) -> str:
        """Return a new UUIDv7."""

    def new_secret(self) -> str:
        """Return 32 random bytes in hex."""

    def contends_for(self, kind: str, id_: str) -> None:
        """Lock a thing, before it is read or written, that other units of work may change too."""

    def record_event(self, *happened: object) -> None:
        """Record events, which are published after the unit of work is committed."""

    def lock(self, *names: str) -> None:
        """Lock the objects with these names (kind:id): of two units of work that lock the same
        object, one starts again.
        """
