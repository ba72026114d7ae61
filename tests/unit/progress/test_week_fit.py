"""A learner's work, fitted into the weeks."""

from datetime import timedelta
from itertools import combinations_with_replacement

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.progress.domain.week_fit import Fit, Week, Work, first_due_that_fits, fit
from tests.unit.progress.examples import MONDAY

HOUR, WEEK = 3600.0, timedelta(days=7)
START = MONDAY.replace(hour=0)


def _weeks(*hours: float) -> list[Week]:
    return [
        Week(START + WEEK * place, START + WEEK * (place + 1), each * HOUR)
        for place, each in enumerate(hours)
    ]


def _work(name: str, hours: float, last: int, first: int = 0) -> Work:
    """Work that can be done from one week, by place, to the end of another."""
    return Work(name, hours * HOUR, START + WEEK * (last + 1), START + WEEK * first)


def _hours(found: Fit) -> list[dict[str, float]]:
    return [{each.work.id: each.seconds / HOUR for each in parts} for parts in found.weeks]


def test_what_is_due_first_is_done_first() -> None:
    """And what is left of a week goes to what is due later."""
    found = fit([_work("later", 3, 1), _work("soon", 2, 0)], _weeks(4, 4))
    assert _hours(found) == [{"soon": 2, "later": 2}, {"later": 1}]
    assert not found.unfit


def test_work_waits_for_its_beginning() -> None:
    """What is released later leaves the time before it to others."""
    found = fit([_work("released", 4, 1, first=1), _work("other", 4, 1)], _weeks(4, 4))
    assert _hours(found) == [{"other": 4}, {"released": 4}]


def test_what_does_not_fit_is_told_with_the_weeks() -> None:
    """How much of it, and what fills the weeks."""
    (found,) = fit([_work("soon", 3, 0), _work("late", 5, 1)], _weeks(4, 3)).unfit
    assert (found.work.id, found.seconds) == ("late", HOUR)
    assert [(week.budget, week.planned) for week in found.weeks] == [
        (timedelta(hours=4), timedelta(hours=3)),
        (timedelta(hours=3), timedelta(0)),
    ]


def test_overdue_work_belongs_to_the_first_week() -> None:
    """It is still to be done. What is due after the weeks is left out."""
    overdue = Work("overdue", HOUR, START - WEEK)
    assert _hours(fit([overdue, _work("far", 1, 5)], _weeks(2))) == [{"overdue": 1}]


def test_a_week_without_time_has_no_work() -> None:
    """Such as a holiday."""
    found = fit([_work("essay", 3, 2)], _weeks(1, 0, 2))
    assert _hours(found) == [{"essay": 1}, {}, {"essay": 2}]


@pytest.mark.parametrize(("hours", "place"), [(1, 0), (2, 1), (4, 2), (5, None)])
def test_a_due_is_the_first_with_room(hours: float, place: int | None) -> None:
    """None, if no week until the last one has room."""
    weeks = _weeks(3, 3, 3)
    others = [_work("a", 2, 0), _work("b", 2, 1), _work("c", 1, 2)]
    dues = [week.end for week in weeks]
    due = None if place is None else dues[place]
    assert first_due_that_fits(_work("new", hours, 2), dues, others, weeks) == due


def test_beside_others_that_lack_time_it_takes_none_from_them() -> None:
    """A full first week does not stop a due in the second."""
    weeks = _weeks(1, 3)
    dues = [week.end for week in weeks]
    assert first_due_that_fits(_work("new", 2, 1), dues, [_work("a", 9, 0)], weeks) == dues[1]


BUDGETS = st.lists(st.integers(0, 6), min_size=1, max_size=5)
WORKS = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 4), st.integers(0, 4)), max_size=8)


def _made(rows: list[tuple[int, int, int]], count: int) -> list[Work]:
    """Works within the weeks."""
    places = ((hours, *sorted((one % count, other % count))) for hours, one, other in rows)
    return [
        _work(str(number), hours, last, first) for number, (hours, first, last) in enumerate(places)
    ]


@given(BUDGETS, WORKS)
def test_no_week_is_above_its_budget_unless_that_is_impossible(
    budgets: list[int], rows: list[tuple[int, int, int]]
) -> None:
    """All work is planned in its weeks if and only if no stretch of weeks has more work of its own
    than time (Hall's condition for work that can be split).
    """
    weeks, works = _weeks(*budgets), _made(rows, len(budgets))
    found = fit(works, weeks)
    possible = all(
        sum(each.seconds for each in works if _is_within(each, weeks[first], weeks[last]))
        <= sum(week.budget for week in weeks[first : last + 1])
        for first, last in combinations_with_replacement(range(len(weeks)), 2)
    )
    assert (not found.unfit) == possible
    for week, parts in zip(weeks, found.weeks, strict=True):
        assert sum(each.seconds for each in parts) <= week.budget
        assert all((each.work.begin or START) < week.end for each in parts)
        assert all(week.start < each.work.due for each in parts)
    planned = sum(each.seconds for parts in found.weeks for each in parts)
    assert planned + found.lacking == sum(each.seconds for each in works)


@given(BUDGETS, WORKS, st.integers(1, 6))
def test_a_placed_work_takes_no_time_from_others(
    budgets: list[int], rows: list[tuple[int, int, int]], hours: int
) -> None:
    """With the due that is found nothing more is lacking; with each earlier one something is."""
    weeks, others = _weeks(*budgets), _made(rows, len(budgets))
    dues, lacking = [week.end for week in weeks], fit(others, weeks).lacking
    found = first_due_that_fits(_work("new", hours, 0), dues, others, weeks)
    for due in dues:
        more = fit([*others, Work("new", hours * HOUR, due, START)], weeks).lacking
        if due == found:
            assert more == lacking
            return
        assert more > lacking
    assert found is None


def _is_within(work: Work, first: Week, last: Week) -> bool:
    return (work.begin or START) >= first.start and work.due <= last.end
