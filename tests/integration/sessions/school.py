"""A university to hold sessions at: the real edge, the real MongoDB, and a clock that stands."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.catalog.v1 import resources_pb2 as catalog_resources
from tandem.options.v1 import options_pb2
from tandem.sessions.v1 import resources_pb2, sessions_pb2, sessions_pb2_grpc
from tandem.types.v1 import types_pb2

from chassis.context.principal import Principal, acting_as
from chassis.contracts import events
from chassis.data.store import Database
from chassis.messaging import topology
from chassis.messaging.subscriptions import Subscription
from chassis.testing import ChannelFor
from services.sessions.api import SessionsApi
from services.sessions.store import SessionsStore
from services.sessions.worker import finalise_next, subscriptions
from tests.conftest import FakeClock
from tests.integration.processes import RoleProcess

Stub = sessions_pb2_grpc.SessionsServiceStub
T = TypeVar("T")
A = TypeVar("A")
M = TypeVar("M", bound=Message)

RUN, TEACHER = "run-1", "curie"


class School:
    """A run with its instructor; rooms, learners and sessions as a test wants them."""

    def __init__(
        self,
        database: Database[SessionsStore],
        clock: FakeClock,
        channel_for: ChannelFor,
        served: SessionsApi,
    ) -> None:
        self.database = database
        self.clock = clock
        self.channel_for = channel_for
        self.staff = Stub(channel_for(TEACHER, "instructor", "registrar"))
        self.meetings = Stub(channel_for("meetings", "service"))
        # Races call the servicer itself: what they try is the database, not the edge's threads.
        self.api = served
        self._sequence = 0
        self._queues = {each.name: each for each in subscriptions()}
        self.open_run()

    def learner(self, learner_id: str) -> Stub:
        """The API as a learner calls it."""
        return Stub(self.channel_for(learner_id, "learner"))

    def hear(self, queue: str, *data: Message, sequences: Sequence[int] = ()) -> None:
        """Apply a batch of events of others, numbered on unless `sequences` says how."""
        batch = [self._event(each) for each in data]
        if sequences:
            batch = [
                events.Event(e.id, e.type, e.source, e.time, "", "", number, "", e.data)
                for e, number in zip(batch, sequences, strict=True)
            ]
        subscription: Subscription[SessionsStore] = self._queues[f"sessions.{queue}"]
        self.database.transact(lambda store: subscription.handle(store, batch))

    def open_run(self, run_id: str = RUN, **policy: Any) -> None:
        """A run with its instructor; `policy` replaces its defaults."""
        defaults: dict[str, Any] = {
            "present_share": 0.75,
            "partial_share": 0.25,
            "seat_cutoff": Duration(seconds=3600),
        }
        rules = catalog_resources.RunPolicy(**{**defaults, **policy})
        opened = catalog.RunOpened(run_id=run_id, instructor_ids=[TEACHER], policy=rules)
        teacher = catalog.PersonUpserted(
            person_id="bohr", roles=[options_pb2.ROLE_INSTRUCTOR, options_pb2.ROLE_LEARNER]
        )
        self.hear("rosters", opened, teacher)

    def enrol(
        self,
        *learners: str,
        run_id: str = RUN,
        mode: "types_pb2.AttendanceMode.ValueType" = types_pb2.ATTENDANCE_MODE_ONLINE,
    ) -> None:
        """Learners who hold a place in the run."""
        self.hear(
            "rosters",
            *(
                catalog.EnrolmentCreated(
                    enrolment_id=f"e-{each}", run_id=run_id, learner_id=each, mode=mode
                )
                for each in learners
            ),
        )

    def room(self, name: str = "Aula", capacity: int = 30) -> str:
        """A room's id."""
        return self.staff.CreateRoom(
            sessions_pb2.CreateRoomRequest(name=name, capacity=capacity)
        ).id

    def request(self, room_id: str, **changes: Any) -> sessions_pb2.ScheduleSessionRequest:
        """A request for a hybrid hour on Monday at noon in Dublin, four hours from now."""
        fields: dict[str, Any] = {
            "run_id": RUN,
            "activity_id": "lecture",
            "title": "Motion",
            "kind": types_pb2.SESSION_KIND_HYBRID,
            "room_id": room_id,
            "instructor_id": TEACHER,
            "starts": types_pb2.CivilTime(local="2026-03-02T12:00:00", zone="Europe/Dublin"),
            "duration": Duration(seconds=3600),
            "join_url": "https://meet.example.edu/1",
            "recorded": True,
            "material_item_ids": ["slides"],
        }
        return sessions_pb2.ScheduleSessionRequest(**{**fields, **changes})

    def schedule(self, room_id: str, **changes: Any) -> resources_pb2.Session:
        """A planned session."""
        return self.staff.ScheduleSession(self.request(room_id, **changes))

    def live(self, room_id: str, *in_room: str, **changes: Any) -> resources_pb2.Session:
        """A session that began on time, with learners who have seats in the room."""
        session = self.schedule(room_id, **changes)
        for learner in in_room:
            self.choose(session, learner, types_pb2.SEAT_KIND_IN_ROOM)
        self.clock.forward(hours=4)
        return self.staff.StartSession(sessions_pb2.StartSessionRequest(session_id=session.id))

    def choose(
        self, session: resources_pb2.Session, learner: str, kind: "types_pb2.SeatKind.ValueType"
    ) -> resources_pb2.Seat:
        """A seat that staff chose for a learner."""
        return self.staff.ChooseSeat(
            sessions_pb2.ChooseSeatRequest(session_id=session.id, learner_id=learner, kind=kind)
        )

    def presence_event(
        self,
        session: resources_pb2.Session,
        *presence_events: "tuple[str, sessions_pb2.PresenceKind.ValueType, float]",
    ) -> list[types_pb2.RowResult]:
        """Record (learner, kind, minutes from now); the connection is the learner's laptop."""
        rows = [
            sessions_pb2.PresenceMark(
                learner_id=learner, kind=kind, at=self.at(minutes), connection="laptop"
            )
            for learner, kind, minutes in presence_events
        ]
        request = sessions_pb2.RecordPresenceRequest(session_id=session.id, marks=rows)
        return list(self.meetings.RecordPresence(request).results)

    def stop(self, session: resources_pb2.Session) -> resources_pb2.Session:
        """The session, ended now; its attendance is not finalised yet."""
        return self.staff.EndSession(sessions_pb2.EndSessionRequest(session_id=session.id))

    def end(self, session: resources_pb2.Session) -> resources_pb2.Session:
        """The session, ended now, with finalised attendance."""
        self.stop(session)
        self.finalise()
        return self.get(session)

    def finalise(self) -> None:
        """Let the worker finalise what is due."""
        while finalise_next(self.database):
            pass

    def let_finalisations_end(self) -> None:
        """Let the worker sweep until nothing is left, as if it had waited in between."""
        while self.database.mongo["settlements"].count_documents({}):
            self.make_due()
            self.finalise()

    def make_due(self) -> None:
        """Every claim's time, and every pause, is over."""
        long_ago = datetime(2000, 1, 1, tzinfo=UTC)
        self.database.mongo["settlements"].update_many({}, {"$set": {"due": long_ago}})

    def get(self, session: resources_pb2.Session) -> resources_pb2.Session:
        """The session as staff sees it now."""
        return self.staff.GetSession(sessions_pb2.GetSessionRequest(session_id=session.id))

    def seats(self, session: resources_pb2.Session) -> list[resources_pb2.Seat]:
        """All seats of a session."""
        request = sessions_pb2.ListSeatsRequest(session_id=session.id, page_size=1000)
        return list(self.staff.ListSeats(request).seats)

    def attendance(self, session: resources_pb2.Session) -> dict[str, resources_pb2.Attendance]:
        """The attendance of a session by learner."""
        request = sessions_pb2.ListAttendanceRequest(session_id=session.id, page_size=1000)
        return {row.learner_id: row for row in self.staff.ListAttendance(request).attendance}

    def published(self, cls: type[M]) -> list[M]:
        """The events of one type that were published, in order."""
        rows = self.database.mongo["outbox"].find({"type": events.event_type(cls)}).sort("_id")
        found = [events.read(row["headers"], row["body"]).data for row in rows]
        return [data for data in found if isinstance(data, cls)]

    def at(self, minutes: float = 0) -> Timestamp:
        """The instant some minutes from now."""
        stamp = Timestamp()
        stamp.FromDatetime(self.clock.now() + timedelta(minutes=minutes))
        return stamp

    def _event(self, data: Message) -> "events.Event[Message]":
        self._sequence += 1
        kind, number = events.event_type(type(data)), self._sequence
        return events.Event(str(number), kind, "", self.clock.now(), "", "", number, "", data)


