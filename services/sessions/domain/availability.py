"""When people can teach: weekly hours on the wall of their zone, and days on which they are away.

Nothing of this refuses a class: who plans may overrule it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime

from chassis.civil import DAY, Calendar
from chassis.errors import FieldViolation
from services.sessions.domain.enums import Interval
from services.sessions.domain.roster import Person
from services.sessions.domain.slots import merged

_MIDNIGHT = "24:00"


@dataclass(frozen=True, slots=True, order=True)
class TeachingWindow:
    """Hours of each week; HH:MM on the wall, the end not included and up to 24:00."""

    weekday: int
    """ISO 8601: Monday is 1."""
    start: str
    end: str
    is_preferred: bool = False


@dataclass(frozen=True, slots=True, order=True)
class Absence:
    """Days without any hours: the first and the last one, YYYY-MM-DD, both included."""

    start_date: str
    end_date: str

    def holds(self, day: date) -> bool:
        """Return whether a day is one of them."""
        return self.start_date <= day.isoformat() <= self.end_date


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAvailability:
    """Tell when a person can teach."""

    person_id: str
    zone: str
    hours: tuple[TeachingWindow, ...]
    away: tuple[Absence, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Availability:
    """When a person can teach; without any hours never."""

    person_id: str
    zone: str
    hours: tuple[TeachingWindow, ...]
    away: tuple[Absence, ...]
    set_by: str
    changed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AvailabilityChanged(Availability):
    """When a person can teach has changed; names and fields are those of the event message."""


def availability_violations(command: SetAvailability) -> Iterator[FieldViolation]:
    """Yield every violation of what is told of a person."""
    for place, window in enumerate(command.hours):
        if window.start >= window.end:
            wrong = f"{window.end} is not after {window.start}"
            yield FieldViolation(f"hours[{place}].end", wrong, "a later time, up to 24:00")
    yield from _overlap_violations(command.hours)
    for place, absence in enumerate(command.away):
        if absence.end_date < absence.start_date:
            wrong = f"{absence.end_date} is before {absence.start_date}"
            yield FieldViolation(f"away[{place}].end_date", wrong, "the first day, or a later one")


def unknown_person(person_id: str, person: Person | None) -> Iterator[FieldViolation]:
    """Yield a violation for somebody who is not in the roster, or left."""
    if person is None or person.retired_at is not None:
        right = "the id of a person in it; a new one may take a second to be known here"
        yield FieldViolation("person_id", f"{person_id!r} is not in the roster, or left", right)


def told(command: SetAvailability, set_by: str, now: datetime) -> Availability:
    """Return what is now known of a person: each window and absence once, in their order."""
    return Availability(
        person_id=command.person_id,
        zone=command.zone,
        hours=tuple(sorted(command.hours)),
        away=tuple(sorted(set(command.away))),
        set_by=set_by,
        changed_at=now,
    )


def changed(availability: Availability) -> AvailabilityChanged:
    """Return the event that tells when a person can teach."""
    facts = {each.name: getattr(availability, each.name) for each in fields(Availability)}
    return AvailabilityChanged(**facts)


def says_the_same(one: Availability, other: Availability) -> bool:
    """Return whether two say the same of a person, whoever told it when."""
    return (one.zone, one.hours, one.away) == (other.zone, other.hours, other.away)


def can_teach(availability: Availability | None, start: datetime, end: datetime) -> bool:
    """Return whether a person can teach from one instant to another.

    `availability`: None if nobody has told it: then the person always can. Windows that touch are
    one, also at midnight.
    """
    if availability is None:
        return True
    span = Interval(start, end)
    return any(
        each.start <= start and end <= each.end for each in teaching_hours(availability, span)
    )


def teaching_hours(
    availability: Availability, span: Interval, *, preferred: bool = False
) -> list[Interval]:
    """Return the hours in which a person can teach on the days that a span touches, in order.

    `preferred`: only those that the person likes. Hours that touch are one.
    """
    calendar = Calendar(availability.zone)
    day, last = calendar.day_of(span.start), calendar.day_until(span.end)
    found: list[Interval] = []
    while day <= last:
        if not any(absence.holds(day) for absence in availability.away):
            found += _hours_of(availability.hours, calendar, day, preferred)
        day += DAY
    return merged(found)


def _hours_of(
    hours: Sequence[TeachingWindow], calendar: Calendar, day: date, preferred: bool
) -> Iterator[Interval]:
    for window in hours:
        if window.weekday == day.isoweekday() and window.is_preferred >= preferred:
            end = "" if window.end == _MIDNIGHT else window.end
            yield Interval(calendar.opening(day, window.start), calendar.due(day, end))


def _overlap_violations(hours: Sequence[TeachingWindow]) -> Iterator[FieldViolation]:
    """Yield a violation for each window that begins before one of its day that began earlier ends.

    Texts HH:MM sort like their times.
    """
    longest: dict[int, int] = {}
    for place in sorted(range(len(hours)), key=hours.__getitem__):
        window = hours[place]
        before = longest.get(window.weekday)
        if before is not None and window.start < hours[before].end:
            wrong = f"{window.start} is within hours[{before}], which ends at {hours[before].end}"
            yield FieldViolation(f"hours[{place}].start", wrong, "windows that don't overlap")
        if before is None or window.end > hours[before].end:
            longest[window.weekday] = place
