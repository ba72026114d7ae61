"""A run to study in: the real edge, the real MongoDB and inbox, and a clock that stands."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.catalog.v1 import resources_pb2 as catalog_resources
from tandem.library.v1 import events_pb2 as library
from tandem.progress.v1 import progress_pb2, progress_pb2_grpc
from tandem.progress.v1 import resources_pb2 as progress
from tandem.sessions.v1 import events_pb2 as sessions
from tandem.types.v1 import types_pb2

from chassis import events
from chassis.apply import Delivery, Kind, Verdict, apply
from chassis.caller import Caller, calling
from chassis.store import Database
from chassis.testing import ChannelFor
from services.progress.api import ProgressApi
from services.progress.store import ProgressStore
from services.progress.worker import subscriptions, timers
from tests.conftest import FakeClock

Stub = progress_pb2_grpc.ProgressServiceStub
RUN, SESSION, RECORDING = "run-1", "session-1", "recording"
ABSENT = types_pb2.ATTENDANCE_VERDICT_ABSENT
PAUSED = "https://w3id.org/xapi/video/verbs/paused"
COMPLETED = "http://adlnet.gov/expapi/verbs/completed"
HOUR = timedelta(hours=1)


def stamp(at: datetime) -> Timestamp:
    """An instant as a message."""
    made = Timestamp()
    made.FromDatetime(at)
    return made


class CampusRun:
    """Progress with events to hear, timers to tick, and its API."""

    def __init__(
        self, database: Database[ProgressStore], clock: FakeClock, channel_for: ChannelFor
    ) -> None:
        self.database, self.clock, self.channel_for = database, clock, channel_for
        self.staff = Stub(channel_for("curie", "instructor"))
        self.service = Stub(channel_for("players", "service"))
        # Races call the servicer itself: what they try is the database, not the edge's threads.
        self.api = ProgressApi(database)
        self._queues = {each.name: each for each in subscriptions()}
        self._sequence = 0
        self.monday = clock.at.replace(hour=9)

    # What happens elsewhere

    def event(self, data: Message, sequence: int = 0) -> Delivery:
        """A delivery of an event, numbered on unless `sequence` says how."""
        self._sequence += 1
        subject, key = events.subject_and_key(data)
        made = events.Event(
            id=str(uuid.uuid4()),
            type=events.event_type(type(data)),
            source="/tandem/tests",
            time=self.clock.at,
            subject=subject,
            partition_key=key,
            sequence=sequence or self._sequence,
            traceparent="",
            data=data,
        )
        return Delivery(events.body_of(data), events.headers_of(made))

    def deliver(self, queue: str, *deliveries: Delivery) -> list[Verdict]:
        """Apply a batch through the real inbox."""
        return apply(self.database, self._queues[f"progress.{queue}"], deliveries)

    def hear(self, queue: str, *data: Message) -> None:
        """Apply events, all of which must be taken."""
        verdicts = self.deliver(queue, *map(self.event, data))
        assert {verdict.kind for verdict in verdicts} <= {Kind.APPLIED}, verdicts

    def tick(self) -> None:
        """Everything that time causes, until nothing is left."""
        for timer in timers():
            timer.run(self.database)

    def settle(self) -> None:
        """Our own statements come back as events, and time passes a moment."""
        self.relay()
        self.tick()

    def relay(self) -> None:
        """Deliver our own statement events, as relay and broker would; twice, as they may."""
        own = self.outbox("statements.recorded")
        deliveries = [Delivery(bytes(row["body"]), row["headers"]) for row in own]
        if deliveries:
            self.deliver("statements", *deliveries)
            self.deliver("statements", *deliveries)

    def outbox(self, name: str) -> list[dict[str, Any]]:
        """What was published under a name, in order."""
        query = {"type": f"tandem.progress.{name}.v1"}
        return list(self.database.mongo["outbox"].find(query).sort("_id"))

    def told(self, name: str) -> list[Any]:
        """The messages that were published under a name."""
        rows = self.outbox(name)
        return [events.read(row["headers"], bytes(row["body"])).data for row in rows]

    # What catalog, sessions and library say

    def opened(self, run_id: str = RUN, **policy: Any) -> catalog.RunOpened:
        """A run with three days for catch-ups."""
        rules: dict[str, Any] = {
            "catch_up_within": Duration(seconds=3 * 24 * 3600),
            "watched_share": 0.9,
            **policy,
        }
        return catalog.RunOpened(
            run_id=run_id,
            title="Physics",
            zone="Europe/Dublin",
            policy=catalog_resources.RunPolicy(**rules),
        )

    def published(
        self, *activities: catalog_resources.Activity, version: int = 1
    ) -> catalog.PathPublished:
        """A version of the run's path."""
        return catalog.PathPublished(run_id=RUN, version=version, activities=activities)

    def enrolled(self, learner: str, run_id: str = RUN) -> catalog.EnrolmentCreated:
        """A learner holds a place since a day ago."""
        return catalog.EnrolmentCreated(
            enrolment_id=f"{run_id}-{learner}",
            run_id=run_id,
            learner_id=learner,
            mode=types_pb2.ATTENDANCE_MODE_ONLINE,
            enrolled_at=stamp(self.clock.at - timedelta(days=1)),
        )

    def withdrawn(self, learner: str) -> catalog.EnrolmentWithdrawn:
        """A learner left."""
        return catalog.EnrolmentWithdrawn(
            enrolment_id=f"{RUN}-{learner}", run_id=RUN, learner_id=learner
        )

    def scheduled(self, **fields: Any) -> sessions.SessionScheduled:
        """Monday's class, to be recorded."""
        given: dict[str, Any] = {
            "session_id": SESSION,
            "run_id": RUN,
            "activity_id": "class",
            "title": "Motion",
            "start_time": stamp(self.monday),
            "end_time": stamp(self.monday + HOUR),
            "recorded": True,
            **fields,
        }
        return sessions.SessionScheduled(**given)

    def settled(
        self, verdicts: dict[str, "types_pb2.AttendanceVerdict.ValueType"], **fields: Any
    ) -> sessions.AttendanceSettled:
        """Its attendance."""
        rows = [
            sessions.SettledAttendance(
                learner_id=learner, verdict=verdict, minutes=0.0 if verdict == ABSENT else 50.0
            )
            for learner, verdict in verdicts.items()
        ]
        given: dict[str, Any] = {
            "session_id": SESSION,
            "run_id": RUN,
            "activity_id": "class",
            "title": "Motion",
            "part": 1,
            "parts": 1,
            "learners": rows,
            "recorded": True,
            "ended_at": stamp(self.monday + HOUR),
            **fields,
        }
        return sessions.AttendanceSettled(**given)

    def attached(self, item_id: str = RECORDING) -> sessions.RecordingAttached:
        """Its recording."""
        return sessions.RecordingAttached(
            session_id=SESSION, run_id=RUN, activity_id="class", item_id=item_id
        )

    def available(self, item_id: str = RECORDING, **fields: Any) -> library.ItemAvailable:
        """An item that can be studied: a recording of 100 seconds."""
        given: dict[str, Any] = {
            "kind": types_pb2.ITEM_KIND_RECORDING,
            "seconds": 100.0,
            **fields,
        }
        return library.ItemAvailable(item_id=item_id, title=item_id, **given)

    # What learners do, and what is told of them

    def statement(self, learner: str, **fields: Any) -> progress.Statement:
        """A learner hands the task in."""
        given: dict[str, Any] = {
            "id": str(uuid.uuid4()),
            "learner_id": learner,
            "verb": COMPLETED,
            "run_id": RUN,
            "timestamp": stamp(self.clock.at),
            **fields,
        }
        if "activity_id" not in given and "item_id" not in given:
            given["activity_id"] = "task"
        return progress.Statement(**given)

    def watched(
        self, learner: str, segments: str, item_id: str = RECORDING, **fields: Any
    ) -> progress.Statement:
        """A learner's player pauses."""
        video = progress.VideoExtensions(length=100.0, played_segments=segments)
        return self.statement(learner, verb=PAUSED, item_id=item_id, video=video, **fields)

    def record(self, *statements: progress.Statement) -> list[types_pb2.RowResult]:
        """Send a batch as a service."""
        request = progress_pb2.RecordStatementsRequest(statements=statements)
        with calling(Caller("players", frozenset({"service"}))):
            return list(self.api.RecordStatements(request, None).results)

    def study(self, *statements: progress.Statement) -> None:
        """Send a batch, all of it taken, and let it have its effects."""
        assert not [row for row in self.record(*statements) if row.violations]
        self.settle()

    def summary(self, run_id: str = RUN) -> progress.RunSummary:
        """The run at a glance."""
        request = progress_pb2.ListRunProgressRequest(run_id=run_id)
        return self.staff.ListRunProgress(request).summary

    def catch_ups(self, **query: Any) -> Sequence[progress.CatchUp]:
        """The run's catch-ups."""
        request = progress_pb2.ListCatchUpsRequest(**(query or {"run_id": RUN}))
        return self.staff.ListCatchUps(request).catch_ups

    def progress(self, learner: str) -> progress_pb2.GetProgressResponse:
        """One learner."""
        return self.staff.GetProgress(
            progress_pb2.GetProgressRequest(run_id=RUN, learner_id=learner)
        )

    def timeline(self, learner: str, days: float = 30.0, **fields: Any) -> Any:
        """A learner's timeline from today's midnight on."""
        start = self.clock.at.replace(hour=0, minute=0, tzinfo=UTC)
        request = progress_pb2.GetTimelineRequest(
            learner_id=learner,
            from_time=stamp(start),
            until_time=stamp(start + timedelta(days=days)),
            **fields,
        )
        return Stub(self.channel_for(learner, "learner")).GetTimeline(request).entries


def task(id_: str = "task", **fields: Any) -> catalog_resources.Activity:
    """A step of a path; work to hand in unless said otherwise."""
    given: dict[str, Any] = {"title": id_, "kind": types_pb2.ACTIVITY_KIND_TASK, **fields}
    return catalog_resources.Activity(id=id_, **given)


def lecture(**fields: Any) -> catalog_resources.Activity:
    """The step that the class holds."""
    return task("class", kind=types_pb2.ACTIVITY_KIND_SESSION, **fields)
