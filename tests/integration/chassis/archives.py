"""A real archive of a real stream, and what a reader gets of both."""

import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from chassis.archive import reading, segments, verifying
from chassis.archive.archive import Archive
from chassis.archive.archiver import Archiver
from chassis.archive.layout import Span
from chassis.archive.sealing import PERSON_KEY, Keys
from chassis.archive.store import Bucket
from chassis.archive.verifying import Fault
from chassis.contracts.events import Event
from chassis.messaging import history
from tests.integration.chassis.bus import Bus, an_event, eventually
from tests.integration.chassis.test_history_bounds import first_offset, publish, set_policy

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class MemoryKeys:
    """Keys as the library's database has them."""

    def __init__(self) -> None:
        self.keys: dict[str, bytes | None] = {}

    def make(self, people: Iterable[str]) -> Keys:
        """Make the keys that are missing."""
        for each in set(people) - self.keys.keys():
            self.keys[each] = secrets.token_bytes(PERSON_KEY)
        return self.find(people)

    def find(self, people: Iterable[str]) -> Keys:
        """The keys of people."""
        return {each: self.keys[each] for each in people if each in self.keys}


def free() -> None:
    """An archiver that may always go on."""


def send(bus: Bus, first: int, last: int) -> list[Event[Any]]:
    """Publish events with these sequences of one aggregate."""
    some = [an_event(f"e{number}", sequence=number) for number in range(first, last + 1)]
    bus.publish(*some)
    return some


def archive(bus: Bus, bucket: Bucket) -> None:
    """One round of an archiver."""
    Archiver(bus.amqp_url, bucket, MemoryKeys(), free).archive()


def read(
    bus: Bus, bucket: Bucket | None, since: datetime = LONG_AGO
) -> list[tuple[int, str] | Span]:
    """What a reader gets: offsets and subjects, and what is missing."""
    known = Archive(bucket) if bucket else None
    return [
        each if isinstance(each, Span) else (each[0], subject(each[1]))
        for each in reading.read(bus.amqp_url, known, since)
    ]


def subject(event: history.Read) -> str:
    """The subject of an event; of another message why it is none."""
    return event.subject if isinstance(event, Event) else str(event)


def archived(bucket: Bucket) -> list[int]:
    """The offsets in all files of the archive, as a program reads them that knows no segment."""
    known = Archive(bucket)
    found = []
    for span in known.segments():
        for file in known.segment(span).files:
            found += [each.offset for each in segments.unpack(file, bucket.get(file.key))]
    named = {file.key for span in known.segments() for file in known.segment(span).files}
    stored = {each.key for folder in ("events/", "unreadable/") for each in bucket.listed(folder)}
    assert stored == named
    return sorted(found)


def faults(bucket: Bucket) -> list[Fault]:
    """What is wrong with the archive."""
    return verifying.verify(Archive(bucket)).faults


def truncate(bus: Bus, stack: dict[str, str]) -> int:
    """Let the broker delete the oldest messages; return the first offset that it still has."""
    set_policy(stack, bus.amqp_url, {"max-length-bytes": 2_000_000})

    def shortened() -> bool:
        publish(bus, 120)
        return first_offset(bus) > 0

    eventually("a later beginning", shortened)
    return first_offset(bus)


def spans_in(found: list[tuple[int, str] | Span]) -> list[Span]:
    """What is missing."""
    return [each for each in found if isinstance(each, Span)]
