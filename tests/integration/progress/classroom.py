"""A run to learn in: the real edge, the real MongoDB, and a clock that stands."""

import uuid
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.catalog.v1 import resources_pb2 as catalog_resources
from tandem.library.v1 import events_pb2 as library
from tandem.progress.v1 import events_pb2, progress_pb2, progress_pb2_grpc, resources_pb2
from tandem.sessions.v1 import events_pb2 as sessions
from tandem.types.v1 import types_pb2

from chassis.contracts import events
from chassis.data.store import Database
from chassis.messaging.inbox_processor import Delivery, Kind, apply
from chassis.testing import ChannelFor
from services.progress.domain.reevaluations import AGAIN_AFTER
from services.progress.store import ProgressStore
from services.progress.timers import miss, reevaluate, release_materials, tell_dues
from services.progress.worker import subscriptions
from tests.conftest import FakeClock

Stub = progress_pb2_grpc.ProgressServiceStub
M = TypeVar("M", bound=Message)
E = events.Event[Any]

RUN, FILM, BOOK, CLASS = "run-1", "film", "book", "class-1"
ADL = "http://adlnet.gov/expapi/verbs/"
PAUSED = "https://w3id.org/xapi/video/verbs/paused"
PRESENT = types_pb2.ATTENDANCE_VERDICT_PRESENT
PARTIAL = types_pb2.ATTENDANCE_VERDICT_PARTIAL
ABSENT = types_pb2.ATTENDANCE_VERDICT_ABSENT
EXCUSED = types_pb2.ATTENDANCE_VERDICT_EXCUSED
CAUGHT_UP = types_pb2.ATTENDANCE_VERDICT_CAUGHT_UP
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Classroom:
    """The service behind its API, and its queues."""

    def __init__(
        self, database: Database[ProgressStore], clock: FakeClock, channel_for: ChannelFor
    ) -> None:
        self.database = database
        self.clock = clock
        self.channel_for = channel_for
        self.staff = Stub(channel_for("curie", "registrar"))
        self.service = Stub(channel_for("player", "service"))
        self.queues = {each.name: each for each in subscriptions()}
        self._sequence = 0
        self._told = 0

    def learner(self, learner_id: str) -> Stub:
        """The API as a learner calls it."""
        return Stub(self.channel_for(learner_id, "learner"))

    # Events of other services

    def event(self, data: Message, sequence: int = 0, event_id: str = "") -> E:
        """An event of another service, as new as can be unless `sequence` says how old."""
        self._sequence += 1
        kind, number = events.event_type(type(data)), sequence or self._sequence
        now = self.clock.now()
        return events.Event(
            event_id or str(uuid.uuid4()), kind, "/tests", now, "", "", number, "", data
        )

    def hear(self, queue: str, *data: Message | E) -> list[Kind]:
        """Apply a batch of a queue as the worker does; return the dispositions."""
        batch = [each if isinstance(each, events.Event) else self.event(each) for each in data]
        return self.apply(queue, batch)

    def apply(self, subscription: str, batch: Iterable[E], queue: str = "") -> list[Kind]:
        """The dispositions of a subscription's events, which came by one of its queues."""
        deliveries = [
            Delivery(events.body_of(each.data), events.headers_of(each)) for each in batch
        ]
        subscribed = self.queues[f"progress.{subscription}"]
        return [each.kind for each in apply(self.database, subscribed, deliveries, queue)]

    def settle(self) -> None:
        """Apply the service's own events, and run its timers."""
        release_materials(self.database, DAY)
        while self._hear_own():
            pass
        reevaluate(self.database)
        miss(self.database)
        tell_dues(self.database)

    def settle_for_good(self) -> None:
        """Like `settle`, after all racing units of work have ended."""
        self.settle()
        reevaluate(self.database, ahead=AGAIN_AFTER)
        reevaluate(self.database, ahead=2 * AGAIN_AFTER)
        self.settle()

    def published(self, cls: type[M]) -> list[M]:
        """The events of one type that were published, in order."""
        return [each.data for each in self._outbox(cls)]

    def _hear_own(self) -> bool:
        rows = self._outbox(events_pb2.StatementsRecorded, events_pb2.StatementVoided)
        fresh, self._told = rows[self._told :], len(rows)
        for first in range(0, len(fresh), 200):
            self.apply("statements", fresh[first : first + 200])
        return bool(fresh)

    def _outbox(self, *classes: type[M]) -> list["events.Event[M]"]:
        types = [events.event_type(cls) for cls in classes]
        rows = self.database.mongo["outbox"].find({"type": {"$in": types}}).sort("_id")
        return [events.read(row["headers"], row["body"]) for row in rows]  # type: ignore[misc]

    # A run with what belongs to it

    def open(self, *activities: catalog_resources.Activity, learners: Iterable[str] = ()) -> None:
        """The run with its path, an hour of film, a book, and learners who came just now."""
        self.hear("plans", opened(), path(*activities))
        self.hear("attendance", available(FILM, 3600), available(BOOK))
        self.hear("plans", *(enrolled(each, self.clock.now()) for each in learners))
        self.settle()

    def hold_class(self, **statuses: "types_pb2.AttendanceVerdict.ValueType") -> None:
        """A recorded class that began an hour ago is over, with its attendance."""
        now = self.clock.now()
        self.hear("plans", scheduled(now - HOUR), ended(now))
        self.hear("attendance", finalised(now, statuses))
        self.settle()

    def record(self, *statements: resources_pb2.Statement) -> list[types_pb2.RowResult]:
        """Send statements, as a service."""
        request = progress_pb2.RecordStatementsRequest(statements=statements)
        return list(self.service.RecordStatements(request).results)

    def said(self, learner_id: str, verb: str, **fields: Any) -> resources_pb2.Statement:
        """A statement made now."""
        given: dict[str, Any] = {
            "id": str(uuid.uuid4()),
            "learner_id": learner_id,
            "verb": verb if ":" in verb else f"{ADL}{verb}",
            "run_id": RUN,
            "timestamp": stamp(self.clock.now()),
        }
        return resources_pb2.Statement(**{**given, **fields})

    def watched(self, learner_id: str, segments: str, **fields: Any) -> resources_pb2.Statement:
        """A statement of a player that paused."""
        video = resources_pb2.VideoExtensions(length=3600, played_segments=segments)
        given: dict[str, Any] = {"item_id": FILM, "video": video}
        return self.said(learner_id, PAUSED, **{**given, **fields})

    # What is answered

    def summary(self) -> resources_pb2.RunSummary:
        """The run at a glance."""
        request = progress_pb2.ListRunProgressRequest(run_id=RUN, page_size=1)
        return self.staff.ListRunProgress(request).summary

    def progress(self, learner_id: str) -> progress_pb2.GetProgressResponse:
        """One learner, activity by activity."""
        request = progress_pb2.GetProgressRequest(run_id=RUN, learner_id=learner_id)
        return self.staff.GetProgress(request)

    def states(self, learner_id: str) -> dict[str, str]:
        """The state of each activity of a learner."""
        name = resources_pb2.ActivityState.Name
        rows = self.progress(learner_id).activities
        return {each.activity_id: name(each.state).rpartition("_")[2] for each in rows}

    def due(self, learner_id: str, activity_id: str) -> datetime | None:
        """A learner's deadline for an activity."""
        for each in self.progress(learner_id).activities:
            if each.activity_id == activity_id and each.HasField("due"):
                return each.due.ToDatetime(tzinfo=UTC)
        return None

    def catch_ups(self, learner_id: str = "") -> list[resources_pb2.CatchUp]:
        """The run's catch-ups, or one learner's."""
        request = progress_pb2.ListCatchUpsRequest(run_id=RUN, learner_id=learner_id)
        return list(self.staff.ListCatchUps(request).catch_ups)

    def catch_up(self, learner_id: str) -> resources_pb2.CatchUp:
        """A learner's only catch-up."""
        (found,) = self.catch_ups(learner_id)
        return found


