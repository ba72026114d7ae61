"""What a timetable costs, and which rules it breaks."""

from dataclasses import replace

from timetabler.problem import Course, Group, Placement, Problem, Room, Slot
from timetabler.reasons import missing, reasons
from timetabler.score import score, violations

MATHS = Course(id="maths", teacher="ada", lectures=3, min_days=2, size=40)
LAB = Course(
    id="lab", teacher="bob", lectures=1, min_days=1, size=10, needs=frozenset({"fume hood"})
)
PROBLEM = Problem(
    name="small",
    days=2,
    periods=3,
    rooms=(Room("A", 32), Room("B", 50, frozenset({"fume hood"}))),
    courses=(MATHS, LAB),
    groups=(Group("first", ("maths", "lab")),),
)


def at(course: str, room: str, day: int, period: int) -> Placement:
    """A class."""
    return Placement(course, room, Slot(day, period))


GOOD = (
    at("maths", "B", 0, 0),
    at("maths", "B", 0, 1),
    at("maths", "B", 1, 0),
    at("lab", "B", 1, 1),
)


def test_a_good_timetable_costs_nothing() -> None:
    """No rule is broken, no wish is missed, and nothing is missing."""
    assert list(violations(PROBLEM, GOOD)) == []
    assert score(PROBLEM, GOOD).total == 0
    assert missing(PROBLEM, GOOD) == {}


def test_each_wish_has_its_cost() -> None:
    """Eight without a seat in each of two classes; two days; classes alone; a room more."""
    timetable = (at("maths", "A", 0, 0), at("maths", "A", 0, 1), at("maths", "B", 0, 2))
    told = score(PROBLEM, timetable)
    assert (told.capacity, told.days, told.compactness, told.stability) == (16, 10, 0, 1)
    alone = score(PROBLEM, (at("maths", "B", 0, 0), at("maths", "B", 0, 2), at("lab", "B", 1, 1)))
    assert alone.compactness == 6
    disliked = replace(PROBLEM, courses=(replace(MATHS, disliked={Slot(0, 0): 7}), LAB))
    assert score(disliked, GOOD).dislikes == 7


def test_each_broken_rule_is_told() -> None:
    """Rooms, teachers, groups, features, periods and the number of classes."""
    problem = replace(PROBLEM, courses=(replace(MATHS, unavailable=frozenset({Slot(0, 0)})), LAB))
    timetable = (at("maths", "A", 0, 0), at("lab", "A", 0, 0), *[at("maths", "B", 1, 1)] * 3)
    assert sorted(violations(problem, timetable)) == [
        "group first has 2 classes on day 1, period 1",
        "group first has 3 classes on day 2, period 2",
        "maths has 4 classes, more than 3",
        "maths is not available on day 1, period 1",
        "room A has 2 classes on day 1, period 1",
        "room A lacks fume hood for lab",
        "room B has 3 classes on day 2, period 2",
        "teacher ada has 3 classes on day 2, period 2",
    ]


DOUBLE = replace(LAB, length=2, seats=40, needs=frozenset())
LONG = replace(
    PROBLEM,
    rooms=(Room("A", 32), Room("B", 50, frozenset(), frozenset({Slot(0, 2)}))),
    courses=(MATHS, DOUBLE),
)


def test_a_class_of_two_periods_holds_both() -> None:
    """Its room, its teacher and its group are taken in each, and it ends with the day."""
    broken = [
        "group first has 2 classes on day 1, period 2",
        "room B has 2 classes on day 1, period 2",
    ]
    assert list(violations(LONG, (at("lab", "B", 0, 0), at("maths", "B", 0, 1)))) == broken[::-1]
    assert list(violations(LONG, (at("lab", "B", 1, 2),))) == [
        "lab is not over at the end of day 2"
    ]
    assert list(violations(LONG, (at("lab", "B", 1, 0), at("maths", "B", 1, 2)))) == []


def test_a_taken_room_and_seats_that_a_class_must_have_are_rules() -> None:
    """Unlike the wish for a seat for everyone."""
    assert list(violations(LONG, (at("lab", "B", 0, 1),))) == [
        "room B is not available on day 1, period 3"
    ]
    assert list(violations(LONG, (at("lab", "A", 0, 0),))) == ["room A lacks 8 seats for lab"]


def test_a_long_class_beside_another_is_not_alone() -> None:
    """What counts is the period before its first and after its last; each disliked period costs."""
    beside = (at("lab", "B", 1, 0), at("maths", "A", 1, 2))
    assert score(LONG, beside).compactness == 0
    assert score(LONG, (at("lab", "B", 1, 0),)).compactness == 2
    disliked = replace(DOUBLE, disliked={Slot(1, 0): 3, Slot(1, 1): 4, Slot(1, 2): 9})
    assert score(replace(LONG, courses=(MATHS, disliked)), beside).dislikes == 7


def test_why_a_long_class_has_no_place() -> None:
    """Where the day is over before it is; where its room is taken; and that no room is large."""
    assert reasons(LONG, (), DOUBLE) == [
        "in 3 of 6 periods it would fit; more time may find a place",
        "in 2 of 6 periods the day is over before it is",
        "in 1 of 6 periods all 1 rooms that fit are taken",
    ]
    assert reasons(LONG, (), replace(DOUBLE, seats=60)) == ["no room has 60 seats"]


def test_why_a_class_has_no_place() -> None:
    """Each period counts once, with the first thing that stands against it."""
    timetable = (at("maths", "B", 0, 0), at("maths", "A", 0, 1), at("lab", "B", 1, 0))
    assert missing(PROBLEM, timetable) == {"maths": 1}
    assert reasons(PROBLEM, timetable, MATHS) == [
        "in 3 of 6 periods it would fit; more time may find a place",
        "in 2 of 6 periods it has a class already",
        "in 1 of 6 periods group first has another class",
    ]
    needing = replace(LAB, needs=frozenset({"crane"}))
    assert reasons(PROBLEM, timetable, needing) == ["no room has all of crane"]
