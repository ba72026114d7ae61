"""What can be wrong with conditions, and between versions of a path."""

from datetime import UTC, datetime
from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.catalog.domain.conditions import Condition
from services.catalog.domain.enums import ActivityKind, ConditionKind
from services.catalog.domain.path import Activity, Path
from services.catalog.domain.versions import kind_violations, with_added_at
from tests.unit.catalog.test_path import SESSION, TASK, after, violations

ATTENDED, SCORED = ConditionKind.ATTENDED, ConditionKind.SCORED
QUIZ = Activity("quiz", "Quiz", ActivityKind.CHECKPOINT)
CLASS = Activity("class", "Class", SESSION)
NOW = datetime(2026, 3, 2, tzinfo=UTC)


def waiting(name: str, *conditions: Condition, **more: object) -> Activity:
    """A task that waits for conditions."""
    return Activity(name, name, TASK, opens_when=conditions, **more)  # type: ignore[arg-type]


def test_good_conditions_have_no_violations() -> None:
    """A class that was attended or made up for, and scores of a quiz and of a task."""
    conditions = [
        Condition("class", ATTENDED, or_caught_up=True),
        Condition("quiz", SCORED, score=0.8),
        Condition("essay", SCORED, score=1.0),
    ]
    assert violations(CLASS, QUIZ, waiting("essay"), waiting("next", *conditions)) == {}


def test_every_fault_of_conditions_is_listed() -> None:
    """Unknown activities, wrong kinds, and fields that the kind does not have, all at once."""
    found = violations(
        CLASS,
        QUIZ,
        waiting(
            "next",
            Condition("nobody", ATTENDED),
            Condition("quiz", ATTENDED, score=0.5),
            Condition("class", SCORED, or_caught_up=True, score=0.5),
            Condition("quiz", SCORED),
        ),
    )
    field = "activities[2].opens_when"
    assert found == {
        f"{field}[0].activity_id": "'nobody' is not in the path",
        f"{field}[1].activity_id": "'quiz' is of the kind CHECKPOINT, which is never ATTENDED",
        f"{field}[1].score": "is set on ATTENDED",
        f"{field}[2].activity_id": "'class' is of the kind SESSION, which is never SCORED",
        f"{field}[2].or_caught_up": "is set on SCORED",
        f"{field}[3].score": "is 0",
    }


@pytest.mark.parametrize("score", [-0.5, 0.0, 1.01, nan])
def test_a_score_is_above_0_and_at_most_1(score: float) -> None:
    """NaN is refused, too."""
    assert list(violations(QUIZ, waiting("next", Condition("quiz", SCORED, score=score)))) == [
        "activities[1].opens_when[0].score"
    ]


def test_circles_through_prerequisites_conditions_and_releases_are_told() -> None:
    """Each is named once, with its way; a deadline after what requires the activity is none."""
    found = violations(
        waiting("a", Condition("b", SCORED, score=0.5)),
        waiting("b", requires=("c",)),
        waiting("c", release=after("a", 1)),
        waiting("reading", deadline=after("seminar")),
        Activity("seminar", "Seminar", SESSION, requires=("reading",)),
        waiting("alone", Condition("alone", SCORED, score=0.5)),
    )
    assert found == {
        "activities[0].opens_when[0].activity_id": "is part of a circle: a -> b -> c -> a",
        "activities[5].opens_when[0].activity_id": "is part of a circle: alone -> alone",
    }


def test_an_id_keeps_its_kind_in_all_versions() -> None:
    """A quiz can't become a task; a new id may have any kind."""
    (found,) = kind_violations([waiting("quiz"), waiting("new")], {"quiz": QUIZ.kind})
    assert found.field == "activities[0].kind"
    assert found.wrong == "'quiz' was of the kind CHECKPOINT in an earlier version"
    assert found.right == "CHECKPOINT, or a new id"


@given(st.lists(st.sets(st.sampled_from("abcdef"), min_size=1), min_size=1, max_size=6))
def test_added_at_tells_the_first_version_after_one_without_the_activity(
    versions: list[set[str]],
) -> None:
    """Whatever the versions have; what a request says of it counts nothing."""
    path: Path | None = None
    for number, ids in enumerate(versions):
        now = NOW.replace(hour=number)
        asked = [waiting(each, added_at=NOW.replace(year=1999)) for each in sorted(ids)]
        activities = with_added_at(asked, path, now)
        for each in activities:
            since = number
            while since and each.id in versions[since - 1]:
                since -= 1
            assert each.added_at == (NOW.replace(hour=since) if since else None)
        path = Path(
            run_id="r", version=number + 1, activities=activities, published_at=now, published_by=""
        )
