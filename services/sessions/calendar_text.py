"""Calendar feeds as text (iCalendar, RFC 5545)."""

from collections.abc import Sequence
from datetime import timedelta

from chassis.calendars.entries import Entry
from chassis.calendars.text import calendar_of
from chassis.texts import shown

MEDIA_TYPE = "text/calendar; charset=utf-8"
PRODUCT = "-//Tandem//Sessions//EN"
REFRESH = timedelta(hours=1)


def calendar_text(name: str, entries: Sequence[Entry]) -> bytes:
    """Return a calendar with a name."""
    calendar = calendar_of(PRODUCT, entries)
    calendar.add("name", shown(name))
    calendar.add("x-wr-calname", shown(name))  # what clients read that don't know RFC 7986
    calendar.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", "PT1H")
    return bytes(calendar.to_ical())
