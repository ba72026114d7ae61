"""Servers that are away, readers that are slow, members that send too much: nobody else is hurt."""

import asyncio
import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import grpc
import pytest
from tandem.sessions.v1 import live_pb2, resources_pb2
from websockets.sync.client import connect

from services.sessions.domain.class_log import ChatSent, ClassEntry
from services.sessions.live import classroom, connection
from services.sessions.live import member as members
from services.sessions.live.frames import Entry
from services.sessions.live.limits import COMMANDS_AT_ONCE
from services.sessions.live.log_reader import LogReader
from services.sessions.live.log_stream import LogStream
from services.sessions.live.rooms import Rooms
from services.sessions.store import SessionsStore
from tests.integration.chassis.proxy import Proxy
from tests.integration.processes import PATIENCE, eventually
from tests.integration.sessions.live.replicas import LiveSchool, Member, Replica, Request, Response
from tests.integration.sessions.test_polls import ask, vote

Reason = live_pb2.EndReason
ATTEND = "/tandem.sessions.v1.LiveService/Attend"
STREAMS, EACH = 200, 8
NOWHERE = "amqp://127.0.0.1:1"


def write(live: LiveSchool, text: str, by: Replica | None = None) -> None:
    """Write in the log of the class as another role does: no replica is told, but `by`."""
    entry = ClassEntry(session_id=live.session_id, at=live.school.clock.now(), chat=ChatSent(text))
    database = by.database if by else live.school.database
    database.transact(lambda store: store.add_entry(entry))


def many(store: SessionsStore, session_id: str, count: int) -> None:
    """Write many entries in one unit of work."""
    for number in range(count):
        said = ChatSent(f"{number}")
        store.add_entry(ClassEntry(session_id=session_id, at=store.now, chat=said))


def test_without_rabbitmq_classes_go_on(live: LiveSchool) -> None:
    """Without a broker entries reach the members of both replicas, in one order."""
    first, second = live.replica(amqp_url=NOWHERE), live.replica(amqp_url=NOWHERE)
    ada, bea = live.member(first, "ada").joined(), live.member(second, "bea").joined()
    ada.chat("One")
    bea.wait(lambda it: it.texts() == ["One"])
    bea.chat("Two")
    for member in (ada, bea):
        member.wait(lambda it: it.texts() == ["One", "Two"])
        assert member.numbers() == [1, 2]


def test_the_broker_comes_back(live: LiveSchool, vhost: str) -> None:
    """A replica finds the broker again, and hears of its classes as before."""
    line = Proxy(vhost)
    url = vhost.replace(vhost.split("@")[1].split("/")[0], line.url.split("/")[2])
    line.open()
    replica, other = live.replica(amqp_url=url), live.replica()
    ada = live.member(replica, "ada").joined()
    bea = live.member(other, "bea").joined()
    eventually(lambda: replica.live.exchange.is_open)
    line.cut()
    eventually(lambda: not replica.live.exchange.is_open)
    bea.chat("Away")
    ada.wait(lambda it: it.texts() == ["Away"])
    line.open()
    eventually(lambda: replica.live.exchange.is_open)
    bea.chat("Back")
    ada.wait(lambda it: it.texts() == ["Away", "Back"])


async def nothing(_: object) -> None:
    """Do nothing."""