def stamp(at: datetime) -> Timestamp:
    """An instant as the contracts write it."""
    made = Timestamp()
    made.FromDatetime(at)
    return made


def opened(**policy: Any) -> catalog.RunOpened:
    """The run, by whose policy a catch-up is due after three days."""
    rules = {"catch_up_within": Duration(seconds=3 * 86400), "watched_share": 0.9, **policy}
    return catalog.RunOpened(
        run_id=RUN,
        title="Physics",
        zone="Europe/Dublin",
        policy=catalog_resources.RunPolicy(**rules),
    )


def path(*activities: catalog_resources.Activity, version: int = 1) -> catalog.PathPublished:
    """A version of the run's path."""
    return catalog.PathPublished(run_id=RUN, version=version, activities=activities)


def task(activity_id: str = "essay", **fields: Any) -> catalog_resources.Activity:
    """A step of the path; a TASK unless `kind` says what."""
    given: dict[str, Any] = {"title": activity_id.title(), "kind": types_pb2.ACTIVITY_KIND_TASK}
    return catalog_resources.Activity(id=activity_id, **{**given, **fields})


def item(activity_id: str, item_id: str, **fields: Any) -> catalog_resources.Activity:
    """An ITEM of the path."""
    return task(activity_id, kind=types_pb2.ACTIVITY_KIND_ITEM, item_id=item_id, **fields)


def lecture(**fields: Any) -> catalog_resources.Activity:
    """The SESSION activity that the class holds."""
    return task("lecture", kind=types_pb2.ACTIVITY_KIND_SESSION, **fields)


