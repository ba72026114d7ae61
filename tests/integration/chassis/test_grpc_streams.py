"""Streams through the edge of gRPC."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from tandem.notify.v1 import notify_pb2
from tandem.progress.v1 import progress_pb2, progress_pb2_grpc
from tandem.progress.v1.resources_pb2 import Statement

from chassis.data.store import Database
from chassis.edge.grpc import server, streams
from chassis.edge.grpc.client import calling_with
from chassis.edge.grpc.streams import MOST_EACH
from chassis.edge.server import Server
from chassis.testing import ChannelFor, Issuer, settings_for
from tests.integration.chassis.test_grpc_edge import Notify, own, refusal, servicers, stub_of

LISTEN = notify_pb2.StreamMessagesRequest(person_id="ada")


@contextmanager
def serving(notify: Notify, database: Database[Any], folder: Path) -> Iterator[tuple[str, Issuer]]:
    """A running server: its address, and whose tokens it believes."""
    issuer = Issuer()
    settings = settings_for(issuer.write_jwks(folder / "jwks"))
    server = Server(settings, "tests", database, servicers(notify))
    server.start()
    yield f"127.0.0.1:{server.port}", issuer
    server.drain(settings.drain)


def test_each_message_of_a_stream_is_checked(channel_for: ChannelFor) -> None:
    """A stream answers its good messages and ends at the first bad one with that one's status."""
    stub: Any = progress_pb2_grpc.ProgressServiceStub(channel_for("lrs", "service"))
    good = progress_pb2.RecordStatementsRequest(statements=[Statement()])
    answers = stub.StreamStatements(iter([good, good, progress_pb2.RecordStatementsRequest()]))
    assert len([next(answers), next(answers)]) == 2
    assert refusal(lambda: next(answers)).code() is grpc.StatusCode.INVALID_ARGUMENT


def test_a_stream_without_the_role_is_denied_at_its_first_message(channel_for: ChannelFor) -> None:
    """A stream's caller is checked before the service sees a message."""
    stub: Any = progress_pb2_grpc.ProgressServiceStub(channel_for("ada", "registrar"))
    answers = stub.StreamStatements(
        iter([progress_pb2.RecordStatementsRequest(statements=[Statement()])])
    )
    assert refusal(lambda: next(answers)).code() is grpc.StatusCode.PERMISSION_DENIED


def test_open_streams_do_not_hold_requests_up(channel_for: ChannelFor) -> None:
    """While 60 streams are open, more than the server has threads for requests, requests go on."""
    stub = stub_of(channel_for("ada"))
    stubs = [stub_of(channel_for(f"mail-{number}", "service")) for number in range(6)]
    streams = [each.StreamMessages(LISTEN) for each in stubs for _ in range(10)]
    assert {next(stream).id for stream in streams} == {"first"}
    assert stub.GetPreferences(own(), timeout=60)
    for stream in streams:
        stream.cancel()


def test_a_stream_is_told_that_it_is_open(channel_for: ChannelFor) -> None:
    """A stream that has nothing to say yet answers its request id at once."""
    stub: Any = progress_pb2_grpc.ProgressServiceStub(channel_for("lrs", "service"))
    silent = threading.Event()
    answers = stub.StreamStatements(iter(silent.wait, True))
    assert dict(answers.initial_metadata())["x-request-id"]
    silent.set()
    answers.cancel()


def test_a_stream_ends_when_its_caller_leaves(channel_for: ChannelFor, notify: Notify) -> None:
    """A cancelled stream lets its service's code end."""
    messages = stub_of(channel_for("ada")).StreamMessages(LISTEN)
    next(messages)
    messages.cancel()
    assert notify.ended.wait(60)


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS, PING, GOAWAY = 4, 6, 7


def frame(kind: int, payload: bytes = b"") -> bytes:
    """An HTTP/2 frame of the connection (RFC 9113, section 4.1)."""
    return len(payload).to_bytes(3, "big") + bytes([kind, 0, 0, 0, 0, 0]) + payload


def ping(address: str, pause: float) -> set[int]:
    """The kinds of frames that answer five pings with a pause between them."""
    host, _, port = address.partition(":")
    kinds = set()
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(PREFACE + frame(SETTINGS))
        answers = connection.makefile("rb")
        for _ in range(5):
            connection.sendall(frame(PING, b"12345678"))
            while GOAWAY not in kinds and (head := answers.read(9)):
                kinds.add(head[3])
                answers.read(int.from_bytes(head[:3], "big"))
                if head[3] == PING:
                    break
            time.sleep(pause)
    return kinds


