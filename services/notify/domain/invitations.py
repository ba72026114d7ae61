"""Invitations: what a mail tells a calendar program (iTIP, RFC 5546, and iMIP, RFC 6047)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from chassis.calendars.entries import Entry


class Method(StrEnum):
    """What a program is to do (RFC 5546, section 1.4)."""

    REQUEST = "REQUEST"
    """Take the events in, or change them."""
    CANCEL = "CANCEL"
    """Mark the events as cancelled."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """The events of one UID, with what a program is to do with them."""

    method: Method
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class CalendarNews:
    """What calendars show since an event."""

    id: str
    """The id of the event."""
    entries: tuple[Entry, ...]

    @property
    def is_of_series(self) -> bool:
        """Return whether it tells of a series, or of a class as a part of one."""
        return any(each.rrule or each.recurrence_id for each in self.entries)


def invitations_of(entries: Iterable[Entry]) -> tuple[Invitation, ...]:
    """Return one invitation for each UID, in order: an object of iTIP has no more than one
    (RFC 5546, section 3.2.2).
    """
    by_uid: dict[str, list[Entry]] = {}
    for each in entries:
        by_uid.setdefault(each.uid, []).append(each)
    return tuple(map(_invitation, by_uid.values()))


def newest_first(invitations: Iterable[Invitation]) -> tuple[Invitation, ...]:
    """Return the invitations of several events in one mail: programs that read only the first take
    none that a later one has overtaken.
    """
    return tuple(
        sorted(
            invitations,
            key=lambda one: max((each.stamp, each.revision) for each in one.entries),
            reverse=True,
        )
    )


def _invitation(entries: Sequence[Entry]) -> Invitation:
    """Return the invitation of one UID. A REQUEST can't have a cancelled event (RFC 5546, section
    3.2.2), so the rule leaves out what is cancelled of its series.
    """
    left = [each for each in entries if not each.cancelled]
    if not left:
        return Invitation(Method.CANCEL, tuple(entries))
    gone = tuple(each.recurrence_id for each in entries if each.cancelled)
    return Invitation(Method.REQUEST, tuple(_without(each, gone) for each in left))


def _without(entry: Entry, gone: tuple[str, ...]) -> Entry:
    if not entry.rrule:
        return entry
    dates = tuple(each for each in entry.rdates if each not in gone)
    excepted = {*entry.exdates, *gone}.difference(entry.rdates)
    return replace(entry, rdates=dates, exdates=tuple(sorted(excepted)))
