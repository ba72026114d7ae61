"""Calendar feeds: whose they are, and which classes they show to whom."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from chassis.errors import FieldViolation
from chassis.runs import is_for
from chassis.staff import StaffMember, StaffRole, within
from services.sessions.domain.roster import Enrolment, is_enrolled
from services.sessions.domain.series import Series
from services.sessions.domain.session import Session

MOST_FEEDS = 100
"""Of one reader, or of one room, at once."""

Held = Session | Series
"""What is held for a run in a room by an instructor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateFeed:
    """Give a reader a feed of all own classes, or of one run; or make a feed of a room."""

    reader_id: str
    run_id: str
    room_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """A calendar feed. Its id is no secret, its URL is.

    A feed of a room has no reader: it shows the room to whoever has the URL.
    """

    id: str
    reader_id: str
    """Whose rights count; empty: the feed is of a room."""
    run_id: str
    """Of one run only; empty: of all runs of the reader."""
    room_id: str
    created_at: datetime
    revoked_at: datetime | None = None

    @property
    def owner(self) -> str:
        """Return the object that has a limited number of feeds (kind:id)."""
        return f"room:{self.room_id}" if self.room_id else f"person:{self.reader_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """What a person is in runs, as far as it decides which classes a feed shows."""

    id: str
    enrolments: Mapping[str, Enrolment] = field(default_factory=dict)
    """The enrolments with a place, or waiting for one, by run."""
    staff: Mapping[str, StaffMember] = field(default_factory=dict)
    """The reader among the staff, by run."""
    retired: bool = False
    """Whether the reader has left the university: no class is theirs any more."""

    def leads(self, held: Held) -> bool:
        """Return whether the reader holds a class, or is of the staff that may read it."""
        member = within(self.staff.get(held.run_id), held.group_ids)
        reads = member is not None and member.role.includes(StaffRole.OBSERVER)
        return held.instructor_id == self.id or reads

    def learns(self, held: Held) -> bool:
        """Return whether a class is for the reader, who has a place in its run."""
        enrolment = self.enrolments.get(held.run_id)
        return is_enrolled(enrolment) and is_for(
            held.group_ids, enrolment.group_ids if enrolment else ()
        )


def feed_violations(command: CreateFeed) -> Iterator[FieldViolation]:
    """Yield a violation unless a feed is either a reader's or a room's."""
    yield from owner_violations(command.reader_id, command.room_id)
    if command.run_id and not command.reader_id:
        yield FieldViolation("reader_id", "is missing", "whose rights in the run count")


def owner_violations(reader_id: str, room_id: str) -> Iterator[FieldViolation]:
    """Yield a violation unless either a reader or a room is named."""
    if bool(reader_id) == bool(room_id):
        wrong = "is given with a reader" if room_id else "is missing, and so is reader_id"
        yield FieldViolation("room_id", wrong, "either a reader or a room")


def revoked(feed: Feed, now: datetime) -> Feed:
    """Return a feed that is closed for ever; one that is closed already stays as it is."""
    return feed if feed.revoked_at else replace(feed, revoked_at=now)


def has_room(open_feeds: int) -> bool:
    """Return whether an owner of so many feeds that are not revoked may have one more."""
    return open_feeds < MOST_FEEDS


def may_read_run(reader: Reader, run_id: str) -> bool:
    """Return whether a person learns in a run, waits for a place in it, or is of its staff."""
    return not reader.retired and (run_id in reader.enrolments or run_id in reader.staff)


def shows(feed: Feed, reader: Reader, held: Held) -> bool:
    """Return whether a feed shows a session or a series to its reader now.

    A run's feed shows what ListSessions does; a reader's own one leaves out classes of other groups
    and of runs in which the reader still waits for a place.
    """
    if feed.room_id:
        return held.room_id == feed.room_id
    if reader.retired or (feed.run_id and held.run_id != feed.run_id):
        return False
    in_run = bool(feed.run_id) and held.run_id in reader.enrolments
    return in_run or reader.leads(held) or reader.learns(held)


def joins(feed: Feed, reader: Reader, held: Held) -> bool:
    """Return whether a feed tells where to join a class: to staff, its instructor, and learners
    with a place in its run. A room's feed tells it to nobody.
    """
    if feed.room_id:
        return False
    return reader.leads(held) or is_enrolled(reader.enrolments.get(held.run_id))
