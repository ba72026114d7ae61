"""The values that kinds declare, and what is said of wrong ones."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.domain.enums import Kind
from services.notify.domain.values import (
    ADDED,
    DECLARED,
    WRITTEN,
    BadValues,
    Written,
    checked,
    declared,
    faults,
)
from services.notify.samples import sample, samples
from services.notify.texts import Texts
from tests.unit.notify.values import values_of


@pytest.mark.parametrize("kind", WRITTEN)
def test_every_kind_declares_values_and_has_samples(kind: Written) -> None:
    """All samples of a kind are what it declares."""
    assert set(DECLARED) == set(WRITTEN)
    assert not [fault for values in samples(kind) for fault in faults(kind, values)]


@given(st.data(), st.sampled_from(Kind))
def test_what_is_declared_has_no_faults(data: st.DataObject, kind: Kind) -> None:
    """Any values of the declared types are taken, as lists or as tuples."""
    assert faults(kind, data.draw(values_of(kind))) == []


@given(st.data(), st.sampled_from(Kind))
def test_each_value_is_needed(data: st.DataObject, kind: Kind) -> None:
    """A missing value is told by its name."""
    values = sample(kind)
    name = data.draw(st.sampled_from(sorted(values)))
    del values[name]
    assert faults(kind, values) == [f"{name}: missing"]


@pytest.mark.parametrize(
    ("kind", "change", "fault"),
    [
        (Kind.REMINDER, {"session": None}, "session: NoneType, not str"),
        (Kind.REMINDER, {"join_url": 3}, "join_url: int, not str"),
        (Kind.REMINDER, {"start_time": "now"}, "start_time: str, not datetime"),
        (Kind.CATCH_UP_MISSED, {"percent": True}, "percent: bool, not int"),
        (Kind.CATCH_UP_COMPLETED, {"in_time": 1}, "in_time: int, not bool"),
        (Kind.CATCH_UP_ASSIGNED, {"items": "ab"}, "items: str, not a list"),
        (Kind.CATCH_UP_ASSIGNED, {"items": ["a", 2]}, "items[1]: int, not str"),
        (Kind.CATCH_UP_ASSIGNED, {"usual_due": 3}, "usual_due: int, not datetime"),
        (Kind.FELL_BEHIND, {"reasons": [["SILENCE"]]}, "reasons[0]: 1 values, not 2"),
        (Kind.FELL_BEHIND, {"reasons": [["SILENCE", "x"]]}, "reasons[0][1]: str, not int"),
        (
            Kind.LEARNERS_FELL_BEHIND,
            {"learners": [["Ada", [["SILENCE", None]]]]},
            "learners[0][1][0][1]: NoneType, not int",
        ),
        (Kind.REMINDER, {"speaker": "Ada"}, "speaker: reminder has no such value"),
    ],
)
def test_wrong_values_are_told_by_their_places(
    kind: Kind, change: dict[str, Any], fault: str
) -> None:
    """The place, what is there, and what would be right."""
    assert faults(kind, {**sample(kind), **change}) == [fault]


def test_all_faults_are_told_at_once() -> None:
    """Missing, unknown and mistyped values together; nothing is written of them."""
    values = {"session": 3, "room": "Aula", "join_url": "", "colour": "red"}
    with pytest.raises(BadValues) as told:
        Texts().write(Kind.REMINDER, "en", "UTC", "Ada", values)
    assert str(told.value).split("; ") == [
        "start_time: missing",
        "colour: reminder has no such value",
        "session: int, not str",
    ]


@pytest.mark.parametrize("kind", ADDED)
def test_a_notice_of_an_older_version_is_complete(kind: Kind) -> None:
    """What was added since has what stands for it; what is given stays."""
    older = {name: value for name, value in sample(kind).items() if name not in ADDED[kind]}
    assert checked(kind, older) == {**older, **ADDED[kind]}
    assert checked(kind, sample(kind)) == sample(kind)
    assert ADDED[kind].keys() <= declared(kind).keys()
