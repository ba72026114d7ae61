"""Checks that know values again."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.progress.domain.xapi import checks
from services.progress.domain.xapi.checks import (
    Check,
    anything,
    array,
    boolean,
    kinds,
    number,
    record,
    remembered,
    text,
)

SCALARS = st.none() | st.booleans() | st.sampled_from([0, 1, 0.0, 1.0, 2**70, "", "a", "\ud800"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "is", "n", "objectType"]), inner, max_size=3)
    ),
    max_leaves=8,
)
CHECKS: list[Check] = [
    text,
    number,
    boolean,
    array(number),
    kinds({"A": record({"objectType": text, "id": text, "is": boolean, "n": anything})}, "A"),
]


@given(st.sampled_from(CHECKS), st.lists(VALUES, max_size=12))
def test_a_remembered_check_tells_what_the_check_itself_tells(
    inner: Check, values: list[Any]
) -> None:
    """Of any values, in any order, also of one that it has seen: 1, 1.0 and true are three."""
    check = remembered(inner)
    told = [[*check(each)] for each in values * 2]
    assert told == [[*inner(each)] for each in values * 2]


def test_it_keeps_a_number_of_short_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """A value that it keeps is not looked at again; a long one is, and so is one with a fault."""
    seen: list[Any] = []

    def noting(value: Any) -> Any:
        seen.append(value)
        return text(value)

    monkeypatch.setattr(checks, "KEPT", 2)
    check = remembered(noting)
    long = "x" * checks.LONGEST_KEPT
    for value in ("a", "a", long, long, 1, 1, "b", "a", "b", "c", "a"):
        check(value)
    assert seen == ["a", long, long, 1, 1, "b", "c", "a"]
