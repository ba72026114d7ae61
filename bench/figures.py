"""What a benchmark answers, and how it is told."""

import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass

REPORTED = "reported"


@dataclass(frozen=True)
class Figure:
    """One measured figure. `peer` and `ratio` are None where there is nothing to stand beside."""

    name: str
    ours: float
    peer: float | None
    unit: str
    ratio: float | None
    goal: str
    met: bool


def beside(
    name: str,
    unit: str,
    least: float | None,
    rounds: int,
    ours: Callable[[], float],
    peer: Callable[[], float],
) -> Figure:
    """Measure ours and the peer in turn, `rounds` times: a noisy machine is noisy to both.

    The figure is the median of the ratios; `least` is the ratio to reach, None where the figure is
    only reported.
    """
    pairs = [(ours(), peer()) for _ in range(rounds)]
    ratio = statistics.median(a / b for a, b in pairs)
    return Figure(
        name,
        round(statistics.median(a for a, _ in pairs), 1),
        round(statistics.median(b for _, b in pairs), 1),
        unit,
        round(ratio, 2),
        REPORTED if least is None else f"ratio at least {least:g}",
        least is None or ratio >= least,
    )


def at_most(name: str, ours: float, unit: str, most: float) -> Figure:
    """A figure that has a limit instead of a peer."""
    return Figure(name, round(ours, 2), None, unit, None, f"at most {most:g} {unit}", ours <= most)


def at_least(name: str, ours: float, unit: str, least: float) -> Figure:
    """A figure that has a least value instead of a peer."""
    goal = f"at least {least:g} {unit}"
    return Figure(name, round(ours, 2), None, unit, None, goal, ours >= least)


def told(name: str, ours: float, unit: str) -> Figure:
    """A figure that is only reported."""
    return Figure(name, round(ours, 1), None, unit, None, REPORTED, True)


Benchmark = Callable[[], Iterator[Figure]]
