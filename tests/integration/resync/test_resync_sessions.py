"""Resyncs of sessions, recordings, attendance and availability: copies become whole again."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tandem.sessions.v1 import sessions_pb2

from chassis.data.store import Database
from chassis.edge.methods import Servicer
from chassis.resync import digests
from chassis.resync.comparing import Request, compare
from chassis.resync.digests import Digested
from chassis.resync.rpcs import digest_copies
from chassis.testing import running
from services.catalog.copied import COPIES
from services.sessions import rights
from services.sessions.api import SessionsApi
from services.sessions.originals import ORIGINALS
from services.sessions.sources import SOURCES
from tests.conftest import FakeClock
from tests.deep import DEEP
from tests.integration.resync.copying import Copying, Owner
from tests.integration.resync.lessons import Lessons
from tests.integration.sessions.school import School

KEEPERS = {
    "notify": ("notify.triggers",),
    "progress": ("progress.plans", "progress.attendance"),
    "library": ("library.entitlements",),
    "catalog": ("catalog.availability",),
}
# What a keeper may lose without losing what catalog told it.
LOST = {
    "notify": ("sessions", "reminders"),
    "progress": ("sessions",),
    "library": ("shelves",),
    "catalog": ("availability",),
}


@pytest.fixture
def lessons(copying: Copying, clock: FakeClock) -> Iterator[Lessons]:
    """Sessions as the owner, behind the real edge."""
    database = copying.copiers["sessions"].database
    served = SessionsApi(database)
    contract = sessions_pb2.DESCRIPTOR.services_by_name["SessionsService"]
    servicer = Servicer(served, contract, partial(rights.relation, database))
    with running([servicer], database) as channel_for:
        school = School(database, clock, channel_for, served)
        yield Lessons(school, replace(copying, owner=Owner(database, SOURCES, ORIGINALS)))


@settings(
    max_examples=40 if DEEP else 5,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    seed=st.integers(0, 2**32),
    steps=st.lists(
        st.sampled_from(["change", "change", "relay", "send", "send", "work off"]), max_size=25
    ),
    keeper=st.sampled_from(sorted(KEEPERS)),
    is_lost=st.booleans(),
)
def test_copies_of_classes_are_whole_after_a_resync_in_any_order(
    lessons: Lessons, seed: int, steps: list[str], keeper: str, is_lost: bool
) -> None:
    """Also if classes are planned, moved, cancelled, held and recorded meanwhile, and attendance is
    settled and corrected.
    """
    copying, choice = lessons.copying, random.Random(seed)
    for _ in range(20):
        lessons.change(choice)
    copying.relay()
    copying.lose_news()
    for name in LOST[keeper] if is_lost else ():
        copying.copiers[keeper].database.mongo[name].delete_many({})
    copying.resync_amid(keeper, KEEPERS[keeper], steps, choice, lessons.change)
    copying.relay()
    while copying.work_off(keeper):
        pass  # what waited for a class comes again
    assert copying.differences(keeper) == {}
    if keeper == "progress":
        assert told(lessons) == settled(lessons)


def settled(lessons: Lessons) -> dict[tuple[str, str], str]:
    """The final attendance that sessions has, by session and learner."""
    rows = lessons.school.database.mongo["attendance"].find({"session_id": {"$exists": True}})
    return {(row["session_id"], row["learner_id"]): row["verdict"] for row in rows}


def told(lessons: Lessons) -> dict[tuple[str, str], str]:
    """The final attendance that progress knows."""
    rows = lessons.copying.copiers["progress"].database.mongo["standings"].find()
    return {
        (session_id, row["learner_id"]): known["verdict"]
        for row in rows
        for session_id, known in row.get("attendance", {}).items()
        if known["verdict"]
    }


def answering(database: Database[Any], known: Mapping[str, Digested]) -> Any:
    """A service that is asked for digests of these things without a network."""
    return SimpleNamespace(DigestCopies=lambda request: digest_copies(database, request, known))


def test_each_copy_that_differs_is_named(lessons: Lessons, monkeypatch: pytest.MonkeyPatch) -> None:
    """In pages of any size; whole copies have no drift, and a second resync is no repeat."""
    monkeypatch.setattr(digests, "PAGE", 2)
    choice, copying = random.Random(1), lessons.copying
    for _ in range(3):
        lessons.change(choice)
        lessons.record(choice)
        lessons.tell_hours(choice)
    copying.relay()
    for service in KEEPERS:
        copying.work_off(service)
    owner = answering(copying.owner.database, ORIGINALS)
    kept = [each for each in COPIES if each.owner == "sessions"]
    assert {each.keeper for each in kept} == set(KEEPERS)
    for copy in kept:
        copier = copying.copiers[copy.keeper]
        digested = copier.copies[copy.kind]
        keeper = answering(copier.database, copier.copies)
        whole = compare(copy, owner, keeper, wait=0)
        assert (whole.keys, whole.compared > 0) == ([], True), copy
        first = keeper.DigestCopies(Request(kind=copy.kind)).rows[0].key
        copier.database.mongo[digested.collection].delete_one({"_id": digested.prefix + first})
        assert compare(copy, owner, keeper, wait=0).missing == [first], copy
        for _ in range(2):
            copying.resync(copy.subscription)
            assert copying.work_off(copy.keeper)
        assert compare(copy, owner, keeper, wait=0).keys == []
