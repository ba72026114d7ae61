"""The events of a calendar as text (iCalendar, RFC 5545), by the library icalendar."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event, vRecur

from chassis.calendars.entries import Entry
from chassis.calendars.zones import vtimezone, years_of
from chassis.texts import shown

UID_DOMAIN = "sessions.tandem"
"""Makes ids unique in the world (RFC 7986, section 5.3); it must stay the same."""


def calendar_of(product: str, entries: Sequence[Entry]) -> Calendar:
    """Return a calendar with these events, and a VTIMEZONE for each zone that they use."""
    calendar = Calendar()
    calendar.add("prodid", product)
    calendar.add("version", "2.0")
    calendar.subcomponents += map(_event, entries)
    if zones := sorted(calendar.get_used_tzids()):
        years = years_of([day for entry in entries for day in _days(entry)])
        calendar.subcomponents[:0] = [vtimezone(zone, *years) for zone in zones]
    return calendar


def _event(entry: Entry) -> Event:
    event = Event()
    event.add("uid", f"{entry.uid}@{UID_DOMAIN}")
    event.add("dtstamp", entry.stamp)
    event.add("last-modified", entry.stamp)
    event.add("sequence", entry.revision)
    event.add("dtstart", _start(entry))
    event.add("duration", entry.duration)
    event.add("summary", shown(entry.title))
    event.add("status", "CANCELLED" if entry.cancelled else "CONFIRMED")
    if entry.free:
        event.add("transp", "TRANSPARENT")
    for name, value in (("location", entry.location), ("url", entry.url)):
        if value:
            event.add(name, shown(value))
    _add_recurrence(event, entry)
    return event


def _add_recurrence(event: Event, entry: Entry) -> None:
    if entry.recurrence_id:
        event.add("recurrence-id", _local(entry.recurrence_id, entry.zone))
    if entry.rrule:
        event.add("rrule", vRecur.from_ical(entry.rrule))
    for name, locals_ in (("rdate", entry.rdates), ("exdate", entry.exdates)):
        if locals_:
            event.add(name, [_local(each, entry.zone) for each in locals_])


def _start(entry: Entry) -> datetime:
    """Return the start on the wall; in UTC where readers may take the wall for another instant.

    The start of a rule is always on the wall, because its instances are.
    """
    if entry.rrule or entry.reads_alike:
        return _local(entry.starts.local, entry.starts.zone)
    return entry.start_time.astimezone(UTC)


def _local(local: str, zone: str) -> datetime:
    return datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone))


def _days(entry: Entry) -> Iterable[date]:
    """Yield days that cover what an event says in local times."""
    yield entry.start_time.date()
    for local in (entry.recurrence_id, entry.last, *entry.rdates, *entry.exdates):
        if local:
            yield datetime.fromisoformat(local).date()
