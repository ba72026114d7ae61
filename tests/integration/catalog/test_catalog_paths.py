"""Publishing paths, behind the real edge."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from google.protobuf import json_format
from tandem.catalog.v1 import catalog_pb2, events_pb2, resources_pb2
from tandem.types.v1 import types_pb2

from chassis.contracts import events
from services.catalog.domain.path import LARGEST
from tests.integration.catalog.registry import (
    Registry,
    activity,
    fields_of,
    publish,
    refused,
)


def test_a_bad_path_is_refused_with_every_violation_and_leaves_no_trace(registry: Registry) -> None:
    """A missing item, an unknown prerequisite and a bad kind come in one answer."""
    run = registry.open_run()
    before = len(registry.events())
    activities = [
        activity("a", types_pb2.ACTIVITY_KIND_ITEM, item_id="gone"),
        activity("b", types_pb2.ACTIVITY_KIND_TASK, requires=["nobody"]),
    ]
    with pytest.raises(grpc.RpcError) as error:
        publish(registry, run.id, activities)
    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert fields_of(error.value) == ["activities[0].item_id", "activities[1].requires[0]"]
    assert len(registry.events()) == before
    assert registry.staff.GetRun(catalog_pb2.GetRunRequest(run_id=run.id)).path_version == 0


def test_with_the_library_away_nothing_is_published(registry: Registry) -> None:
    """The answer is UNAVAILABLE, to be tried again; a path without items needs no library."""
    run = registry.open_run()
    registry.library.away = True
    with pytest.raises(grpc.RpcError) as error:
        publish(registry, run.id, [activity("a", types_pb2.ACTIVITY_KIND_ITEM, item_id="known")])
    assert error.value.code() == grpc.StatusCode.UNAVAILABLE
    publish(registry, run.id, [activity("a", types_pb2.ACTIVITY_KIND_TASK)])


def test_a_repeat_is_answered_with_the_library_away(registry: Registry) -> None:
    """The repeat of a publication succeeds without a call to the library."""
    run = registry.open_run()
    item = activity("a", types_pb2.ACTIVITY_KIND_ITEM, item_id="known")
    request = catalog_pb2.PublishPathRequest(request_id="p1", run_id=run.id, activities=[item])
    first = registry.staff.PublishPath(request)
    registry.library.away = True
    assert registry.staff.PublishPath(request) == first
    assert len(registry.events("tandem.catalog.path.published.v1")) == 1


def test_versions_of_a_path_are_kept(registry: Registry) -> None:
    """Each publication is the next version; the one that holds is the last."""
    run = registry.open_run()
    for name in ("one", "two"):
        publish(registry, run.id, [activity(name, types_pb2.ACTIVITY_KIND_TASK)])
    for version, name in ((0, "two"), (1, "one"), (2, "two")):
        path = registry.staff.GetPath(catalog_pb2.GetPathRequest(run_id=run.id, version=version))
        assert [each.id for each in path.activities] == [name]


def test_racing_publications_get_versions_of_their_own(registry: Registry) -> None:
    """Ten at once: versions 1 to 10."""
    run = registry.open_run()
    rows = [activity("a", types_pb2.ACTIVITY_KIND_TASK)]
    with ThreadPoolExecutor(10) as pool:
        paths = list(pool.map(lambda _: publish(registry, run.id, rows), range(10)))
    assert sorted(path.version for path in paths) == list(range(1, 11))


def test_a_path_is_as_large_as_its_event_may_be(registry: Registry) -> None:
    """At the border it is published; a byte more is refused, with its size and the limit."""
    run = registry.open_run()
    assert publish(registry, run.id, activities_of(LARGEST)).version == 1
    error = refused(lambda: publish(registry, run.id, activities_of(LARGEST + 1)))
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert fields_of(error) == ["activities"]
    assert str(LARGEST + 1) in str(error.details())
    assert str(LARGEST) in str(error.details())


def activities_of(size: int) -> list[resources_pb2.Activity]:
    """Tasks with titles so long that they have `size` bytes as JSON."""
    tasks = [activity(f"t{place:03}", types_pb2.ACTIVITY_KIND_TASK) for place in range(440)]
    for task in tasks:
        task.title = "\u00e9" * 250
    event = events_pb2.PathPublished(activities=tasks)
    left = size - len(json_format.MessageToJson(event, indent=None, ensure_ascii=False).encode())
    for task in tasks:
        more = min(left, 300 - len(task.title))
        task.title += "x" * more
        left -= more
    assert left == 0
    return tasks


def test_civil_rules_are_kept_as_they_were_written(registry: Registry) -> None:
    """They come back and are told as days and times; a path that counts weeks tells the run."""
    run = registry.open_run()
    week_day = resources_pb2.WeekDay(week=4, weekday=resources_pb2.WEEKDAY_FRIDAY)
    third_day = resources_pb2.CivilRule(days_after_enrolment=0, working_days=True, time="23:59")
    task = types_pb2.ACTIVITY_KIND_TASK
    activities = [
        activity("a", task, deadline=resources_pb2.TimeRule(civil=third_day)),
        activity(
            "b",
            task,
            deadline=resources_pb2.TimeRule(civil=resources_pb2.CivilRule(week_day=week_day)),
        ),
    ]
    publish(registry, run.id, activities[:1])
    assert registry.events("tandem.catalog.run.updated.v1") == []
    published = publish(registry, run.id, activities)
    activities[1].added_at.CopyFrom(published.published_at)
    found = registry.staff.GetPath(catalog_pb2.GetPathRequest(run_id=run.id)).activities
    assert list(found) == activities
    row = registry.events("tandem.catalog.path.published.v1")[-1]
    told: Any = events.read(row["headers"], row["body"]).data
    assert list(told.activities) == activities
    assert len(registry.events("tandem.catalog.run.updated.v1")) == 1


def test_faults_of_civil_rules_are_listed_with_all_others(registry: Registry) -> None:
    """A time that is none, a week and a weekday that are missing."""
    run = registry.open_run()
    rule = resources_pb2.CivilRule(week_day=resources_pb2.WeekDay(), time="24:00")
    with pytest.raises(grpc.RpcError) as error:
        publish(
            registry,
            run.id,
            [
                activity(
                    "a",
                    types_pb2.ACTIVITY_KIND_TASK,
                    deadline=resources_pb2.TimeRule(civil=rule),
                )
            ],
        )
    assert sorted(fields_of(error.value)) == [
        "activities[0].deadline.civil.time",
        "activities[0].deadline.civil.week_day.week",
        "activities[0].deadline.civil.week_day.weekday",
    ]


def test_conditions_are_kept_and_told_and_their_faults_are_listed(registry: Registry) -> None:
    """They come back and travel in the event; a bad one is refused with all other faults."""
    run = registry.open_run()
    attended = resources_pb2.Condition(
        activity_id="class", kind=resources_pb2.CONDITION_KIND_ATTENDED, or_caught_up=True
    )
    scored = resources_pb2.Condition(
        activity_id="quiz", kind=resources_pb2.CONDITION_KIND_SCORED, score=0.8
    )
    activities = [
        activity("class", types_pb2.ACTIVITY_KIND_SESSION),
        activity("quiz", types_pb2.ACTIVITY_KIND_CHECKPOINT),
        activity("next", types_pb2.ACTIVITY_KIND_TASK, opens_when=[attended, scored]),
    ]
    publish(registry, run.id, activities)
    row = registry.events("tandem.catalog.path.published.v1")[-1]
    told: Any = events.read(row["headers"], row["body"]).data
    found = registry.staff.GetPath(catalog_pb2.GetPathRequest(run_id=run.id)).activities
    assert list(found) == list(told.activities) == activities
    scored.score, scored.activity_id = 1.5, "class"
    activities[2] = activity("next", types_pb2.ACTIVITY_KIND_TASK, opens_when=[scored])
    error = refused(lambda: publish(registry, run.id, activities))
    field = "activities[2].opens_when[0]"
    assert fields_of(error) == [f"{field}.activity_id", f"{field}.score"]


def test_an_id_is_the_same_activity_in_all_versions(registry: Registry) -> None:
    """An id that two versions ago was a task can't come back as a quiz; as a task it can, and the
    path tells when it came back.
    """
    run = registry.open_run()
    task, quiz = types_pb2.ACTIVITY_KIND_TASK, types_pb2.ACTIVITY_KIND_CHECKPOINT
    publish(registry, run.id, [activity("a", task), activity("b", task)])
    publish(registry, run.id, [activity("b", task)])
    both = [activity("a", quiz), activity("b", task)]
    error = refused(lambda: publish(registry, run.id, both))
    assert fields_of(error) == ["activities[0].kind"]
    path = publish(registry, run.id, [activity("a", task), activity("b", task)])
    assert path.activities[0].added_at == path.published_at
    assert not path.activities[1].HasField("added_at")
