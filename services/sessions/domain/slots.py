"""Free slots: the nearest times at which a session, or each session of a series, clashes with none.

Slots begin on a grid of the wall of their place, within some hours of some days.
"""

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from operator import attrgetter

from chassis.errors import FieldViolation
from services.sessions.domain.civil import civil_violations, instant_of, local_of, text_of
from services.sessions.domain.enums import CivilTime, Interval

GRID = timedelta(minutes=15)
REACH = timedelta(days=14)
# A series repeats after a week; a day has half as many slots, because each tries all sessions.
SERIES_GRID = timedelta(minutes=30)
SERIES_REACH = timedelta(days=7)
MOST = 20
OPENING, CLOSING = "08:00", "20:00"
WORKING_DAYS = frozenset(range(5))

_DAY = timedelta(days=1)
_START = attrgetter("start")
_END = attrgetter("end")


@dataclass(frozen=True, slots=True)
class Hours:
    """The hours of the days on which slots may be; local times HH:MM, the end not included."""

    earliest: str = OPENING
    latest: str = CLOSING
    days: tuple[int, ...] = ()
    """Days of the week, 1 is Monday; none: Monday to Friday, and the day that was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A time, and a room, that a session or the first of a series may have."""

    starts: CivilTime
    start_time: datetime
    end_time: datetime
    room_id: str = ""
    room: str = ""
    free_sessions: int = 1
    """How many sessions of the series have no clash, if all are shifted as the first one is."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What slots are looked for: the civil starts of sessions in order, and their length."""

    starts: Sequence[CivilTime]
    duration: timedelta
    hours: Hours = Hours()

    @property
    def grid(self) -> timedelta:
        """Return the distance between two starts."""
        return SERIES_GRID if len(self.starts) > 1 else GRID

    @property
    def reach(self) -> timedelta:
        """Return how far a slot may be from the time that is asked for."""
        return SERIES_REACH if len(self.starts) > 1 else REACH

    @property
    def span(self) -> Interval:
        """Return the time in which all slots are. A day more, because clocks change."""
        first, last = instant_of(self.starts[0]), instant_of(self.starts[-1])
        return Interval(first - self.reach - _DAY, last + self.reach + self.duration + _DAY)


def hours_violations(hours: Hours) -> list[FieldViolation]:
    """Return everything that is wrong with the hours of a request."""
    wrong = [
        FieldViolation(field, f"{text!r} is no time of the day", "HH:MM, such as 08:00")
        for field, text in (("earliest", hours.earliest), ("latest", hours.latest))
        if _clock(text) is None
    ]
    if not wrong and hours.earliest >= hours.latest:
        wrong = [FieldViolation("latest", f"is not after {hours.earliest}", "a later time")]
    return wrong + [
        FieldViolation(f"days[{place}]", f"{day} is no day of the week", "1 (Monday) to 7 (Sunday)")
        for place, day in enumerate(hours.days)
        if day not in range(1, 8)
    ]


def free_slots(
    wanted: Wanted, busy: Iterable[Interval], earliest: datetime, latest: datetime | None, most: int
) -> list[Slot]:
    """Return up to `most` slots: those first in which most sessions are free, then the nearest.

    `busy`: times at which a session would clash. No slot starts before `earliest`, nor, unless that
    is None, at or after `latest`. A slot in which no session is free is none.
    """
    taken = merged(busy)
    asked = instant_of(wanted.starts[0])
    found = [
        slot
        for slot in (_slot(wanted, local, taken) for local in _candidates(wanted))
        if slot.free_sessions
        and earliest <= slot.start_time
        and (latest is None or slot.start_time < latest)
    ]
    found.sort(key=lambda slot: (-slot.free_sessions, abs(slot.start_time - asked)))
    return found[:most]


def merged(intervals: Iterable[Interval]) -> list[Interval]:
    """Return the same times as intervals that neither overlap nor touch, in order."""
    result: list[Interval] = []
    for each in sorted(intervals, key=_START):
        if result and each.start <= result[-1].end:
            result[-1] = Interval(result[-1].start, max(result[-1].end, each.end))
        else:
            result.append(each)
    return result


def is_free(wanted: Interval, taken: Sequence[Interval]) -> bool:
    """Return whether a time overlaps none of some merged intervals."""
    place = bisect_left(taken, wanted.end, key=_START)
    return place == 0 or taken[place - 1].end <= wanted.start


def slots_text(slots: Collection[Slot], sessions: int) -> str:
    """Return slots as an error names them; of a series with how many of its sessions are free."""
    return ", ".join(_text(each, sessions) for each in slots) or "none in reach"


def _text(slot: Slot, sessions: int) -> str:
    room = f" in {slot.room!r}" if slot.room else ""
    of_series = f" ({slot.free_sessions} of {sessions})" if sessions > 1 else ""
    return f"{slot.starts.local}{room}{of_series}"


def _candidates(wanted: Wanted) -> Iterator[datetime]:
    """Yield the local times at which the first session may begin."""
    asked = local_of(wanted.starts[0])
    days = {day - 1 for day in wanted.hours.days} or {*WORKING_DAYS, asked.weekday()}
    opening, closing = _clock(wanted.hours.earliest), _clock(wanted.hours.latest)
    midnight = datetime.combine(asked.date(), time())
    for offset in range(-wanted.reach.days, wanted.reach.days + 1):
        day = midnight + timedelta(days=offset)
        if opening is not None and closing is not None and day.weekday() in days:
            yield from _grid(day + opening, day + closing - wanted.duration, wanted.grid)


def _grid(first: datetime, last: datetime, step: timedelta) -> Iterator[datetime]:
    while first <= last:
        yield first
        first += step


def _slot(wanted: Wanted, local: datetime, taken: Sequence[Interval]) -> Slot:
    shift = local - local_of(wanted.starts[0])
    shifted = [CivilTime(text_of(local_of(s) + shift), s.zone) for s in wanted.starts]
    start = instant_of(shifted[0])
    free = sum(_is_possible(each, wanted.duration, taken) for each in shifted)
    return Slot(
        starts=shifted[0],
        start_time=start,
        end_time=start + wanted.duration,
        free_sessions=free,
    )


def _is_possible(starts: CivilTime, duration: timedelta, taken: Sequence[Interval]) -> bool:
    start = instant_of(starts)
    free = is_free(Interval(start, start + duration), taken)
    return free and not civil_violations(starts, "starts")


def _clock(text: str) -> timedelta | None:
    """Return the time since midnight that HH:MM names, up to 24:00; None if it names none."""
    hours, _, minutes = text.partition(":")
    if not (len(text) == 5 and text.isascii() and (hours + minutes).isdigit()):
        return None
    since = timedelta(hours=int(hours), minutes=int(minutes))
    return since if int(minutes) < 60 and since <= _DAY else None
