"""Activities of the LRS on a real MongoDB: what is learned by many at once, and who sees it."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pymongo
import pytest

from chassis.data.store import CLIENT, Database
from services.progress.domain.xapi.clients import Client, Scope
from services.progress.domain.xapi.versions import Version
from services.progress.store import ProgressStore
from services.progress.store_definitions import ActivityDefinitions
from tests.conformance.xapi.resources import ACTIVITIES, BASE, person
from tests.integration.progress.classroom import RUN, Classroom, task
from tests.integration.progress.xapi_resources import DirectResources
from tests.mongo import Commands

A = "https://uni.example/a"
WRITES = ("update", "insert")


@pytest.fixture
def commands() -> Commands:
    """The commands that the watched definitions cause."""
    return Commands()


@pytest.fixture
def watched(
    progress_database: Database[ProgressStore], stack: dict[str, str], commands: Commands
) -> Iterator[ActivityDefinitions]:
    """The definitions as a process of its own has them."""
    with pymongo.MongoClient[dict[str, Any]](
        stack["TANDEM_MONGO_URL"], event_listeners=[commands], **CLIENT
    ) as client:
        yield ActivityDefinitions(client[progress_database.mongo.name])


def _named(language: str) -> dict[str, Any]:
    return {A: {"name": {language: f"in {language}"}}}


def test_many_processes_learn_at_once(progress_database: Database[ProgressStore]) -> None:
    """What several processes learn of one activity at the same moment is all known afterwards."""
    languages = ["en", "de", "fr", "nl"]
    processes = [ActivityDefinitions(progress_database.mongo) for _ in languages]
    ready = threading.Barrier(len(languages))

    def learn(number: int) -> None:
        ready.wait()
        processes[number].learn(_named(languages[number]))

    with ThreadPoolExecutor(len(languages)) as pool:
        list(pool.map(learn, range(len(languages))))
    known = processes[0].of([A])[A]
    assert known == {"name": {each: f"in {each}" for each in languages}}


def test_the_same_definition_causes_no_write(
    progress_database: Database[ProgressStore], watched: ActivityDefinitions, commands: Commands
) -> None:
    """A definition is written once; the process that saw it looks nothing up, another one once."""
    ActivityDefinitions(progress_database.mongo).learn(_named("en"))
    for _ in range(3):
        watched.learn(_named("en"))
    assert len(commands.take("find")) == 1
    assert [each for name in WRITES for each in commands.take(name)] == []
    watched.learn(_named("de"))
    watched.learn(_named("en"))
    assert len(commands.take("update")) == 1


def test_many_activities_cost_one_look_up(watched: ActivityDefinitions, commands: Commands) -> None:
    """The activities of one request are read together, and written together."""
    told = {f"urn:{number}": {"type": "urn:t"} for number in range(50)}
    watched.learn(told)
    assert watched.of(told) == told
    assert len(commands.take("find")) == 2
    assert len(commands.take("update")) == 1


def test_who_sees_a_definition(classroom: Classroom) -> None:
    """A learner sees what activities of the own runs are, a client of runs what those of these runs
    are; of others each is answered the bare activity.
    """
    classroom.open(task("essay"), learners=["ana"])
    lrs = DirectResources(classroom.database, Version.V1_0_3)
    own, other = f"{BASE}/runs/{RUN}/activities/essay", f"{BASE}/runs/other/activities/essay"
    item = f"{BASE}/items/film"
    for name in (own, other, item, A):
        lrs.definitions.learn({name: {"name": {"en": "what it is"}}})

    def seen(**client: Any) -> set[str]:
        asking = Client("c", person("c"), {Scope.STATE}, **client)
        names = (own, other, item, A)
        found = {each: lrs.read(ACTIVITIES, {"activityId": each}, client=asking) for each in names}
        assert all(found[each]["id"] == each for each in names)
        return {each for each in names if "definition" in found[each]}

    assert seen() == {own, other, item, A}
    assert seen(learner_id="ana") == {own}
    assert seen(learner_id="bob") == set()
    assert seen(run_ids={"other"}) == {other}
    assert seen(learner_id="ana", run_ids={"other"}) == set()
