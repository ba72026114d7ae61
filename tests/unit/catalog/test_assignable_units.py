"""What can be wrong with the assignable units of a path."""

from dataclasses import replace
from typing import Any

import pytest

from services.catalog.domain.assignable_units import AssignableUnit
from services.catalog.domain.enums import ActivityKind, LaunchMethod, MoveOn
from services.catalog.domain.path import Activity, path_violations
from tests.unit.catalog.test_path import a_run

UNIT = AssignableUnit(
    "https://pub.example/quiz", "https://pub.example/start", LaunchMethod.ANY_WINDOW, MoveOn.PASSED
)
ITEM, CHECKPOINT = ActivityKind.ITEM, ActivityKind.CHECKPOINT


def faults(*activities: Activity) -> set[str]:
    """Return the fields that are wrong."""
    return {each.field for each in path_violations(activities, a_run(), {"book"})}


def step(kind: ActivityKind = ITEM, item_id: str = "", **more: Any) -> Activity:
    """Return an activity that is a unit."""
    return Activity("one", "One", kind, item_id, cmi5=replace(UNIT, **more))


@pytest.mark.parametrize("kind", [ITEM, CHECKPOINT])
def test_an_item_or_a_checkpoint_may_be_a_unit(kind: ActivityKind) -> None:
    """It then needs no item of the library."""
    assert faults(step(kind, mastery_score=0.8125)) == set()


@pytest.mark.parametrize(
    ("activity", "field"),
    [
        (step(ActivityKind.TASK), "activities[0].cmi5"),
        (step(item_id="book"), "activities[0].cmi5"),
        (step(url="https:///start"), "activities[0].cmi5.url"),
        (step(url="https://[pub/start"), "activities[0].cmi5.url"),
        (step(url="https://pub.example/start?fetch=1"), "activities[0].cmi5.url"),
        (step(mastery_score=0.81234), "activities[0].cmi5.mastery_score"),
    ],
)
def test_each_fault_is_told(activity: Activity, field: str) -> None:
    """A wrong kind, an item beside the unit, a URL that can't be launched, too many decimals."""
    assert faults(activity) == {field}


def test_a_publisher_id_is_unique_in_a_path() -> None:
    """Statements name a unit by it (section 13.1.4)."""
    both = {f"activities[{place}].cmi5.publisher_id" for place in (0, 1)}
    assert faults(step(), replace(step(), id="two")) == both
