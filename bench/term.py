"""A term in progress' own database: runs with paths, and their learners, told by real events."""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pika
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.catalog.v1 import resources_pb2 as resources
from tandem.library.v1 import events_pb2 as library
from tandem.progress.v1 import events_pb2 as progress
from tandem.progress.v1 import resources_pb2
from tandem.types.v1 import types_pb2 as types

from bench import rig
from chassis import ids, roles
from chassis.contracts import events
from chassis.data.store import connect
from chassis.messaging import topology
from chassis.messaging.inbox_processor import Delivery, Kind, apply
from chassis.operations.settings import load
from services.progress.settings import Settings
from services.progress.store import ProgressStore
from services.progress.timers import timers
from services.progress.worker import subscriptions

ACTIVITIES, LEARNERS = 200, 12_000
SECONDS = 600.0  # of each film
BATCH = 500
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DATABASE = "bench_progress"
SETTINGS = {"TANDEM_MONGO_DATABASE": DATABASE}


@dataclass(frozen=True)
class Term:
    """So many runs, among which the learners are spread evenly."""

    runs: int

    def run_of(self, learner: int) -> str:
        """A learner's run."""
        return f"run-{learner % self.runs:03d}"


def begin(term: Term) -> None:
    """Fill an empty database of progress with a term, by the handlers of its worker."""
    with connect(rig.environment()["TANDEM_MONGO_URL"], "bench") as client:
        client.drop_database(DATABASE)
    for role in ("migrate", "declare"):
        rig.run("services.progress", role, settings=SETTINGS)
    database = _database()
    _tell(database, "progress.attendance", list(_films()))
    _tell(database, "progress.plans", [*_runs(term), *_enrolments(term)])
    for timer in timers(timedelta(days=1)):  # until nothing is left to be reviewed
        timer.run(database)


def statements(term: Term, count: int, first: int) -> Iterator[Any]:
    """So many events of one statement each: learners take turns, and so do the films."""
    for number in range(first, first + count):
        learner, activity = number % LEARNERS, number // LEARNERS % ACTIVITIES
        yield statement(term.run_of(learner), f"learner-{learner}", f"activity-{activity:03d}")


def statement(run_id: str, learner_id: str, activity_id: str) -> Any:
    """The event of one statement: a learner watched half a minute of a film."""
    told = resources_pb2.Statement(
        id=str(uuid.uuid4()),
        learner_id=learner_id,
        verb="https://w3id.org/xapi/video/verbs/paused",
        run_id=run_id,
        activity_id=activity_id,
        video=resources_pb2.VideoExtensions(length=SECONDS, time=30, played_segments="0[.]30"),
    )
    told.timestamp.FromDatetime(NOW)
    data = progress.StatementsRecorded(learner_id=learner_id, statements=[told])
    return event(data, learner_id, 1)


def event(data: Any, key: str, sequence: int) -> Any:
    """An event as the outbox would hold it."""
    kind = events.event_type(type(data))
    return events.Event(ids.new_id(), kind, "/tandem/bench", NOW, key, key, sequence, "", data)


def delivery_of(told: Any) -> Delivery:
    """An event as the broker delivers it."""
    return Delivery(events.body_of(told.data), events.headers_of(told))


def _films() -> Iterator[Any]:
    for number in range(ACTIVITIES):
        film = library.ItemAvailable(item_id=f"film-{number:03d}", title="A film", seconds=SECONDS)
        film.kind = types.ITEM_KIND_VIDEO
        yield event(film, film.item_id, 1)


def _runs(term: Term) -> Iterator[Any]:
    path = [
        resources.Activity(
            id=f"activity-{number:03d}",
            title="A film",
            kind=types.ACTIVITY_KIND_ITEM,
            item_id=f"film-{number:03d}",
        )
        for number in range(ACTIVITIES)
    ]
    for number in range(term.runs):
        run_id = term.run_of(number)
        yield event(catalog.RunOpened(run_id=run_id, title="A run", zone="UTC"), run_id, 1)
        yield event(catalog.PathPublished(run_id=run_id, version=1, activities=path), run_id, 2)


def _enrolments(term: Term) -> Iterator[Any]:
    for number in range(LEARNERS):
        created = catalog.EnrolmentCreated(
            enrolment_id=f"enrolment-{number}",
            run_id=term.run_of(number),
            learner_id=f"learner-{number}",
            mode=types.ATTENDANCE_MODE_ONLINE,
        )
        created.enrolled_at.FromDatetime(NOW)
        yield event(created, created.enrolment_id, 1)


def _database() -> Any:
    settings = load(Settings, {**rig.environment(), **SETTINGS}, "worker")
    return roles.open_database(settings, "progress", ProgressStore)


def _tell(database: Any, queue: str, told: Sequence[Any]) -> None:
    """Have a subscription's handler apply events, as its worker does."""
    subscription = next(each for each in subscriptions() if each.name == queue)
    for first in range(0, len(told), BATCH):
        part = [delivery_of(each) for each in told[first : first + BATCH]]
        verdicts = apply(database, subscription, part)
        assert {each.kind for each in verdicts} == {Kind.APPLIED}, verdicts


def publish(told: Iterable[Any], straight_to: str = "") -> None:
    """Publish events as the relay does, or straight to a queue."""
    with pika.BlockingConnection(pika.URLParameters(rig.environment()["TANDEM_AMQP_URL"])) as link:
        channel = link.channel()
        for each in told:
            properties = pika.BasicProperties(
                delivery_mode=topology.PERSISTENT,
                content_type=events.CONTENT_TYPE,
                headers=events.headers_of(each),
            )
            exchange = "" if straight_to else topology.EXCHANGE
            body = events.body_of(each.data)
            channel.basic_publish(exchange, straight_to or each.type, body, properties)
