"""Trials that take long: `make test-deep`, which sets TANDEM_DEEP and runs what is marked."""

import itertools
import os
from collections.abc import Callable
from typing import TypeVar

import pytest

Test = TypeVar("Test", bound=Callable[..., object])

Order = tuple[int, ...]
DEEP = bool(os.environ.get("TANDEM_DEEP"))
deep = pytest.mark.deep
"""Goes on longer there."""
ONLY_DEEP = (deep, pytest.mark.skipif(not DEEP, reason="takes long: make test-deep"))
"""The marks of a parameter that is tried only there."""


def orders(count: int) -> list[Order]:
    """Return 24 orders of the numbers below `count`, from 4 up, or three if this is not deep: far
    apart from each other. A test of them is marked `deep`.
    """
    every = list(itertools.permutations(range(count)))
    return every[:: len(every) // (24 if DEEP else 3)]


def only_deep(test: Test) -> Test:
    """Mark a test that runs only there."""
    for mark in ONLY_DEEP:
        test = mark(test)
    return test
