"""Fitting a learner's work into the weeks: what is to do in each, beside the hours there are.

Work may be split over several weeks. In each week, what is due first is done first (EDF, earliest
deadline first): for work that can be split this finds a plan without overload whenever there is
one. What does not fit is told with the weeks that are too full for it.
"""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

_ENOUGH = 1.0
"""Less than a second of work is no work: shares are floating-point numbers."""


@dataclass(frozen=True, slots=True)
class Week:
    """A week of a learner, with the time for study in it."""

    start: datetime
    end: datetime
    budget: float
    """Seconds."""


@dataclass(frozen=True, slots=True)
class Work:
    """Something that a learner has to do by oneself."""

    id: str
    seconds: float
    """How long it takes, of what is left to do."""
    due: datetime
    begin: datetime | None = None
    """From when it can be done; None: now."""


@dataclass(frozen=True, slots=True)
class Part:
    """What of one work is planned for a week."""

    work: Work
    seconds: float


@dataclass(frozen=True, slots=True)
class FullWeek:
    """A week in which there is not enough time."""

    start: datetime
    budget: timedelta
    planned: timedelta
    """What other work takes of it."""


@dataclass(frozen=True, slots=True)
class Unfit:
    """What of a work fits in none of the weeks until its due, and these weeks."""

    work: Work
    seconds: float
    weeks: tuple[FullWeek, ...]


@dataclass(frozen=True, slots=True)
class Fit:
    """A plan of some weeks: no week has more than its budget."""

    weeks: tuple[tuple[Part, ...], ...]
    """What to do in each week, by due."""
    unfit: tuple[Unfit, ...] = ()

    @property
    def lacking(self) -> float:
        """Return the seconds of work that fit nowhere."""
        return sum(each.seconds for each in self.unfit)


@dataclass(slots=True)
class _Open:
    """A work while the plan is made."""

    work: Work
    first: int
    last: int
    """The weeks in which it can be done, by place."""
    left: float
    """Seconds that are not planned yet."""


def fit(works: Iterable[Work], weeks: Sequence[Week]) -> Fit:
    """Return the plan. The weeks follow each other; work that is due before them is to be done in
    the first, and work that is due after them is left out.
    """
    waiting = sorted(_opened(works, weeks), key=lambda each: (each.first, each.work.due))
    ready: list[tuple[datetime, str, _Open]] = []
    planned: list[tuple[Part, ...]] = []
    lacking: list[_Open] = []
    for place, week in enumerate(weeks):
        while waiting and waiting[0].first <= place:
            each = waiting.pop(0)
            heapq.heappush(ready, (each.work.due, each.work.id, each))
        planned.append(tuple(_done_in(week, ready)))
        lacking += [each for *_, each in ready if each.last <= place]
        ready = [one for one in ready if one[2].last > place]
        heapq.heapify(ready)
    return Fit(tuple(planned), tuple(_unfit(each, weeks, planned) for each in lacking))


def first_due_that_fits(
    work: Work, dues: Iterable[datetime], others: Sequence[Work], weeks: Sequence[Week]
) -> datetime | None:
    """Return the first of these dues with which a work fits beside the others; None: none does.

    Where the others alone do not fit, it is enough that no more of them is lacking.
    """
    lacking = fit(others, weeks).lacking
    for due in dues:
        if fit((*others, replace(work, due=due)), weeks).lacking < lacking + _ENOUGH:
            return due
    return None


def _opened(works: Iterable[Work], weeks: Sequence[Week]) -> Iterator[_Open]:
    for work in works:
        last = _place(work.due, weeks, is_end=True)
        if work.seconds >= _ENOUGH and last < len(weeks):
            first = _place(work.begin, weeks) if work.begin else 0
            yield _Open(work, min(first, last), last, work.seconds)


def _place(at: datetime, weeks: Sequence[Week], is_end: bool = False) -> int:
    """Return the place of the week that holds an instant; of one between two weeks the second, or
    the first if it `is_end`.
    """
    ended = (week.end < at if is_end else week.end <= at for week in weeks)
    return sum(ended)


def _done_in(week: Week, ready: list[tuple[datetime, str, _Open]]) -> Iterator[Part]:
    left = week.budget
    while ready and left >= _ENOUGH:
        each = ready[0][2]
        seconds = min(left, each.left)
        each.left, left = each.left - seconds, left - seconds
        yield Part(each.work, seconds)
        if each.left < _ENOUGH:
            heapq.heappop(ready)


def full_weeks(
    weeks: Sequence[Week], planned: Sequence[Sequence[Part]], but: str = ""
) -> Iterator[FullWeek]:
    """Yield the weeks, with what is planned for each, without one work."""
    for week, parts in zip(weeks, planned, strict=True):
        seconds = sum(each.seconds for each in parts if each.work.id != but)
        yield FullWeek(week.start, timedelta(seconds=week.budget), timedelta(seconds=seconds))


def _unfit(one: _Open, weeks: Sequence[Week], planned: Sequence[Sequence[Part]]) -> Unfit:
    own = slice(one.first, one.last + 1)
    return Unfit(one.work, one.left, tuple(full_weeks(weeks[own], planned[own], one.work.id)))
