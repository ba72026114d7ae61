"""Problems of the competition's kind and size, made at random around a timetable that exists."""

import random
from collections.abc import Sequence

from timetabler.problem import Course, Group, Problem, Room, Slot


def problem(
    seed: int, courses: int = 30, rooms: int = 6, days: int = 5, periods: int = 6
) -> Problem:
    """Return a problem that can be solved with every class placed and nobody without a seat.

    Its classes are first put into rooms and periods; teachers, groups, sizes and free periods are
    then chosen so that these places keep all rules.
    """
    chance = random.Random(seed)
    slots = [Slot(day, period) for day in range(days) for period in range(periods)]
    capacities = sorted(chance.choice([30, 50, 80, 120, 200]) for _ in range(rooms))
    made = [Room(f"R{number}", capacity) for number, capacity in enumerate(capacities, 1)]
    ids = [f"c{number:03d}" for number in range(courses)]
    hidden = _hidden(chance, ids, made, slots)
    teachers = {each: f"t{number // 2:03d}" for number, each in enumerate(ids)}
    for one, other in zip(ids[::2], ids[1::2], strict=False):
        if _meet(hidden, one, other):  # they can't have one teacher
            teachers[other] = f"{teachers[other]}b"
    return Problem(
        name=f"generated {seed}",
        days=days,
        periods=periods,
        rooms=tuple(made),
        courses=tuple(_course(chance, each, teachers[each], hidden[each], slots) for each in ids),
        groups=tuple(_groups(chance, ids, hidden)),
    )


Hidden = dict[str, list[tuple[Room, Slot]]]


def _hidden(
    chance: random.Random, ids: Sequence[str], rooms: Sequence[Room], slots: Sequence[Slot]
) -> Hidden:
    """Return places for the classes of each course, all in one room and at different times."""
    free = {room: chance.sample(slots, len(slots)) for room in rooms}
    found: Hidden = {}
    for each in ids:
        room = max(rooms, key=lambda one: len(free[one]) + chance.random())
        count = min(chance.randint(2, 6), max(1, len(free[room]) * 4 // 5))
        found[each] = [(room, free[room].pop()) for _ in range(count)]
    return found


def _course(
    chance: random.Random,
    course: str,
    teacher: str,
    places: list[tuple[Room, Slot]],
    slots: Sequence[Slot],
) -> Course:
    held = {slot for _, slot in places}
    others = [slot for slot in slots if slot not in held]
    days = len({slot.day for slot in held})
    return Course(
        id=course,
        teacher=teacher,
        lectures=len(places),
        min_days=chance.randint(1, days),
        size=chance.randint(1, places[0][0].capacity),
        unavailable=frozenset(chance.sample(others, len(others) // 5)),
    )


def _groups(chance: random.Random, ids: Sequence[str], hidden: Hidden) -> list[Group]:
    found = []
    for number in range(len(ids) // 2):
        members: list[str] = []
        for each in chance.sample(ids, len(ids)):
            if len(members) < 4 and not any(_meet(hidden, each, other) for other in members):
                members.append(each)
        found.append(Group(f"q{number:03d}", tuple(members)))
    return found


def _meet(hidden: Hidden, one: str, other: str) -> bool:
    return bool({slot for _, slot in hidden[one]} & {slot for _, slot in hidden[other]})