def race(call: Callable[[A], T], arguments: Sequence[A]) -> list[T]:
    """Call with each argument on a thread of its own, all at once, as the instructor."""

    def attempt(argument: A) -> T:
        with acting_as(Principal(TEACHER, frozenset({"instructor"}))):
            return call(argument)

    with ThreadPoolExecutor(len(arguments)) as pool:
        return list(pool.map(attempt, arguments))


def refused(call: Callable[[], object]) -> tuple[grpc.StatusCode, str]:
    """The status and text by which a call is refused."""
    with pytest.raises(grpc.RpcError) as error:
        call()
    status: Any = error.value
    return status.code(), str(status.details())


@contextmanager
def worker(school: School, stack: dict[str, str], vhost: str) -> Iterator[RoleProcess]:
    """The worker role as a process, with the school's database."""
    topology.declare(vhost, subscriptions())
    process = RoleProcess(
        ["-m", "services.sessions", "worker"],
        {
            "TANDEM_ENVIRONMENT": "development",
            "TANDEM_MONGO_URL": stack["TANDEM_MONGO_URL"],
            "TANDEM_MONGO_DATABASE": school.database.mongo.name,
            "TANDEM_AMQP_URL": vhost,
            "TANDEM_OPS_ADDRESS": "127.0.0.1:0",
        },
    )
    try:
        yield process
    finally:
        process.kill()
        print("".join(process.lines))  # what it said, where the test fails
