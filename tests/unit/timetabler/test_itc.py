"""The competition's formats."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timetabler import generate, itc
from timetabler.problem import Placement, Problem, Slot

DATA = Path(__file__).resolve().parents[4] / "shared" / "data" / "itc2007"
SMALL = """\
Name: Small
Courses: 1
Days: 2
Periods_per_day: 2

COURSES:
maths  ada   2 1 30

ROOMS:
A 32

CURRICULA:
first 1 maths

UNAVAILABILITY_CONSTRAINTS:
maths   1  0

END.
"""


def test_a_problem_is_read() -> None:
    """Fields are where the format has them."""
    problem = itc.read_problem(SMALL)
    [course], [room], [group] = problem.courses, problem.rooms, problem.groups
    assert (course.teacher, course.lectures, course.min_days, course.size) == ("ada", 2, 1, 30)
    assert course.unavailable == {Slot(1, 0)}
    assert (room.id, room.capacity, group.courses) == ("A", 32, ("maths",))
    assert (problem.days, problem.periods) == (2, 2)


@given(st.integers(0, 10_000))
def test_what_is_written_is_read_again(seed: int) -> None:
    """A problem is the same after its file."""
    problem = generate.problem(seed, courses=6, rooms=2, days=3, periods=3)
    assert itc.read_problem(itc.write_problem(problem)) == problem


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 9))))
def test_a_timetable_is_read_again(slots: list[tuple[int, int]]) -> None:
    """So is a timetable."""
    timetable = tuple(Placement("maths", "A", Slot(*each)) for each in slots)
    assert itc.read_solution(itc.write_solution(timetable)) == timetable


def test_every_fault_is_told() -> None:
    """With its line and section."""
    text = SMALL.replace("Days: 2", "Days: two").replace("ada   2 1 30", "ada two")
    text = text.replace("first 1 maths", "first 1 physics")
    with pytest.raises(itc.Unreadable) as told:
        itc.read_problem(text)
    assert told.value.faults == (
        "Days: is 'two', expected a number from 1",
        "line 7 (COURSES): has 'maths ada two', expected 5 fields or more",
        "line 13 (CURRICULA): there is no course 'physics'",
    )


@given(st.text(alphabet="COURSES:\n ROM19x.END", max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Nothing else is raised."""
    for read in (itc.read_problem, itc.read_solution):
        with suppress(itc.Unreadable):
            read(text)


@pytest.mark.skipif(not DATA.exists(), reason="the files of ITC-2007 are not here")
@pytest.mark.parametrize(
    ("name", "courses", "rooms", "lectures"),
    [("comp01", 30, 6, 160), ("comp04", 79, 18, 286), ("toy", 4, 2, 16)],
)
def test_real_instances_are_read(name: str, courses: int, rooms: int, lectures: int) -> None:
    """Their sizes are those that the competition published."""
    problem: Problem = itc.read_problem((DATA / f"{name}.ctt").read_text())
    assert (len(problem.courses), len(problem.rooms)) == (courses, rooms)
    assert sum(each.lectures for each in problem.courses) == lectures
