"""Problems as JSON."""

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timetabler import documents, generate
from timetabler.problem import Slot

ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["days", "rooms", "courses", "id", "lectures"]), inner)
    ),
    max_leaves=10,
)


@given(st.integers(0, 10_000))
def test_a_problem_is_the_same_after_its_document(seed: int) -> None:
    """With everything that it has."""
    problem = generate.problem(seed, courses=6, rooms=2, days=3, periods=3)
    room = replace(problem.rooms[0], unavailable=frozenset({Slot(seed % 3, 0)}))
    long = replace(problem.courses[0], length=1 + seed % 3, seats=seed)
    problem = replace(problem, rooms=(room, *problem.rooms[1:]), courses=(long,))
    problem = replace(problem, groups=())
    assert documents.problem_of(json.loads(json.dumps(documents.document_of(problem)))) == problem


def test_every_fault_is_told() -> None:
    """With its field, what it is, and what would be right."""
    document: dict[str, Any] = {
        "days": 0,
        "rooms": [{"id": 1, "capacity": 30}],
        "courses": [
            {"id": "a", "teacher": "t", "lectures": 2, "unavailable": [[1]]},
            {"id": "a", "teacher": "t", "lectures": True, "disliked": [[4, 0, 3]]},
        ],
        "groups": [{"id": "g", "courses": ["b"]}],
        "weights": {"speed": 1},
    }
    with pytest.raises(documents.Invalid) as told:
        documents.problem_of(document)
    assert told.value.faults == (
        "days: is 0, expected a whole number from 1 to 14",
        "periods: is missing, expected a whole number from 1 to 96",
        "rooms[0].id: is 1, expected a text",
        "courses[0].unavailable[0]: is [1], expected 2 numbers from 0",
        "courses[1].lectures: is True, expected a whole number from 1 to 200",
        "weights.speed: is 1, expected only capacity, days, compactness, stability, dislikes",
        "courses: 'a' is there twice",
        "group 'g': there is no course 'b'",
        "course 'a': there is no period 0 on day 4",
    )


@given(ANY)
def test_any_document_is_read_or_refused(document: object) -> None:
    """Nothing else is raised."""
    with suppress(documents.Invalid):
        documents.problem_of(document)