def after(activity_id: str, hours: float) -> catalog_resources.TimeRule:
    """A deadline that hangs on another activity."""
    offset = Duration(seconds=int(hours * 3600))
    other = catalog_resources.AfterActivity(activity_id=activity_id, offset=offset)
    return catalog_resources.TimeRule(after_activity=other)


def enrolled(learner_id: str, at: datetime) -> catalog.EnrolmentCreated:
    """A learner who holds a place."""
    return catalog.EnrolmentCreated(
        enrolment_id=f"e-{learner_id}",
        run_id=RUN,
        learner_id=learner_id,
        mode=types_pb2.ATTENDANCE_MODE_ONLINE,
        enrolled_at=stamp(at),
    )


def withdrawn(learner_id: str) -> catalog.EnrolmentWithdrawn:
    """A learner who left."""
    return catalog.EnrolmentWithdrawn(
        enrolment_id=f"e-{learner_id}", run_id=RUN, learner_id=learner_id
    )


def available(item_id: str, seconds: float = 0) -> library.ItemAvailable:
    """An item that can be read; a video where it has playing time."""
    kind = types_pb2.ITEM_KIND_RECORDING if seconds else types_pb2.ITEM_KIND_PDF
    return library.ItemAvailable(item_id=item_id, kind=kind, title=item_id, seconds=seconds)


def failed(item_id: str) -> library.ItemFailed:
    """An item that was refused."""
    return library.ItemFailed(item_id=item_id, kind=types_pb2.ITEM_KIND_RECORDING, reason="torn")


def scheduled(start: datetime, hours: float = 1, **fields: Any) -> sessions.SessionScheduled:
    """The class is planned; it is to be recorded."""
    given: dict[str, Any] = {
        "session_id": CLASS,
        "run_id": RUN,
        "activity_id": "lecture",
        "title": "Motion",
        "start_time": stamp(start),
        "end_time": stamp(start + timedelta(hours=hours)),
        "recorded": True,
    }
    return sessions.SessionScheduled(**{**given, **fields})


def moved(old: datetime, new: datetime) -> sessions.SessionMoved:
    """The class takes place at another time."""
    return sessions.SessionMoved(
        session_id=CLASS,
        run_id=RUN,
        activity_id="lecture",
        title="Motion",
        old_start_time=stamp(old),
        old_end_time=stamp(old + HOUR),
        new_start_time=stamp(new),
        new_end_time=stamp(new + HOUR),
    )


def cancelled(start: datetime, substitute: str = "") -> sessions.SessionCancelled:
    """The class does not take place."""
    return sessions.SessionCancelled(
        session_id=CLASS,
        run_id=RUN,
        activity_id="lecture",
        title="Motion",
        start_time=stamp(start),
        end_time=stamp(start + HOUR),
        substitute_item_id=substitute,
    )


def ended(at: datetime, session_id: str = CLASS) -> sessions.SessionEnded:
    """The class is over."""
    return sessions.SessionEnded(
        session_id=session_id,
        run_id=RUN,
        activity_id="lecture",
        title="Motion",
        ended_at=stamp(at),
        recorded=True,
    )


def finalised(
    at: datetime,
    statuses: "dict[str, types_pb2.AttendanceVerdict.ValueType]",
    part: int = 1,
    parts: int = 1,
    **fields: Any,
) -> sessions.AttendanceSettled:
    """The class's finalised attendance."""
    rows = [
        sessions.SettledAttendance(learner_id=learner, verdict=verdict, minutes=0)
        for learner, verdict in statuses.items()
    ]
    given: dict[str, Any] = {
        "session_id": CLASS,
        "run_id": RUN,
        "activity_id": "lecture",
        "title": "Motion",
        "recorded": True,
        "ended_at": stamp(at),
    }
    return sessions.AttendanceSettled(part=part, parts=parts, learners=rows, **{**given, **fields})


def amended(
    learner_id: str, verdict: "types_pb2.AttendanceVerdict.ValueType"
) -> sessions.AttendanceAmended:
    """A learner's attendance changed."""
    return sessions.AttendanceAmended(
        session_id=CLASS,
        run_id=RUN,
        learner_id=learner_id,
        from_verdict=ABSENT,
        to_verdict=verdict,
    )


def recorded(item_id: str = FILM) -> sessions.RecordingAttached:
    """The class has a recording."""
    return sessions.RecordingAttached(
        session_id=CLASS, run_id=RUN, activity_id="lecture", item_id=item_id
    )


def refused(call: Callable[[], object]) -> tuple[grpc.StatusCode, str]:
    """The status and text by which a call is refused."""
    with pytest.raises(grpc.RpcError) as error:
        call()
    status: Any = error.value
    return status.code(), str(status.details())
