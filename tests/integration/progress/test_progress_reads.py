"""Reads from MongoDB: plans once a version, statements by an index."""

from collections.abc import Iterator
from typing import Any

import pymongo
import pytest
from tandem.progress.v1 import events_pb2

from chassis.contracts.events import body_of, headers_of
from chassis.data.store import CLIENT, Database
from chassis.messaging.inbox_processor import Delivery, Kind, apply
from services.progress import store_plans
from services.progress.plan_cache import PlanCache
from services.progress.store import ProgressStore
from tests.integration.progress.classroom import BOOK, FILM, RUN, Classroom, item, path, task
from tests.mongo import Commands

PLANS = {"runs", "paths", "sessions", "items"}


@pytest.fixture
def commands() -> Commands:
    """The commands that the watched database gets."""
    return Commands()


@pytest.fixture
def watched(
    classroom: Classroom, stack: dict[str, str], commands: Commands
) -> Iterator[Database[ProgressStore]]:
    """The classroom's database, as a worker of its own has it."""
    with pymongo.MongoClient[dict[str, Any]](
        stack["TANDEM_MONGO_URL"], event_listeners=[commands], **CLIENT
    ) as client:
        name = classroom.database.mongo.name
        yield Database(client, name, ProgressStore, classroom.clock)


def test_a_plan_is_read_once_a_version(
    classroom: Classroom,
    watched: Database[ProgressStore],
    commands: Commands,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A second batch reads nothing of it; what another process changes is seen by the next one."""
    film = item("watch", FILM)
    classroom.open(film, task("first"), learners=["ada"])
    monkeypatch.setattr(store_plans, "CACHE", PlanCache())

    def read_for(activity_id: str) -> set[str]:
        row = classroom.said("ada", "completed", activity_id=activity_id)
        recorded = classroom.event(
            events_pb2.StatementsRecorded(learner_id="ada", statements=[row])
        )
        delivery = Delivery(body_of(recorded.data), headers_of(recorded))
        (disposition,) = apply(watched, classroom.queues["progress.statements"], [delivery])
        assert disposition.kind is Kind.APPLIED
        return {command["find"] for command in commands.take("find")} & PLANS

    assert read_for("second") == PLANS
    assert read_for("first") == set()
    with monkeypatch.context() as another:
        another.setattr(store_plans, "CACHE", PlanCache())
        classroom.hear("plans", path(film, task("first"), task("third"), version=2))
    assert read_for("third") == PLANS
    assert read_for("third") == set()
    states = {"watch": "OPEN", "first": "COMPLETED", "third": "COMPLETED"}
    assert classroom.states("ada") == states


def test_the_last_look_reads_only_what_it_is_about(
    classroom: Classroom, watched: Database[ProgressStore], commands: Commands
) -> None:
    """Of many statements of many learners, it examines only those that it needs, by an index."""
    steps = [task(f"task-{number}") for number in range(20)]
    learners = [f"l{number}" for number in range(10)]
    classroom.open(item("watch", FILM), *steps, learners=learners)
    for learner in learners:
        rows = [classroom.said(learner, "completed", activity_id=each.id) for each in steps]
        rows += [classroom.watched(learner, "0[.]60") for _ in range(2)]
        rows.append(classroom.watched(learner, "60[.]90", item_id="", activity_id="watch"))
        classroom.record(*rows)
    commands.take("find")
    targets = {f"item:{FILM}", f"item:{BOOK}", "activity:watch"}
    now, whose = classroom.clock.now(), learners[:4]
    found = watched.reader().taken_in(RUN, whose, targets, now)
    assert {name: len(own) for name, own in found.items()} == dict.fromkeys(whose, 3)
    (command,) = commands.take("find")
    explained = classroom.database.mongo.command(
        "explain",
        {"find": "statements", "filter": command["filter"]},
        verbosity="executionStats",
    )["executionStats"]
    assert explained["totalDocsExamined"] == 3 * len(whose)
    # A key for each row, and one that ends each of the stretches: learner by learner and target.
    assert explained["totalKeysExamined"] <= (3 + 2 * len(targets)) * len(whose)