@pytest.mark.parametrize(("allowed", "pause", "refused"), [(100, 0.15, False), (10_000, 0.0, True)])
def test_a_connection_outlives_its_callers_pings(
    notify: Notify,
    database: Database[Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    allowed: int,
    pause: float,
    refused: bool,
) -> None:
    """A caller that pings no more often than the server allows stays; one that floods does not."""
    quicker = [(name, allowed if value == 10_000 else value) for name, value in server.OPTIONS]
    monkeypatch.setattr(server, "OPTIONS", quicker)
    with serving(notify, database, tmp_path) as (address, _):
        assert (GOAWAY in ping(address, pause)) is refused


def test_a_stream_ends_with_its_token(
    notify: Notify, database: Database[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream of answers ends as UNAUTHENTICATED, one that is silent is cancelled."""
    expired = threading.Event()
    clock = SimpleNamespace(time=lambda: time.time() + 2 * 3_600 * expired.is_set())
    monkeypatch.setattr(streams, "time", clock)
    with (
        serving(notify, database, tmp_path) as (address, issuer),
        grpc.insecure_channel(address) as plain,
    ):
        channel = calling_with(plain, lambda: issuer.token("ada", ["service"]))
        silent = threading.Event()
        stub: Any = progress_pb2_grpc.ProgressServiceStub(channel)
        answers = stub.StreamStatements(iter(silent.wait, True))
        assert answers.initial_metadata()
        messages = stub_of(channel).StreamMessages(LISTEN)
        assert next(messages).id == "first"
        expired.set()
        assert refusal(lambda: next(messages)).code() is grpc.StatusCode.UNAUTHENTICATED
        assert refusal(lambda: next(answers)).code() is grpc.StatusCode.CANCELLED
        silent.set()


def test_one_caller_opens_a_part_of_the_streams(channel_for: ChannelFor) -> None:
    """The stream that is one too many of its caller is RESOURCE_EXHAUSTED; others' are not."""
    stub = stub_of(channel_for("ada"))
    streams = [stub.StreamMessages(LISTEN) for _ in range(MOST_EACH)]
    assert {next(stream).id for stream in streams} == {"first"}
    error = refusal(lambda: next(stub.StreamMessages(LISTEN)))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert next(stub_of(channel_for("mail", "service")).StreamMessages(LISTEN)).id == "first"
    for stream in streams:
        stream.cancel()


def test_a_stream_without_the_role_is_denied_however_silent(channel_for: ChannelFor) -> None:
    """A caller who may send no request can't keep a stream open without requests."""
    silent = threading.Event()
    stub: Any = progress_pb2_grpc.ProgressServiceStub(channel_for("ada", "registrar"))
    answers = stub.StreamStatements(iter(silent.wait, True))
    assert refusal(lambda: next(answers)).code() is grpc.StatusCode.PERMISSION_DENIED
    silent.set()


def test_a_drain_ends_streams_that_only_wait(
    notify: Notify, database: Database[Any], tmp_path: Path
) -> None:
    """Streams whose callers send nothing more, or listen for ever, don't hold a drain up."""
    issuer, silent = Issuer(), threading.Event()
    settings = settings_for(issuer.write_jwks(tmp_path / "jwks"), drain=timedelta(seconds=60))
    server = Server(settings, "tests", database, servicers(notify))
    server.start()
    token = issuer.token("ada", ["service"])

    def requests() -> Iterator[Any]:
        yield progress_pb2.RecordStatementsRequest(statements=[Statement()])
        silent.wait(90)

    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as plain:
        channel = calling_with(plain, lambda: token)
        answers = progress_pb2_grpc.ProgressServiceStub(channel).StreamStatements(requests())
        assert len(next(answers).results) == 1
        messages = stub_of(channel).StreamMessages(LISTEN)
        next(messages)
        server.drain(settings.drain)
        # The end may come while it waits for a message, or before it waits.
        ended = refusal(lambda: next(answers)).code()
        assert ended in (grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE)
        assert refusal(lambda: next(messages)).code() is grpc.StatusCode.UNAVAILABLE
        silent.set()
    assert notify.ended.is_set()
