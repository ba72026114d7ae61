"""Calendars to try the rules of feeds on, and readers that are strict."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from dateutil.rrule import rruleset, rrulestr
from icalendar import Calendar

from chassis.calendars.entries import Entry
from services.sessions.domain.calendars import View, entries
from services.sessions.domain.civil import instant_of, local_of, text_of
from services.sessions.domain.enums import CivilTime, EnrolmentState
from services.sessions.domain.feeds import Feed, Reader
from services.sessions.domain.roster import Enrolment
from services.sessions.domain.series import Series, recurrence_ids
from services.sessions.domain.session import Session
from services.sessions.recurrences import instances
from tests.unit.sessions import examples

DAY = datetime(2026, 3, 2, tzinfo=UTC)
OWN = Feed(id="f1", reader_id="ada", run_id="", room_id="", created_at=DAY)
ENROLLED = Enrolment("run", "ada", EnrolmentState.ENROLLED, 1)
ADA = Reader(id="ada", enrolments={"run": ENROLLED})
VIEW = View(OWN, ADA)


@dataclass(frozen=True, order=True)
class Told:
    """A class as a reader understands a calendar."""

    uid: str
    start: datetime
    end: datetime
    title: str
    location: str
    status: str
    sequence: int


def instances_of(series: Series) -> list[str]:
    """The local times that the rule of a series gives."""
    return [*map(text_of, instances(series.rrule, local_of(series.starts)))]


def sessions_of(series: Series, **changes: Any) -> list[Session]:
    """The sessions of a series, as they are planned."""
    ids = recurrence_ids(instances_of(series), series.rdates, series.exdates)
    return [at(series, local, **changes) for local in ids]


def at(series: Series, local: str, **changes: Any) -> Session:
    """The session of a series at a local time of its rule."""
    planned = examples.session(
        id=f"s-{local}",
        series_id=series.id,
        recurrence_id=local,
        title=series.title,
        duration=series.duration,
        revised_at=DAY,
        **changes,
    )
    return moved(planned, CivilTime(local, series.starts.zone))


def moved(session: Session, starts: CivilTime, **changes: Any) -> Session:
    """A session at another time."""
    session = replace(session, **changes)
    start = instant_of(starts)
    return replace(session, starts=starts, start_time=start, end_time=start + session.duration)


def told(
    sessions: Iterable[Session], series: Sequence[Series] = (), view: View = VIEW
) -> list[Entry]:
    """The events of a feed."""
    return entries(view, sessions, {each.id: each for each in series}, instances_of, DAY)


def parsed(text: bytes) -> Any:
    """A calendar as the library icalendar reads it; nothing in it may be wrong."""
    calendar = Calendar.from_ical(text)
    assert isinstance(calendar, Calendar)
    assert [each.errors for each in calendar.walk() if each.errors] == []
    return calendar


def read(text: bytes) -> list[Told]:
    """What a strict reader finds in a calendar, with each class of each series."""
    events = parsed(text).walk("VEVENT")
    own = {(e["uid"], e["recurrence-id"].dt): e for e in events if "recurrence-id" in e}
    classes = []
    for event in events:
        for start in [] if "recurrence-id" in event else _starts(event):
            item = own.pop((event["uid"], start), None)
            classes.append(_told(item, item["dtstart"].dt) if item else _told(event, start))
    assert not own
    return sorted(classes)


def _starts(event: Any) -> Iterator[datetime]:
    """The starts of an event, by its rule (RFC 5545, section 3.8.5)."""
    start = event["dtstart"].dt
    if "rrule" not in event:
        yield start
        return
    dates = rruleset()
    rule: Any = rrulestr(event["rrule"].to_ical().decode(), dtstart=start.replace(tzinfo=None))
    dates.rrule(rule)
    for name, add in (("rdate", dates.rdate), ("exdate", dates.exdate)):
        for each in event[name].dts if name in event else []:
            assert each.dt.tzinfo == start.tzinfo
            add(each.dt.replace(tzinfo=None))
    yield from (each.replace(tzinfo=start.tzinfo) for each in dates)


def _told(event: Any, start: datetime) -> Told:
    first = start.astimezone(UTC)
    return Told(
        uid=str(event["uid"]),
        start=first,
        end=first + event["duration"].dt,
        title=str(event["summary"]),
        location=str(event.get("location", "")),
        status=str(event["status"]),
        sequence=int(event["sequence"]),
    )
