"""Streams that follow feeds, through the edge of gRPC: they cost no thread each."""

import itertools
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from pymongo.errors import NetworkTimeout
from tandem.notify.v1 import notify_pb2
from tandem.notify.v1.resources_pb2 import Message

from chassis.data.store import Database
from chassis.edge.follow import Following, follows
from chassis.edge.grpc import following
from chassis.edge.grpc.client import calling_with
from chassis.edge.grpc.streams import MOST_EACH
from chassis.testing import ChannelFor, figure, running
from tests.deep import DEEP
from tests.integration.chassis.test_grpc_edge import NoStore, Notify, refusal, servicers, stub_of
from tests.integration.chassis.test_grpc_streams import serving

OPEN = {"service": "tests"}
MANY = 5_000 if DEEP else 2_000


class Book:
    """Messages by key, as a feed."""

    def __init__(self) -> None:
        self.large: set[str] = set()
        self.broken = False
        self.asked = 0
        self._written: dict[str, int] = {}

    def write(self, *keys: str) -> None:
        """A new message for each of these keys."""
        self._written |= {key: self._written.get(key, 0) + 1 for key in keys}

    def newest(self, keys: Collection[str]) -> Mapping[str, int]:
        self.asked += 1
        if self.broken:
            raise NetworkTimeout("away")
        return {key: self._written[key] for key in keys if key in self._written}

    def after(self, key: str, number: int, most: int) -> Sequence[tuple[int, Message]]:
        last = min(self._written.get(key, 0), number + most)
        body = "x" * (1_000_000 if key in self.large else 10)
        return [(each, Message(id=str(each), body=body)) for each in range(number + 1, last + 1)]


class Reading(Notify):
    """A service whose streams follow a book."""

    def __init__(self) -> None:
        super().__init__()
        self.book = Book()

    @follows
    def StreamMessages(self, request: Any, _: Any) -> Any:
        return Following(self.book, request.person_id, int(request.after_message_id or 0))


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> Reading:
    """The service; its streams hear of news soon."""
    monkeypatch.setattr(following, "PAUSE", 0.05)
    return Reading()


@pytest.fixture
def channels(
    reading: Reading, make_database: Callable[[type[NoStore]], Database[NoStore]]
) -> Iterator[ChannelFor]:
    """Channels to a server of this service."""
    with running(servicers(reading), make_database(NoStore)) as found:
        yield found


def listen(channel: grpc.Channel, key: str = "ada", after: str = "", **how: Any) -> Any:
    """A stream."""
    request = notify_pb2.StreamMessagesRequest(person_id=key, after_message_id=after)
    return stub_of(channel).StreamMessages(request, **how)


def ids(stream: Any, count: int) -> list[str]:
    """The next messages of a stream."""
    return [each.id for each in itertools.islice(stream, count)]


def until(is_so: Callable[[], bool]) -> None:
    """Wait for something that has to happen."""
    while not is_so():
        time.sleep(0.01)


