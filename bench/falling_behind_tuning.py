"""Where the limits of the rule of falling behind come from: a grid, on two presentations.

First the limits of OVERDUE_WORK and SILENCE, at each fifth, as if nobody was behind before; then,
with the limits chosen, how far they are eased for who is behind already, judged day by day. Of what
is nearly the best by F1, the limits are the most precise, and the ease has the fewest spells.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product, starmap
from statistics import fmean

from bench.falling_behind import (
    FIFTHS,
    FOLDER,
    TUNED,
    Foretold,
    behind_at,
    behind_by_day,
    foretold,
    instant,
)
from bench.figures import Figure, told
from bench.oulad_learners import Presentation, Student, read
from campus.output import console
from services.progress.domain.falling_behind import Rule

OVERDUE_ONE_IN = (2, 3, 4, 5, 6, 7, 8, 10)
SILENT_DAYS = (3, 5, 7, 10, 14, 21)
SILENT_MEDIANS = (0, 1, 2, 3)
EASED = (1.0, 0.75, 0.5, 0.25)
# How much less F1 is nearly as good.
NEARLY = 0.002


@dataclass(frozen=True)
class Tried:
    """A rule, with the means over all instants."""

    rule: Rule
    f1: float
    precision: float
    spells: int = 0
    """How many times somebody began to be behind."""


def measure() -> Iterator[Figure]:
    """Yield what was tried, and what came of it; the product's rule should be what is chosen."""
    if not FOLDER.is_dir():
        console.print(f"skipped: the Open University dataset is not in {FOLDER}")
        return
    known = read(FOLDER)
    presentations = [each for name in TUNED for each in both_ways(known[name])]
    tried = limits(presentations)
    chosen = max(nearly_best(tried), key=lambda each: each.precision)
    yield told("behind: limits tried", len(tried), "")
    yield told("behind, the limits with the best F1: mean F1", 100 * _best(tried), "%")
    yield from _figures("behind, the limits chosen", chosen)
    yield from measure_ease(presentations, chosen.rule)


def measure_ease(presentations: list[Presentation], rule: Rule) -> Iterator[Figure]:
    """Yield how far the limits may be eased, and what the median of overdue work is good for."""
    eased = [day_by_day(presentations, replace(rule, eased=each)) for each in EASED]
    for each in eased:
        yield from _figures(f"behind, eased to {each.rule.eased:.0%}", each)
    chosen = min(nearly_best(eased), key=lambda each: each.spells).rule
    console.print(f"chosen: {chosen}")
    alone = [replace(each, has_overdue_median=False) for each in presentations]
    name = "behind, overdue work not beside the median"
    yield from _figures(name, day_by_day(alone, chosen))


def both_ways(presentation: Presentation) -> tuple[Presentation, Presentation]:
    """Return it with clicks, and by hand-ins alone: a rule must do for both."""
    return presentation, replace(presentation, has_clicks=False)


def limits(presentations: list[Presentation]) -> list[Tried]:
    """Return each setting of the grid with its means."""
    instants = [instant(each, each.at(fifth)) for each in presentations for fifth in FIFTHS]
    return [
        _tried(rule, [foretold(each, behind_at(each, rule)) for each in instants])
        for rule in starmap(_rule, product(OVERDUE_ONE_IN, SILENT_DAYS, SILENT_MEDIANS))
    ]


def day_by_day(presentations: list[Presentation], rule: Rule) -> Tried:
    """Return what a rule foretells that has judged every day before."""
    found: list[Foretold] = []
    spells = 0
    for presentation in presentations:
        before: set[Student] = set()
        for at, behind in behind_by_day(presentation, rule, presentation.at(FIFTHS[-1])):
            spells += len(behind - before)
            before = behind
            if at.day in map(presentation.at, FIFTHS):
                found.append(foretold(at, behind))
    return replace(_tried(rule, found), spells=spells)


def nearly_best(tried: list[Tried]) -> list[Tried]:
    """Return those whose F1 is nearly the best."""
    return [each for each in tried if each.f1 >= _best(tried) - NEARLY]


def _best(tried: list[Tried]) -> float:
    return max(each.f1 for each in tried)


def _rule(overdue_one_in: int, days: int, medians: int) -> Rule:
    return Rule(overdue_one_in=overdue_one_in, silent_days=days, silent_medians=medians)


def _tried(rule: Rule, found: list[Foretold]) -> Tried:
    return Tried(rule, fmean(each.f1 for each in found), fmean(each.precision for each in found))


def _figures(name: str, tried: Tried) -> Iterator[Figure]:
    yield told(f"{name}: mean F1", 100 * tried.f1, "%")
    yield told(f"{name}: mean precision", 100 * tried.precision, "%")
    if tried.spells:
        yield told(f"{name}: spells", tried.spells, "")
