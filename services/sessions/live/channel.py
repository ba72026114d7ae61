"""The live channel: what happens on one stream, by whatever protocol it came, and what keeps all
streams right: polls, presence, rights, tokens, the end.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterable, Set
from typing import TypeVar

import structlog
from tandem.sessions.v1 import live_pb2

from chassis.data.store import Database, is_away
from chassis.edge.auth import Identity
from chassis.edge.http.threads import on_thread
from chassis.edge.methods import Method
from chassis.edge.pipeline import LONGEST_REQUEST, Pipeline
from chassis.edge.statuses import DatabaseAway, Draining, Exhausted, Malformed
from chassis.edge.validation import violations_of
from chassis.errors import check
from services.sessions import metrics
from services.sessions.domain import live_channel
from services.sessions.domain.live_channel import Standing
from services.sessions.live.commands import Commands, refused
from services.sessions.live.connection import BadFrame, Connection
from services.sessions.live.frames import Frame, Request, Response
from services.sessions.live.limits import People, Person
from services.sessions.live.log_reader import LogReader
from services.sessions.live.member import Member, Reason
from services.sessions.live.rooms import Room, Rooms
from services.sessions.live.standings import Standings
from services.sessions.live.tallies import PAUSE, Tallies
from services.sessions.store import SessionsStore
from services.sessions.usecases import channel, lookup

# Seconds in which the first message must come.
JOINS_WITHIN = 10.0
# Seconds between two polls of the database, and looks at presence and tokens.
POLL = 1.0
# Seconds between two looks at the rights of all members.
RECHECK = 30.0

T = TypeVar("T")

log = structlog.get_logger()


class Channel:
    """The live channel of this replica."""

    def __init__(
        self,
        pipeline: Pipeline,
        database: Database[SessionsStore],
        reader: LogReader,
        attend: Method,
        commands: Iterable[Method],
        most_members: int,
    ) -> None:
        """`attend`: the RPC of the stream; `commands`: those whose requests it takes."""
        self._pipeline, self._database, self._reader = pipeline, database, reader
        self._attend, self._commands = attend, Commands(pipeline, commands)
        self._people = People(most_members)
        self._joining = Standings(self._may_join)
        self.rooms = Rooms(reader, self._recheck_soon)
        self._tallies = Tallies(database, self.rooms)
        self._draining = False
        self._checks: set[asyncio.Task[None]] = set()

    @property
    def streams(self) -> int:
        """How many streams are open."""
        return self._people.streams

    # One stream

    async def attend(self, connection: Connection, authorization: str) -> None:
        """Serve a stream until it ends.

        Raises Unauthenticated, PermissionDenied, NotFound, FailedPrecondition, Invalid, Malformed,
        Exhausted, Unavailable, DatabaseAway and Draining before it has joined; later Gone and
        TooSlow.
        """
        if self._draining:
            raise Draining("this replica stops; join again and another one answers")
        authenticator = self._pipeline.authenticator
        identity = await on_thread(
            self._pipeline, lambda: authenticator.authenticate(authorization)
        )
        self._attend.access.check_any(identity.principal)
        with self._people.one(identity.principal.subject) as person:
            if person.wait(0):  # a join costs as much as a command
                raise Exhausted("you join too often", "caller")
            metrics.LIVE_MEMBERS.set(self._people.streams)
            try:
                await self._join(connection, identity, person)
            finally:
                # one less in a moment: this stream is still counted
                metrics.LIVE_MEMBERS.set(self._people.streams - 1)

    async def _join(self, connection: Connection, identity: Identity, person: Person) -> None:
        join = await _first(connection)
        standing = live_channel.expect_allowed(
            await self._joining.of(join.session_id, identity.principal.subject)
        )
        member = Member(connection, identity, standing, join.after)
        room = await self.rooms.enter(join.session_id, member)
        try:
            if member.position > room.classroom.newest:  # this replica may not know it yet
                newest = await self._reader.newest(join.session_id)
                member.position = min(member.position, newest)
            await connection.send(_joined(room, member))
            await self._serve(connection, member, room, person)
        finally:
            self.rooms.leave(room, member)

    async def _may_join(self, session_id: str, people: Set[str]) -> dict[str, Standing]:
        return await self._ask(lambda store: channel.may_join(store, session_id, people))

    async def _serve(
        self, connection: Connection, member: Member, room: Room, person: Person
    ) -> None:
        """Send and receive until one of both ends."""
        if self._draining:
            member.end(Reason.END_REASON_STOPPING)
        sending = asyncio.create_task(member.run(room.classroom, self._reader))
        receiving = asyncio.create_task(self._receive(connection, member, room, person))
        try:
            await asyncio.wait([sending, receiving], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, receiving):
                task.cancel()
            ends = await asyncio.gather(sending, receiving, return_exceptions=True)
        for end in ends:
            if isinstance(end, Exception):
                raise end

    async def _receive(
        self, connection: Connection, member: Member, room: Room, person: Person
    ) -> None:
        """Answer commands one after the other: who sends more waits."""
        while True:
            try:
                frame, size = await connection.receive()
                wait = person.wait(size)
                answer = (
                    _too_many(frame, wait)
                    if wait
                    else await self._answer(frame, member, room.classroom.session_id)
                )
            except BadFrame as error:
                wait, answer = person.wait(1), refused("", error)
            await connection.send(Frame(answer))
            if wait:  # nothing is read meanwhile
                await asyncio.sleep(min(wait, POLL))

    async def _answer(self, frame: Request, member: Member, session_id: str) -> Response:
        what = frame.WhichOneof("what")
        if what == "ping":
            return Response(pong=live_pb2.Pong(request_id=frame.request_id))
        if what in (None, "join", "authorize"):
            return refused(frame.request_id, Malformed("a command is needed here"))
        return await self._commands.answer(member.identity, session_id, frame)

    async def _ask(self, question: Callable[[SessionsStore], T]) -> T:
        """Ask the database on a thread, under the limits of a request."""
        return await on_thread(
            self._pipeline,
            lambda: self._pipeline.answer_page(
                lambda: question(self._database.reader()), lambda: LONGEST_REQUEST
            ),
        )

    # All streams

    async def run(self) -> None:
        """Keep all streams right until this is cancelled."""
        await asyncio.gather(
            self._repeat(self._look, POLL),
            self._repeat(self._tallies.tell, PAUSE),
            self._repeat(self._recheck_all, RECHECK),
        )

    async def drain(self, within: float) -> None:
        """End all streams, and wait until they have ended."""
        self._draining = True
        self._end(self.rooms.all(), Reason.END_REASON_STOPPING)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                while self.streams:
                    await asyncio.sleep(0.05)

    def see_time(self, now: float) -> None:
        """End the streams whose tokens have expired (Unix seconds)."""
        for room in self.rooms.all():
            for member in list(room.members):
                member.see_time(now)

    async def _look(self) -> None:
        """Send what nobody told, who is there, and end what is over."""
        self.rooms.forget()
        self._people.forget()
        self.rooms.tell_presence()
        self.see_time(time.time())
        rooms = {room.classroom.session_id: room for room in self.rooms.all()}
        over = await self._reader.over(rooms.keys())
        await self.rooms.poll()  # after that, so that the last entries are sent, too
        self._end((rooms[each] for each in over), Reason.END_REASON_CLASS_OVER)

    def _end(self, rooms: Iterable[Room], reason: "live_pb2.EndReason.ValueType") -> None:
        for room in rooms:
            for member in list(room.members):
                member.end(reason)

    async def _recheck_all(self) -> None:
        for room in self.rooms.all():
            await self._recheck_one(room, room.people)

    def _recheck_soon(self, room: Room, person_id: str) -> None:
        task = asyncio.get_running_loop().create_task(self._recheck_one(room, {person_id}))
        self._checks.add(task)
        task.add_done_callback(self._checks.discard)

    async def _recheck_one(self, room: Room, people: set[str]) -> None:
        """Do it for some people; that it fails for one class stops no other."""
        try:
            await self._recheck(room, room.people & people)
        except Exception as error:
            _report(error)

    async def _recheck(self, room: Room, people: set[str]) -> None:
        """End the streams of who may not be in a class any more."""
        if not people:
            return
        session_id = room.classroom.session_id

        def ask(store: SessionsStore) -> dict[str, Standing]:
            return channel.standings(store, lookup.session(store, session_id), people)

        found = await self._ask(ask)
        for member in list(room.members):
            if member.person_id in people:
                _apply(member, found.get(member.person_id))

    async def _repeat(self, work: Callable[[], Awaitable[float | None]], seconds: float) -> None:
        """Work again and again, after a pause of `seconds`, or of what `work` returns."""
        while True:
            pause = None
            try:
                pause = await work()
            except Exception as error:
                _report(error)
            await asyncio.sleep(pause or seconds)


def _report(error: Exception) -> None:
    """Log an error that the next look at the streams repairs."""
    if isinstance(error, DatabaseAway) or is_away(error):
        log.warning("the database is away; streams stay, and commands are refused")
    else:
        log.error("a look at the streams failed", exc_info=error)


def _apply(member: Member, standing: Standing | None) -> None:
    if standing is None or standing.removed:
        member.end(Reason.END_REASON_NOT_ALLOWED)
    else:
        member.standing = standing


async def _first(connection: Connection) -> live_pb2.JoinRequest:
    """Return the `join` that comes first. Raises Malformed, Invalid, Gone."""
    try:
        async with asyncio.timeout(JOINS_WITHIN):
            frame, _ = await connection.receive()
    except TimeoutError as error:
        raise Malformed(f"no message came within {JOINS_WITHIN:g} s; `join` is needed") from error
    if frame.WhichOneof("what") != "join":
        raise Malformed("the first message must be `join`")
    check(violations_of(frame))
    return frame.join


def _joined(room: Room, member: Member) -> Frame:
    return Frame(
        Response(
            joined=live_pb2.Joined(
                session_id=room.classroom.session_id,
                number=max(room.classroom.newest, member.position),
                person_id=member.person_id,
                is_staff=member.standing.is_staff,
                is_muted=member.standing.muted,
            )
        )
    )


def _too_many(frame: Request, wait: float) -> Response:
    answer = refused(frame.request_id, Exhausted("you send too much", "caller"))
    answer.refused.retry_after.FromNanoseconds(int(wait * 1e9))
    return answer
