"""The classes that have members on this replica, and how they learn what is new.

Four ways bring entries: from this replica's own commands; by the exchange, from other replicas; by
a change stream, from other roles; and by a poll of the database, which finds what the broker or the
stream lost. A gap is read from the database. Each way may repeat what another brought.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field

import structlog
from google.protobuf.message import DecodeError
from tandem.sessions.v1 import live_pb2

from chassis.contracts.mapping import to_message
from chassis.edge.statuses import DatabaseAway
from services.sessions import metrics
from services.sessions.domain.class_log import ClassEntry
from services.sessions.live.classroom import TAIL, Classroom
from services.sessions.live.exchange import Exchange
from services.sessions.live.frames import Entry, Frame, Response, entry_frame, tally_frames
from services.sessions.live.log_reader import PAGE, LogReader
from services.sessions.live.member import Member
from services.sessions.live.presence import Presences
from services.sessions.usecases.tallies import LiveTally

ENTRY, PRESENCE = "entry", "presence"
# Numbers of fields of ClassEntry that tell what staff did about a person.
MODERATION = range(40, 50)

log = structlog.get_logger()


@dataclass(eq=False)
class Room:
    """A class with its members here."""

    classroom: Classroom
    members: set[Member] = field(default_factory=set)
    presences: Presences = field(default_factory=Presences)
    tallies: dict[str, LiveTally] = field(default_factory=dict)
    """The votes that were told last, by question or poll."""
    reading: bool = False

    @property
    def people(self) -> set[str]:
        """The people who are here."""
        return {member.person_id for member in self.members}

    def tell_tallies(self, found: Iterable[LiveTally]) -> None:
        """Tell the votes that have changed; those that are not among them are over."""
        before, self.tallies = self.tallies, {each.subject_id: each for each in found}
        for gone in before.keys() - self.tallies.keys():
            self.classroom.untell(gone)
        for subject_id, tally in self.tallies.items():
            if subject_id not in before or not before[subject_id].tells_as(tally):
                self.classroom.tell(subject_id, *tally_frames(tally))


class Rooms:
    """The classes with members here."""

    def __init__(self, reader: LogReader, recheck: Callable[[Room, str], object]) -> None:
        """`recheck`: called when a person's rights in a class may have changed."""
        self._reader, self._recheck = reader, recheck
        self.exchange: Exchange
        self._rooms: dict[str, Room] = {}
        self._opening: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def all(self) -> list[Room]:
        """Return the classes."""
        return list(self._rooms.values())

    async def enter(self, session_id: str, member: Member) -> Room:
        """Add a member to a class, after its newest entries are known. Raises DatabaseAway."""
        while (room := self._rooms.get(session_id)) is None:
            await self._opened(session_id)
        room.members.add(member)
        room.classroom.enter(member.wake)
        return room

    def leave(self, room: Room, member: Member) -> None:
        """Remove a member."""
        room.members.discard(member)
        room.classroom.leave(member.wake)

    def forget(self) -> None:
        """Forget the classes without members."""
        for room in self.all():
            if not room.members:
                self._close(room)

    async def _opened(self, session_id: str) -> None:
        """Open a class, together with whoever else waits for it."""
        task = self._opening.get(session_id)
        if task is None:
            task = asyncio.create_task(self._open(session_id))
            self._opening[session_id] = task
            task.add_done_callback(lambda _: self._opening.pop(session_id))
        await asyncio.shield(task)

    async def _open(self, session_id: str) -> None:
        newest = await self._reader.newest(session_id)
        room = Room(Classroom(session_id, max(0, newest - TAIL)))
        await self.catch_up(room)
        self._rooms[session_id] = room
        self.exchange.bind(session_id)
        metrics.LIVE_CLASSES.set(len(self._rooms))

    def _close(self, room: Room) -> None:
        session_id = room.classroom.session_id
        del self._rooms[session_id]
        metrics.LIVE_CLASSES.set(len(self._rooms))
        self._publish_people(session_id, set())
        self.exchange.unbind(session_id)

    # Entries

    def announce(self, happened: ClassEntry) -> None:
        """Take what a command here has added, and tell the other replicas."""
        entry = to_message(happened, live_pb2.ClassEntry)
        self.take(entry)
        self.exchange.publish(entry.session_id, ENTRY, entry.SerializeToString())

    def take(self, entry: Entry) -> None:
        """Take an entry of a class; read what is missing before it."""
        room = self._rooms.get(entry.session_id)
        if room is None:
            return
        if not self._take(room, entry) and not room.reading:
            self._start(self.catch_up(room))

    def _take(self, room: Room, entry: Entry, certain: bool = False) -> bool:
        """Take an entry of a class. Returns whether nothing is missing before it."""
        before = room.classroom.newest
        whole = room.classroom.take(entry.number, entry_frame(entry), certain)
        metrics.LIVE_ENTRIES.inc(room.classroom.newest - before)
        if entry.number > before:
            self._note(room, entry)
        return whole

    async def catch_up(self, room: Room) -> None:
        """Read what follows the newest entry.

        An entry may be committed while a query runs, and then be seen without the one before it:
        so what is missing before an entry is believed to be gone when a second query doesn't find
        it either.
        """
        if room.reading:
            return
        room.reading = True
        try:
            seen, more = 0, True
            while more:
                entries = await self._reader.after(room.classroom.session_id, room.classroom.newest)
                taken = [self._take(room, each, each.number <= seen) for each in entries]
                gap = not all(taken)
                seen = entries[-1].number if entries else 0
                more = len(entries) == PAGE or (gap and seen > room.classroom.newest)
        finally:
            room.reading = False

    async def poll(self) -> None:
        """Take entries that no other way brought. Raises DatabaseAway."""
        positions = {name: room.classroom.newest for name, room in self._rooms.items()}
        for entry in await self._reader.missed(positions):
            self.take(entry)

    def _note(self, room: Room, entry: Entry) -> None:
        """Act on what staff did about a person."""
        what = entry.WhichOneof("what")
        if what and entry.DESCRIPTOR.fields_by_name[what].number in MODERATION:
            self._recheck(room, getattr(getattr(entry, what), "person_id", ""))

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(_quiet(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # What need not last

    def hear(self, session_id: str, kind: str, sender: str, body: bytes) -> None:
        """Take what another replica tells by the exchange; what can't be read is left out."""
        room = self._rooms.get(session_id)
        try:
            if room is None:
                return
            if kind == ENTRY:
                self.take(live_pb2.ClassEntry.FromString(body))
            elif kind == PRESENCE:
                people = live_pb2.Presence.FromString(body).person_ids
                room.presences.note(sender, people, time.monotonic())
        except DecodeError:
            log.warning("a message of the exchange can't be read", kind=kind, sender=sender)

    def tell_presence(self) -> None:
        """Tell members and replicas who is in each class, where that has changed."""
        now = time.monotonic()
        for room in self._rooms.values():
            people = room.people
            if room.presences.has_to_tell(people, now):
                self._publish_people(room.classroom.session_id, people)
            if (everybody := room.presences.changed(people, now)) is not None:
                count = live_pb2.Presence(count=len(everybody))
                named = live_pb2.Presence(count=len(everybody), person_ids=everybody)
                frames = (Frame(Response(presence=each)) for each in (count, named))
                room.classroom.tell(PRESENCE, *frames)

    def _publish_people(self, session_id: str, people: Iterable[str]) -> None:
        told = live_pb2.Presence(person_ids=people)
        self.exchange.publish(session_id, PRESENCE, told.SerializeToString())

    def tell_tallies(self, session_ids: Iterable[str], found: Iterable[LiveTally]) -> None:
        """Tell the votes in some classes where they have changed; `found` is all there is."""
        tallies: dict[str, list[LiveTally]] = {each: [] for each in session_ids}
        for each in found:
            tallies[each.session_id].append(each)
        for session_id, some in tallies.items():
            if (room := self._rooms.get(session_id)) is not None:
                room.tell_tallies(some)


async def _quiet(work: Coroutine[None, None, None]) -> None:
    """Do work that the next poll does again if the database is away."""
    try:
        await work
    except DatabaseAway:
        log.warning("entries can't be read now")
