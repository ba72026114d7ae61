"""Waiting for a platform that is slow, busy, away or stuck."""

import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import grpc
import pytest

from campus import persisting
from campus.oulad.patience import LoadError, wait_while_moving

AWAY, OK = grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.OK
BUSY, UNKNOWN = grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.NOT_FOUND


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses take no time."""
    monkeypatch.setattr(time, "sleep", lambda _: None)


def test_a_count_that_moves_is_waited_for() -> None:
    """Until it has reached its goal; each tenth that it gets further is said."""
    said = list[str]()
    counts = iter([0, 1, 1, 5, 6, 20, 19, 30, 31])
    wait_while_moving("statements", lambda: next(counts), 30, said.append)
    assert next(counts) == 31
    assert said == [f"{number} of 30 statements" for number in (5, 6, 20, 30)]


def test_a_count_that_stands_still_is_an_error() -> None:
    """The error tells how far it came."""
    with pytest.raises(LoadError, match="2 of 3 statements, and for 0 s no more"):
        wait_while_moving("statements", lambda: 2, 3, print, patience=0)


@pytest.mark.parametrize(
    ("answers", "calls", "result"),
    [
        ([OK], 1, OK),
        ([AWAY, grpc.StatusCode.DEADLINE_EXCEEDED, OK], 3, OK),
        ([BUSY, UNKNOWN, OK], 2, UNKNOWN),
        ([AWAY] * 20, 8, AWAY),
    ],
    ids=["at once", "after a while", "refused", "never"],
)
def test_calls_are_repeated_while_it_may_help(
    answers: list[Any], calls: int, result: object
) -> None:
    """Not if the service refuses, and not for ever; the last answer is the caller's."""
    told = _Answers(answers)
    answer = persisting.Persisting().intercept_unary_unary(told, None, None)
    assert (answer.code(), told.calls) == (result, calls)


class _Answers:
    """A service that answers with these codes, one after the other."""

    def __init__(self, codes: list[Any]) -> None:
        self._codes: Iterator[Any] = iter(codes)
        self.calls = 0

    def __call__(self, _call: Any, _request: Any) -> Any:
        self.calls += 1
        code = next(self._codes)
        return SimpleNamespace(code=lambda: code)
