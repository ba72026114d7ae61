"""Where the limits of the rule of falling behind come from: a grid, on two presentations.

First the limits of OVERDUE_WORK, LATE_WORK and SILENCE, at each twentieth of the length, as if
nobody was behind before: of those that are worse than the baseline at the fewest instants, what is
nearly the best by F1, and of that the most precise. Then, with these limits, how far they are eased
for who is behind already, judged day by day: of what is nearly the best by F1, what has the fewest
spells.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from statistics import fmean

from bench.falling_behind import (
    FIFTHS,
    FOLDER,
    TUNED,
    Foretold,
    Instant,
    baseline,
    behind_by_day,
    foretold,
    instant,
)
from bench.figures import Figure, told
from bench.oulad_learners import Presentation, Student, read
from campus.output import console
from services.progress.domain.falling_behind import ReasonKind, Rule, judged

OVERDUE_ONE_IN = (3, 4, 5, 6, 7, 8, 10)
LATE_DAYS = (0.5, 2, 3, 5, 7, 10, 14)
SILENT_DAYS = (5, 7, 10, 14, 21)
SILENT_MEDIANS = (0, 1, 2, 3, 4)
EASED = (1.0, 0.75, 0.5, 0.25)
# From a tenth of the length to nine tenths of it.
TWENTIETHS = range(2, 19)
# How much less F1 is nearly as good.
NEARLY = 0.001


@dataclass(frozen=True)
class Tried:
    """A rule, with the means over all instants."""

    rule: Rule
    f1: float
    precision: float
    worse: int = 0
    """At how many instants its F1 is below the baseline's."""
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
    yield told("behind: limits tried", len(tried), "")
    yield told("behind, the limits with the best F1: mean F1", 100 * _best(tried), "%")
    rule = chosen(tried)
    yield from _figures("behind, the limits chosen", rule)
    yield from measure_ease(presentations, rule.rule)


def measure_ease(presentations: list[Presentation], rule: Rule) -> Iterator[Figure]:
    """Yield how far the limits may be eased."""
    eased = [day_by_day(presentations, replace(rule, eased=each)) for each in EASED]
    for each in eased:
        yield from _figures(f"behind, eased to {each.rule.eased:.0%}", each)
    steadiest = min(nearly_best(eased), key=lambda each: each.spells)
    console.print(f"chosen: {steadiest.rule}")


def both_ways(presentation: Presentation) -> tuple[Presentation, Presentation]:
    """Return it with clicks, and by hand-ins alone: a rule must do for both."""
    return presentation, presentation.by_hand_ins()


def limits(presentations: list[Presentation]) -> list[Tried]:
    """Return each setting of the grid with its means."""
    judgements = [
        Judgements(each, instant(each, each.length * twentieth // 20))
        for each in presentations
        for twentieth in TWENTIETHS
    ]
    grid = product(OVERDUE_ONE_IN, LATE_DAYS, SILENT_DAYS, SILENT_MEDIANS)
    return [_tried_at(judgements, _rule(*each)) for each in grid]


class Judgements:
    """Who is behind at an instant by each limit alone. One reason is enough, so who is behind by a
    rule is whoever is by one of its limits, and each limit is judged only once.
    """

    def __init__(self, presentation: Presentation, at: Instant) -> None:
        self.at = at
        self.baseline = foretold(at, baseline(presentation, at))
        self._known: dict[tuple[object, ...], set[Student]] = {}

    def foretold(self, rule: Rule) -> Foretold:
        """Return what a rule foretells."""
        overdue = self._behind(rule, ReasonKind.OVERDUE_WORK, rule.overdue_one_in)
        late = self._behind(rule, ReasonKind.LATE_WORK, rule.late_days)
        silent = self._behind(rule, ReasonKind.SILENCE, rule.silent_days, rule.silent_medians)
        return foretold(self.at, overdue | late | silent)

    def _behind(self, rule: Rule, kind: ReasonKind, *its_limits: float) -> set[Student]:
        key = (kind, *its_limits)
        if key not in self._known:
            self._known[key] = {
                each
                for each, facts in self.at.facts.items()
                if any(reason.kind is kind for reason in judged(facts, rule, was_behind=False))
            }
        return self._known[key]


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


def chosen(tried: list[Tried]) -> Tried:
    """Return the most precise of what is nearly the best among those that are worse than the
    baseline at the fewest instants.
    """
    fewest = min(each.worse for each in tried)
    seldom_worse = [each for each in tried if each.worse == fewest]
    return max(nearly_best(seldom_worse), key=lambda each: each.precision)


def nearly_best(tried: list[Tried]) -> list[Tried]:
    """Return those whose F1 is nearly the best."""
    return [each for each in tried if each.f1 >= _best(tried) - NEARLY]


def _best(tried: list[Tried]) -> float:
    return max(each.f1 for each in tried)


def _rule(overdue_one_in: int, late: float, days: int, medians: int) -> Rule:
    return Rule(
        overdue_one_in=overdue_one_in, late_days=late, silent_days=days, silent_medians=medians
    )


def _tried_at(judgements: list[Judgements], rule: Rule) -> Tried:
    found = [each.foretold(rule) for each in judgements]
    pairs = zip(found, judgements, strict=True)
    worse = sum(ours.f1 < each.baseline.f1 for ours, each in pairs)
    return replace(_tried(rule, found), worse=worse)


def _tried(rule: Rule, found: list[Foretold]) -> Tried:
    return Tried(rule, fmean(each.f1 for each in found), fmean(each.precision for each in found))


def _figures(name: str, tried: Tried) -> Iterator[Figure]:
    yield told(f"{name}: mean F1", 100 * tried.f1, "%")
    yield told(f"{name}: mean precision", 100 * tried.precision, "%")
    if tried.spells:
        yield told(f"{name}: spells", tried.spells, "")
    else:
        yield told(f"{name}: instants worse than the baseline", tried.worse, "")
