"""The hours that a learner has for study in each week, in all runs together."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from chassis.civil import Calendar
from chassis.errors import FieldViolation
from services.progress.domain.week_fit import Week

_DAY, _WEEK = timedelta(days=1), timedelta(days=7)
_NONE = timedelta()


@dataclass(frozen=True, slots=True)
class OtherWeek:
    """A week in which a learner has other hours than usual."""

    monday: str
    """Its first day, YYYY-MM-DD."""
    time: timedelta


@dataclass(frozen=True, slots=True)
class StudyHours:
    """What a learner told of the own time for study by oneself; classes come on top."""

    id: str
    """The learner."""
    time: timedelta = _NONE
    """In a usual week; 0: the learner told nothing, and no week is planned."""
    other_weeks: tuple[OtherWeek, ...] = ()
    placed: int = field(default=0)
    """How often a catch-up was placed by these hours: two units of work that do so at once for one
    learner, in different runs, conflict over it."""

    @property
    def learner_id(self) -> str:
        """Return the learner."""
        return self.id


@dataclass(frozen=True, slots=True)
class SetStudyHours:
    """Tell the hours of a learner: SetStudyHoursRequest."""

    learner_id: str
    time: timedelta | None
    other_weeks: tuple[OtherWeek, ...]


def violations_of(command: SetStudyHours) -> Iterator[FieldViolation]:
    """Yield what is wrong with a learner's hours."""
    yield from _time_violations("time", command.time)
    seen = set[str]()
    for place, each in enumerate(command.other_weeks):
        where = f"other_weeks[{place}]"
        yield from _time_violations(f"{where}.time", each.time)
        if date.fromisoformat(each.monday).weekday():
            yield FieldViolation(f"{where}.monday", f"{each.monday} is no Monday", "a Monday")
        if each.monday in seen:
            yield FieldViolation(f"{where}.monday", f"{each.monday} comes twice", "each week once")
        seen.add(each.monday)


def weeks_of(
    hours: StudyHours, calendar: Calendar, now: datetime, count: int, worked: timedelta = _NONE
) -> Sequence[Week]:
    """Return so many weeks from the present one on. Of the present one, what is left of its time:
    `worked` is what the learner has worked in it so far.
    """
    today = calendar.day_of(now)
    monday = today - _DAY * today.weekday()
    other = {each.monday: each.time for each in hours.other_weeks}
    weeks = [_week(monday + _WEEK * place, hours, other, calendar) for place in range(count)]
    first = weeks[0]
    left = min(first.budget - worked.total_seconds(), (first.end - now).total_seconds())
    return [Week(first.start, first.end, max(0.0, left)), *weeks[1:]]


def _week(
    monday: date, hours: StudyHours, other: Mapping[str, timedelta], calendar: Calendar
) -> Week:
    time = other.get(monday.isoformat(), hours.time)
    end = calendar.opening(monday + _WEEK)
    return Week(calendar.opening(monday), end, time.total_seconds())


def _time_violations(field_: str, time: timedelta | None) -> Iterator[FieldViolation]:
    if time is None or not _NONE <= time <= _WEEK:
        wrong = "is missing" if time is None else f"is {time.total_seconds():g} s"
        yield FieldViolation(field_, wrong, "0 to the 168 hours of a week")
