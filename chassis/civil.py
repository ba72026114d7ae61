"""Civil dates and times of a zone as instants.

Domains and use cases may import this module: it needs only the standard library.
"""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def start_of_day(day: str, zone: str) -> datetime:
    """Return the instant at which a day (YYYY-MM-DD) begins in a zone (an IANA name)."""
    return datetime.combine(date.fromisoformat(day), time(), ZoneInfo(zone))


def end_of_day(day: str, zone: str) -> datetime:
    """Return the instant at which a day (YYYY-MM-DD) is over in a zone (an IANA name)."""
    # The calendar of Python has no day after the last one.
    last = min(date.fromisoformat(day), date.max - timedelta(days=2))
    return datetime.combine(last + timedelta(days=1), time(), ZoneInfo(zone))