def test_each_message_once_and_in_order(
    reading: Reading, channels: ChannelFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is there after the caller's last one, however many there are, then what comes."""
    monkeypatch.setattr(following, "CHUNK", 3)
    for _ in range(10):
        reading.book.write("ada", "bob")
    stream = listen(channels("ada"), after="2")
    assert ids(stream, 8) == [str(number) for number in range(3, 11)]
    reading.book.write("ada")
    assert ids(stream, 1) == ["11"]
    stream.cancel()


def followers() -> set[threading.Thread]:
    """The threads that send to streams, and those that ask for all of them."""
    return {each for each in threading.enumerate() if each.name.startswith("follow")}


def test_many_streams_have_few_threads(reading: Reading, channels: ChannelFor) -> None:
    """Thousands are open in one process, each hears of its own news, and the number of threads does
    not grow with them; one question is asked for all.
    """
    before = followers()  # servers of other tests may not have ended all of theirs
    callers = [channels(f"app-{number}", "service") for number in range(MANY // MOST_EACH + 1)]
    streams = {
        f"p{number}": listen(callers[number // MOST_EACH], f"p{number}") for number in range(MANY)
    }
    for each in streams.values():
        each.initial_metadata()
    until(lambda: figure("tandem_grpc_streams_open", **OPEN) == MANY)
    # Some are of the pools of requests, which are as large without a stream.
    assert len(followers() - before) <= following.SENDERS + 1
    server_side = ("stream", "follow", "call", "http-call", "health", "other", "refuse")
    assert sum(each.name.startswith(server_side) for each in threading.enumerate()) < 400
    reading.book.write(*streams)
    assert {tuple(ids(each, 1)) for each in streams.values()} == {("1",)}
    for each in streams.values():
        each.cancel()
    until(lambda: figure("tandem_grpc_streams_open", **OPEN) == 0)


def test_a_slow_reader_is_cut_and_holds_up_nobody(
    reading: Reading, channels: ChannelFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who takes nothing loses the stream, and goes on after the last message; all others hear of
    their news meanwhile.
    """
    monkeypatch.setattr(following, "SLOW", 0.5)
    monkeypatch.setattr(following, "SENDERS_EACH", 1)
    before = figure("tandem_grpc_exhausted_total", of="readers", **OPEN)
    reading.book.large.add("slow")
    for _ in range(20):
        reading.book.write("slow")
    lazy = channels("lazy", "service")
    streams = [listen(lazy, "slow") for _ in range(4)]
    quick = listen(channels("ada"))
    for number in range(5):
        reading.book.write("ada")
        assert ids(quick, 1) == [str(number + 1)]
    quick.cancel()
    until(lambda: figure("tandem_grpc_exhausted_total", of="readers", **OPEN) >= before + 4)
    for each in streams:
        assert refusal(partial(ids, each, 100)).code() is grpc.StatusCode.CANCELLED
    rest = listen(lazy, "slow", after="18")
    assert ids(rest, 2) == ["19", "20"]
    rest.cancel()


def test_an_outage_of_the_database_ends_no_stream(reading: Reading, channels: ChannelFor) -> None:
    """The news comes when it is over."""
    stream = listen(channels("ada"))
    stream.initial_metadata()
    reading.book.broken = True
    asked = reading.book.asked
    until(lambda: reading.book.asked > asked + 1)
    reading.book.write("ada")
    reading.book.broken = False
    assert ids(stream, 1) == ["1"]
    stream.cancel()


def test_a_caller_opens_a_part_of_them(reading: Reading, channels: ChannelFor) -> None:
    """The stream that is one too many is RESOURCE_EXHAUSTED; who leaves gives the place back."""
    channel = channels("ada")
    streams = [listen(channel) for _ in range(MOST_EACH)]
    for each in streams:
        each.initial_metadata()
    refused = refusal(lambda: next(listen(channel)))
    assert refused.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    streams.pop().cancel()
    until(lambda: figure("tandem_grpc_streams_open", **OPEN) == MOST_EACH - 1)
    reading.book.write("ada")
    streams.append(listen(channel))
    assert {tuple(ids(each, 1)) for each in streams} == {("1",)}
    for each in streams:
        each.cancel()


def test_others_are_denied(channels: ChannelFor) -> None:
    """The rights of a request count, as for any method."""
    refused = refusal(lambda: next(listen(channels("eve"))))
    assert refused.code() is grpc.StatusCode.PERMISSION_DENIED


def test_a_silent_stream_ends_with_its_deadline(channels: ChannelFor) -> None:
    """A caller may say for how long it wants to listen."""
    refused = refusal(lambda: next(listen(channels("ada"), timeout=0.5)))
    assert refused.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    until(lambda: figure("tandem_grpc_streams_open", **OPEN) == 0)


def test_streams_end_with_their_token_and_their_server(
    reading: Reading,
    make_database: Callable[[type[NoStore]], Database[NoStore]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Silent ones too: as UNAUTHENTICATED, and at a drain as UNAVAILABLE."""
    expired = threading.Event()
    clock = SimpleNamespace(
        time=lambda: time.time() + 2 * 3_600 * expired.is_set(),
        monotonic=time.monotonic,
        sleep=time.sleep,
    )
    monkeypatch.setattr(following, "time", clock)
    server = serving(reading, make_database(NoStore), tmp_path)
    address, issuer = server.__enter__()
    with grpc.insecure_channel(address) as plain:
        channel = calling_with(plain, lambda: issuer.token("ada", ["service"]))
        short = listen(channel)
        short.initial_metadata()
        expired.set()
        assert refusal(lambda: next(short)).code() is grpc.StatusCode.UNAUTHENTICATED
        expired.clear()
        last = listen(channel)
        last.initial_metadata()
        server.__exit__(None, None, None)
        assert refusal(lambda: next(last)).code() is grpc.StatusCode.UNAVAILABLE
