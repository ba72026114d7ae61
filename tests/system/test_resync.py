"""Resyncs on the running platform: the commands, the services and their workers."""

from typing import Any

import pymongo
import pytest
from tandem.sessions.v1 import resources_pb2, sessions_pb2

from campus.client import Campus
from campus.platform import Platform
from tests.system.classes import tandem, tandem_json, until
from tests.system.person import Someone


@pytest.fixture
def someone(campus: Campus) -> Someone:
    """A teacher who is in the roster."""
    return Someone(campus, campus.calling_as("registrar", "registrar"))


def test_a_lost_copy_is_named_and_sent_again(platform: Platform, someone: Someone) -> None:
    """Catalog has lost when somebody can teach; sessions tells it, and nothing differs any more."""
    hours = resources_pb2.TeachingWindow(weekday=1, start="09:00", end="17:00")
    request = sessions_pb2.SetAvailabilityRequest(
        person_id=someone.teacher_id, zone="UTC", hours=[hours]
    )
    someone.when_known(lambda: someone.staff.sessions.SetAvailability(request))
    client: pymongo.MongoClient[Any]
    client = pymongo.MongoClient(platform.environment()["TANDEM_MONGO_URL"])
    with client as mongo:
        copies = mongo["tandem_catalog"]["availability"]
        until("the copy", lambda: bool(copies.find_one({"_id": someone.teacher_id})))
        copies.delete_one({"_id": someone.teacher_id})
        compare = ("events", "drift", "--service", "catalog", "--wait", "0")
        assert someone.teacher_id in tandem(platform, *compare, code=1)
        to = ("--from", "sessions", "--to", "catalog.availability")
        (sent,) = tandem_json(platform, "events", "resync", *to)
        assert sent["type"] == "tandem.sessions.availability.changed.v1"
        assert sent["events"] > 0
        until("the copy again", lambda: bool(copies.find_one({"_id": someone.teacher_id})))
        assert someone.teacher_id not in tandem(platform, *compare)


@pytest.mark.parametrize(
    ("owner", "subscription"), [("catalog", "notify.people"), ("library", "notify.rosters")]
)
def test_each_owner_sends_its_state(platform: Platform, owner: str, subscription: str) -> None:
    """Its worker does the resync, and the command waits for it."""
    tandem(platform, "events", "resync", "--from", owner, "--to", subscription)