def test_entries_of_other_roles_come_at_once(
    live: LiveSchool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the poll an entry of a role that has no connection to the broker reaches the members,
    in its place between those of the replica. The stream carries no entry of a replica.
    """
    monkeypatch.setattr(Rooms, "poll", nothing)
    streamed = list[str]()
    replica = live.replica()
    eventually(lambda: replica.live.stream.is_open)
    ada, bea = (live.member(replica, each).joined() for each in ("ada", "bea"))
    take = replica.live.stream._hear

    def hear(entry: Entry) -> None:
        streamed.append(entry.chat.text)
        take(entry)

    monkeypatch.setattr(replica.live.stream, "_hear", hear)
    ada.chat("One")
    ada.wait(lambda it: it.texts() == ["One"])
    write(live, "By the worker")
    bea.wait(lambda it: it.texts() == ["One", "By the worker"])
    assert streamed == ["By the worker"]


def test_entries_of_other_roles_come_by_the_poll(
    live: LiveSchool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While there is no change stream."""
    monkeypatch.setattr(LogStream, "run", nothing)
    ada = live.member(live.replica(), "ada").joined()
    write(live, "By the worker")
    ada.wait(lambda it: it.texts() == ["By the worker"])


def test_what_a_primary_may_lose_is_not_told(live: LiveSchool, stack: dict[str, str]) -> None:
    """What is new is read as most nodes have it; what is known already, as the primary has it."""
    mongo, named = live.school.database.mongo, live.session_id

    async def read() -> None:
        reader = LogReader(stack["TANDEM_MONGO_URL"], mongo.name)
        assert await reader.newest(named) == 1
        assert len(await reader.after(named, 0)) == len(await reader.missed({named: 0})) == 1
        assert len(await reader.known_after(named, 0, 1)) == 1
        await reader.close()

    write(live, "One")
    mongo.command("profile", 2)
    asyncio.run(read())
    mongo.command("profile", 0)
    rows = mongo["system.profile"].find({"command.find": "class_log"}).sort("ts")
    levels = [row["command"].get("readConcern", {}).get("level") for row in rows]
    assert levels == ["majority", "majority", "majority", None]


def test_without_mongodb_streams_stay(live: LiveSchool, stack: dict[str, str]) -> None:
    """While MongoDB is away commands are refused as UNAVAILABLE, and streams stay; afterwards
    they go on, and votes that came meanwhile are told.
    """
    line = Proxy(stack["TANDEM_MONGO_URL"])
    line.open()
    replica = live.replica(mongo_url=line.url)
    ada = live.member(replica, "ada").joined()
    poll = ask(live.school, resources_pb2.Session(id=live.session_id))
    ada.wait(lambda it: it.all("tally"), "that nobody has voted")
    line.cut()
    eventually(lambda: not replica.live.ready()["mongodb"], "the outage is seen")
    ada.chat("Into the void", "id-1")
    refused = ada.wait(lambda it: it.all("refused"))[0]
    assert (refused.code, refused.request_id) == ("UNAVAILABLE", "id-1")
    assert refused.retry_after.seconds
    vote(live.school, poll, "ada", 1)
    line.open()
    eventually(lambda: replica.live.ready()["mongodb"], "it is back")
    eventually(lambda: replica.live.stream.is_open, "entries of other roles come at once again")
    ada.chat("Heard", "id-2")
    ada.wait(lambda it: it.texts() == ["Heard"])
    ada.wait(lambda it: it.all("tally")[-1].voters == 1, "the vote")


def came(count: int) -> Callable[[Member], bool]:
    """Whether so many entries have come."""
    return lambda member: len(member.texts()) == count


def await_all_sent(replica: Replica, person_id: str) -> None:
    """Wait until a member has all that is due, and waits for news."""
    [room] = replica.live.channel.rooms.all()
    [member] = [each for each in room.members if each.person_id == person_id]
    eventually(lambda: replica.do(lambda: bool(member._woken._waiters)), "it waits for news")


class SlowReader:
    """A member by gRPC that reads only when it is told."""

    def __init__(self, live: LiveSchool, replica: Replica, person_id: str) -> None:
        options = [("grpc.http2.bdp_probe", 0), ("grpc.use_local_subchannel_pool", 1)]
        self._channel = grpc.insecure_channel(f"127.0.0.1:{replica.port}", options=options)
        join = Request(join=live_pb2.JoinRequest(session_id=live.session_id))
        self._over = threading.Event()

        def requests() -> Any:
            yield join.SerializeToString()
            self._over.wait()

        call: Callable[..., Any] = self._channel.stream_stream(ATTEND)
        metadata = [("authorization", f"Bearer {live.token(person_id)}")]
        self._call = call(requests(), metadata=metadata, timeout=2 * PATIENCE)

    def read(self) -> Response:
        """The next message."""
        return Response.FromString(next(self._call))

    def leave(self) -> None:
        """End the stream."""
        self._over.set()
        self._channel.close()


def test_a_slow_reader_is_told(live: LiveSchool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who reads too slowly is told with which entry to go on, and hurts nobody."""
    monkeypatch.setattr(connection, "TAKES_WITHIN", PATIENCE)
    monkeypatch.setattr(classroom, "TAIL", 8)
    monkeypatch.setattr(members, "LATE", 0.0)
    replica = live.replica()
    slow, bea = SlowReader(live, replica, "ada"), live.member(replica, "bea").joined()
    assert slow.read().HasField("joined")
    await_all_sent(replica, "ada")  # until then she may be behind
    for number in range(1, 41):
        write(live, f"{number} {'x' * 30_000}", replica)
        if number % 4 == 0:  # she is never further behind than the tail reaches
            bea.wait(came(number), "all")
    got: list[int] = []
    while not (message := slow.read()).HasField("ended"):
        got += [message.entry.number] if message.HasField("entry") else []
    slow.leave()
    assert message.ended.reason == Reason.END_REASON_BEHIND
    assert got == [*range(1, message.ended.after + 1)]
    assert len(got) < 40
    back = live.member(replica, "ada", after=message.ended.after).joined()
    back.wait(lambda it: len(it.numbers()) == 40 - len(got))
    assert got + back.numbers() == [*range(1, 41)]


def test_a_stuck_reader_is_cut(live: LiveSchool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A WebSocket that stops reading is closed, and frees its place."""
    monkeypatch.setattr(connection, "TAKES_WITHIN", 0.5)
    replica = live.replica()
    small = socket.socket()
    small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    small.connect(("127.0.0.1", replica.http_port))
    with connect(
        "ws://replica/live",
        sock=small,
        max_queue=1,
        subprotocols=["bearer", live.token("ada")],  # type: ignore[list-item]
        close_timeout=0.1,
    ) as stuck:
        stuck.send(json.dumps({"join": {"sessionId": live.session_id}}))
        assert "joined" in json.loads(stuck.recv(PATIENCE))
        for number in range(120):
            write(live, f"{number} {'x' * 60_000}", replica)
        eventually(lambda: replica.live.channel.streams == 0, "its place is free")


def test_a_burst_leaves_nobody_behind(live: LiveSchool, monkeypatch: pytest.MonkeyPatch) -> None:
    """More entries at once than the tail holds reach who is not slow, however long the class was
    silent before.
    """
    monkeypatch.setattr(classroom, "TAIL", 4)
    now = [0.0]
    monkeypatch.setattr(members, "clock", lambda: now[0])
    replica = live.replica()
    bea = live.member(replica, "bea").joined()
    write(live, "first")
    bea.wait(lambda it: it.texts() == ["first"] and it.all("presence"))
    await_all_sent(replica, "bea")
    now[0] += 3_600.0

    live.school.database.transact(lambda store: many(store, live.session_id, 30))
    bea.wait(lambda it: len(it.texts()) == 31)
    assert bea.numbers() == [*range(1, 32)]


def test_who_may_see_no_more_gets_no_more(
    live: LiveSchool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token that expires while older entries are sent ends the stream among them; the next one
    goes on there.
    """
    monkeypatch.setattr(connection, "TAKES_WITHIN", PATIENCE)
    monkeypatch.setattr(classroom, "TAIL", 8)
    for number in range(1, 41):
        write(live, f"{number} {'x' * 30_000}")
    replica = live.replica()
    slow = SlowReader(live, replica, "ada")
    assert slow.read().HasField("joined")
    assert slow.read().entry.number == 1
    late = time.time() + timedelta(hours=2).total_seconds()
    replica.do(lambda: replica.live.channel.see_time(late))
    got = [1]
    while not (message := slow.read()).HasField("ended"):
        got += [message.entry.number] if message.HasField("entry") else []
    slow.leave()
    assert message.ended == live_pb2.Ended(reason=Reason.END_REASON_EXPIRED, after=got[-1])
    assert got == [*range(1, len(got) + 1)]
    assert len(got) < 40
    back = live.member(replica, "ada", after=got[-1]).joined()
    back.wait(lambda it: it.numbers() == [*range(len(got) + 1, 41)])


def test_who_reads_a_long_log_leaves_no_cursors(
    live: LiveSchool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Older entries are read by queries that MongoDB can forget."""
    monkeypatch.setattr(classroom, "TAIL", 8)
    live.school.database.transact(lambda store: many(store, live.session_id, 110))
    replica = live.replica()
    live.member(replica, "bea", after=110).joined()
    eventually(lambda: replica.live.stream.is_open, "its change stream has its cursor")
    before = open_cursors(live)
    ada = live.member(replica, "ada").joined()
    ada.wait(lambda it: len(it.numbers()) == 110)
    assert ada.numbers() == [*range(1, 111)]
    eventually(lambda: open_cursors(live) <= before, "no cursor more than before")


def open_cursors(live: LiveSchool) -> int:
    """How many cursors are open on the server."""
    status = live.school.database.client.admin.command("serverStatus")
    return int(status["metrics"]["cursor"]["open"]["total"])


def test_who_sends_too_much_waits(live: LiveSchool) -> None:
    """Commands above a person's limit are refused with a pause, those of others are not."""
    replica = live.replica()
    ada, bea = (live.member(replica, each).joined() for each in ("ada", "bea"))
    many = int(COMMANDS_AT_ONCE) * 2
    for number in range(many):
        ada.send(Request(request_id=f"{number}", ping=live_pb2.Ping()))
    bea.chat("Not I")
    bea.wait(lambda it: it.texts() == ["Not I"])
    refused = ada.wait(lambda it: it.all("refused"))[0]
    assert refused.code == "RESOURCE_EXHAUSTED"
    assert refused.retry_after.ToNanoseconds() > 0
    assert not bea.all("refused")


def test_streams_hold_no_thread(live: LiveSchool) -> None:
    """Two hundred streams need as many threads as eight."""
    learners = [f"learner-{number}" for number in range(STREAMS // EACH)]
    live.school.enrol(*learners)
    replica = live.replica()
    join = Request(join=live_pb2.JoinRequest(session_id=live.session_id)).SerializeToString()

    async def joined(channel: Any, person_id: str) -> Any:
        token = live.token(person_id)
        call = channel.stream_stream(ATTEND)(metadata=[("authorization", f"Bearer {token}")])
        await call.write(join)
        assert Response.FromString(await call.read()).HasField("joined")
        return call

    async def count() -> tuple[int, int]:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{replica.port}") as channel:
            calls = [await joined(channel, learners[0]) for _ in range(EACH)]
            few = threading.active_count()
            calls += [await joined(channel, each) for each in learners[1:] for _ in range(EACH)]
            many = threading.active_count()
            assert replica.live.channel.streams == len(calls) == STREAMS
            return few, many

    few, many = asyncio.run(count())
    assert many <= few + 2  # threads of the driver come and go


def test_hostile_messages_hurt_only_their_sender(live: LiveSchool) -> None:
    """Bytes that are no message are refused, and the stream goes on."""
    replica = live.replica()
    bea = live.member(replica, "bea").joined()
    with connect(
        f"ws://127.0.0.1:{replica.http_port}/live",
        subprotocols=["bearer", live.token("ada")],  # type: ignore[list-item]
    ) as raw:
        raw.send(json.dumps({"join": {"sessionId": live.session_id}}))
        for frame in (b"\xff\xff\xff", "{", "[" * 9_000, '{"sendChat": {"text": 5}}', "null"):
            raw.send(frame)
        refusals = 0
        with contextlib.suppress(TimeoutError):
            while refusals < 5:
                refusals += "refused" in json.loads(raw.recv(PATIENCE))
        raw.send(json.dumps({"unknown": 1, "sendChat": {"text": "Sane", "more": [1]}}))
        bea.wait(lambda it: it.texts() == ["Sane"])
