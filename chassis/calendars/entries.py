"""The events of a calendar, before they are text. A domain may import this module."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from chassis.civil import CivilTime


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One event of a calendar (VEVENT, RFC 5545, section 3.6.1)."""

    uid: str
    """The same for an event and those that override instances of it."""
    starts: CivilTime
    start_time: datetime
    """`starts` as an instant."""
    duration: timedelta
    title: str
    location: str
    url: str = ""
    """Where to join; empty for who may not."""
    cancelled: bool
    revision: int
    stamp: datetime
    """When this revision was made."""
    recurrence_id: str = ""
    """Of an event that overrides one of its series: the local time that the rule gives."""
    zone: str = ""
    """Of the same, and of a series: the zone of the series."""
    rrule: str = ""
    rdates: tuple[str, ...] = ()
    exdates: tuple[str, ...] = ()
    last: str = ""
    """Of an event with a rule: the local time of its last instance."""
    free: bool = False
    """Whether the reader's time stays free (TRANSP, RFC 5545, section 3.8.2.7)."""

    @property
    def reads_alike(self) -> bool:
        """Return whether every reader finds its instants, if they are told by the wall: the clocks
        neither skip nor repeat its start, they don't change until its end, and zone data have not
        changed since the instants were computed.
        """
        local, zone = datetime.fromisoformat(self.starts.local), ZoneInfo(self.starts.zone)
        starts = {local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
        ends = self.start_time + self.duration
        offsets = {each.astimezone(zone).utcoffset() for each in (self.start_time, ends)}
        return starts == {self.start_time} and len(offsets) == 1
