"""Problems and results as JSON. README.md describes the fields."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from timetabler.problem import Course, Group, Placement, Problem, Room, Slot, Timetable, Weights
from timetabler.score import Score

LIMITS = {"days": 14, "periods": 96, "lectures": 200, "capacity": 100_000, "length": 96}
"""The greatest numbers, so that a mistake does not become a model of gigabytes."""


class Invalid(ValueError):
    """A document that is no problem. `faults`: a line each, with the field."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


def problem_of(document: object) -> Problem:
    """Return the problem that a document describes. Raises Invalid with every fault."""
    reader = _Reader()
    whole = reader.object(document, "problem")
    days, periods = reader.number(whole, "", "days"), reader.number(whole, "", "periods")
    rooms = tuple(_room(reader, *each) for each in reader.rows(whole, "rooms"))
    courses = tuple(_course(reader, *each) for each in reader.rows(whole, "courses"))
    groups = tuple(_group(reader, *each) for each in reader.rows(whole, "groups", least=0))
    weights = _weights(reader, whole)
    problem = Problem(
        name=reader.text(whole, "", "name", ""),
        days=days,
        periods=periods,
        rooms=rooms,
        courses=courses,
        groups=groups,
        weights=weights,
    )
    if faults := [*reader.faults, *_contradictions(problem)]:
        raise Invalid(faults)
    return problem


def document_of(problem: Problem) -> dict[str, Any]:
    """Return a problem as a document."""
    return {
        "name": problem.name,
        "days": problem.days,
        "periods": problem.periods,
        "rooms": [
            {
                "id": room.id,
                "capacity": room.capacity,
                "features": sorted(room.features),
                "unavailable": _pairs(room.unavailable),
            }
            for room in problem.rooms
        ],
        "courses": [_of_course(course) for course in problem.courses],
        "groups": [{"id": group.id, "courses": list(group.courses)} for group in problem.groups],
        "weights": asdict(problem.weights),
    }


def rows_of(timetable: Timetable) -> list[dict[str, Any]]:
    """Return the classes of a timetable as rows, in order of time."""
    return [
        {"course": each.course, "room": each.room, "day": each.slot.day, "period": each.slot.period}
        for each in sorted(timetable, key=lambda each: (each.slot, each.room, each.course))
    ]


def timetable_of(rows: Sequence[Mapping[str, Any]]) -> Timetable:
    """Return the timetable that rows describe."""
    return tuple(
        Placement(row["course"], row["room"], Slot(row["day"], row["period"])) for row in rows
    )


def score_of(score: Score) -> dict[str, int]:
    """Return a score as a document, with its total."""
    return {**asdict(score), "total": score.total}


def _of_course(course: Course) -> dict[str, Any]:
    return {
        "id": course.id,
        "teacher": course.teacher,
        "lectures": course.lectures,
        "min_days": course.min_days,
        "size": course.size,
        "needs": sorted(course.needs),
        "seats": course.seats,
        "length": course.length,
        "unavailable": _pairs(course.unavailable),
        "disliked": [[*slot, cost] for slot, cost in sorted(course.disliked.items())],
    }


def _pairs(slots: Iterable[Slot]) -> list[list[int]]:
    return [list(slot) for slot in sorted(slots)]


