"""The events of timetables; names and fields are those of the event messages in the protos."""

from dataclasses import dataclass

from services.sessions.domain.timetables import Timetable, cost, missing_classes


@dataclass(frozen=True, slots=True)
class TimetableProgressed:
    """The search for a timetable has found the first one, or a better one."""

    timetable_id: str
    name: str
    seconds: float
    missing: int
    cost: int


@dataclass(frozen=True, slots=True)
class TimetableSolved:
    """The search for a timetable has ended with one."""

    timetable_id: str
    name: str
    placed: int
    missing: int
    cost: int
    is_best: bool


@dataclass(frozen=True, slots=True)
class TimetableFailed:
    """The search for a timetable has ended without one."""

    timetable_id: str
    name: str
    reason: str


def progressed(timetable: Timetable) -> TimetableProgressed:
    """Return the event that a timetable has its progress. It has one."""
    found = timetable.progress
    assert found is not None
    name = timetable.problem.name
    return TimetableProgressed(timetable.id, name, found.seconds, found.missing, found.cost)


def solved_event(timetable: Timetable) -> TimetableSolved:
    """Return the event that a timetable is SOLVED."""
    return TimetableSolved(
        timetable.id,
        timetable.problem.name,
        len(timetable.classes),
        missing_classes(timetable),
        cost(timetable.score) if timetable.score else 0,
        timetable.is_best,
    )


def failed_event(timetable: Timetable) -> TimetableFailed:
    """Return the event that a timetable has FAILED."""
    return TimetableFailed(timetable.id, timetable.problem.name, timetable.reason)