class _Reader:
    """Reads fields, and notes what is wrong with them instead of stopping."""

    def __init__(self) -> None:
        self.faults: list[str] = []

    def wrong(self, place: str, value: object, right: str) -> None:
        self.faults.append(f"{place}: is {_short(value)}, expected {right}")

    def object(self, value: object, place: str) -> Mapping[str, Any]:
        if isinstance(value, dict):
            return value
        self.wrong(place, value, "an object")
        return {}

    def rows(
        self, whole: Mapping[str, Any], name: str, least: int = 1
    ) -> Iterator[tuple[str, Mapping[str, Any]]]:
        found = whole.get(name, [])
        if not isinstance(found, list) or len(found) < least:
            self.wrong(name, found, f"a list of {least} or more")
            return
        for place, row in enumerate(found):
            yield f"{name}[{place}]", self.object(row, f"{name}[{place}]")

    def text(
        self, row: Mapping[str, Any], place: str, name: str, default: str | None = None
    ) -> str:
        value = row.get(name, default)
        if isinstance(value, str) and (value or default is not None):
            return value
        self.wrong(_joined(place, name), value, "a text")
        return ""

    def number(
        self,
        row: Mapping[str, Any],
        place: str,
        name: str,
        least: int = 1,
        default: int | None = None,
    ) -> int:
        value, most = row.get(name, default), LIMITS.get(name, 1_000_000)
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        self.wrong(_joined(place, name), value, f"a whole number from {least} to {most}")
        return least

    def texts(self, row: Mapping[str, Any], place: str, name: str) -> tuple[str, ...]:
        value = row.get(name, [])
        if isinstance(value, list) and all(isinstance(each, str) for each in value):
            return tuple(value)
        self.wrong(_joined(place, name), value, "a list of texts")
        return ()

    def numbers(
        self, row: Mapping[str, Any], place: str, name: str, count: int
    ) -> Iterator[tuple[int, ...]]:
        value = row.get(name, [])
        for index, each in enumerate(value if isinstance(value, list) else [value]):
            whole = isinstance(each, list) and len(each) == count
            if whole and all(type(part) is int and part >= 0 for part in each):
                yield tuple(each)
            else:
                self.wrong(f"{_joined(place, name)}[{index}]", each, f"{count} numbers from 0")

    def slots(self, row: Mapping[str, Any], place: str) -> frozenset[Slot]:
        return frozenset(Slot(*each) for each in self.numbers(row, place, "unavailable", 2))


def _room(reader: _Reader, place: str, row: Mapping[str, Any]) -> Room:
    return Room(
        reader.text(row, place, "id"),
        reader.number(row, place, "capacity"),
        frozenset(reader.texts(row, place, "features")),
        reader.slots(row, place),
    )


def _course(reader: _Reader, place: str, row: Mapping[str, Any]) -> Course:
    return Course(
        id=reader.text(row, place, "id"),
        teacher=reader.text(row, place, "teacher"),
        lectures=reader.number(row, place, "lectures"),
        min_days=reader.number(row, place, "min_days", 0, 0),
        size=reader.number(row, place, "size", 0, 0),
        needs=frozenset(reader.texts(row, place, "needs")),
        seats=reader.number(row, place, "seats", 0, 0),
        length=reader.number(row, place, "length", 1, 1),
        unavailable=reader.slots(row, place),
        disliked={
            Slot(day, period): cost
            for day, period, cost in reader.numbers(row, place, "disliked", 3)
        },
    )


def _group(reader: _Reader, place: str, row: Mapping[str, Any]) -> Group:
    return Group(reader.text(row, place, "id"), reader.texts(row, place, "courses"))


def _weights(reader: _Reader, whole: Mapping[str, Any]) -> Weights:
    given = reader.object(whole.get("weights", {}), "weights")
    usual = asdict(Weights())
    for name in given.keys() - usual.keys():
        reader.wrong(f"weights.{name}", given[name], f"only {', '.join(usual)}")
    return Weights(
        **{name: reader.number(given, "weights", name, 0, usual[name]) for name in usual}
    )


def _contradictions(problem: Problem) -> Iterator[str]:
    """Yield what is wrong between the parts of a problem."""
    for kind, ids in (
        ("rooms", [each.id for each in problem.rooms]),
        ("courses", [each.id for each in problem.courses]),
        ("groups", [each.id for each in problem.groups]),
    ):
        yield from (
            f"{kind}: {one!r} is there twice"
            for one in sorted({i for i in ids if ids.count(i) > 1})
        )
    known, slots = {each.id for each in problem.courses}, set(problem.slots)
    for group in problem.groups:
        for course in group.courses:
            if course not in known:
                yield f"group {group.id!r}: there is no course {course!r}"
    for named, used in (
        *((f"room {each.id!r}", each.unavailable) for each in problem.rooms),
        *((f"course {c.id!r}", c.unavailable | c.disliked.keys()) for c in problem.courses),
    ):
        for slot in sorted(used - slots):
            yield f"{named}: there is no period {slot.period} on day {slot.day}"


def _joined(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _short(value: object) -> str:
    text = "missing" if value is None else repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
