"""The client edge against a server that answers as the test says."""

import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from tandem.library.v1 import library_pb2, library_pb2_grpc
from tandem.library.v1.resources_pb2 import Item

from chassis.context import deadline
from chassis.edge.grpc import client
from chassis.edge.grpc.client import DEADLINE, channel
from chassis.operations import logs, tracing
from chassis.testing import settings_for

WANTED = library_pb2.GetItemRequest(item_id="i")


class Library(library_pb2_grpc.LibraryServiceServicer):
    """Fails as often as a test wants, and stores the metadata of calls."""

    def __init__(self) -> None:
        self.failures: list[grpc.StatusCode] = []
        self.calls: list[tuple[dict[str, Any], float]] = []
        self.hold = threading.Event()
        self.hold.set()

    def GetItem(self, request: Any, context: Any) -> Item:
        self.calls.append((dict(context.invocation_metadata()), context.time_remaining()))
        self.hold.wait(30)
        if self.failures:
            context.abort(self.failures.pop(0), "as told")
        return Item(id=request.item_id)

    def _unused(self, request: Any, context: Any) -> Any:
        raise NotImplementedError

    UpdateItem = RetireItem = SetRunQuota = GetRunUsage = SearchItems = _unused
    GetProcessing = GetPlaylistUrl = BuildOfflinePack = GetOfflinePack = _unused
    StartUpload = GetUpload = CompleteUpload = AbortUpload = ListItems = GetReadUrl = _unused
    CreateFeed = RevokeFeed = ListFeeds = DigestCopies = ExportPerson = GetErasure = _unused
    Republish = GetResync = _unused


@pytest.fixture(autouse=True)
def patient() -> None:
    """Here calls have the chassis' own deadline, which tests look at."""


@pytest.fixture
def library() -> Library:
    return Library()


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text("one")
    return file


@pytest.fixture
def stub(library: Library, token_file: Path) -> Iterator[Any]:
    server = grpc.server(ThreadPoolExecutor(4))
    library_pb2_grpc.add_LibraryServiceServicer_to_server(library, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    settings = settings_for("", service_token_file=token_file)
    with channel(f"127.0.0.1:{port}", settings) as opened:
        yield library_pb2_grpc.LibraryServiceStub(opened)
    library.hold.set()
    server.stop(None).wait()


def test_a_call_carries_token_trace_and_request_id(
    stub: Any, library: Library, token_file: Path
) -> None:
    """A call carries its cause's trace and request id, and the current token."""
    remembered = logs.request_id.set("r-9")
    with tracing.under(f"00-{'a' * 32}-{'b' * 16}-01"):
        stub.GetItem(WANTED)
    logs.request_id.reset(remembered)
    token_file.write_text("two")
    os.utime(token_file, ns=(1, 1))  # else maybe the same moment, as file systems count
    stub.GetItem(WANTED)
    first, second = (metadata for metadata, _ in library.calls)
    assert (first["authorization"], second["authorization"]) == ("Bearer one", "Bearer two")
    assert first["x-request-id"] == "r-9"
    assert tracing.trace_id(first["traceparent"]) == "a" * 32
    assert second["x-request-id"] not in ("", "r-9")


def test_what_the_caller_gives_stands(stub: Any, library: Library) -> None:
    """Metadata and deadline that a call names are not replaced."""
    stub.GetItem(WANTED, metadata=[("authorization", "Bearer mine")], timeout=60)
    metadata, remaining = library.calls[0]
    assert metadata["authorization"] == "Bearer mine"
    assert DEADLINE * 1.1 < remaining < 66  # its form in the header is rounded up


def test_a_call_without_a_deadline_gets_one(stub: Any, library: Library) -> None:
    """No call waits for ever."""
    stub.GetItem(WANTED)
    assert 0 < library.calls[0][1] < DEADLINE * 1.1


@pytest.mark.parametrize("timeout", [None, 120])
def test_a_call_ends_with_the_request_that_it_is_made_for(
    stub: Any, library: Library, timeout: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call has only the time that is left of the request."""
    monkeypatch.setattr(client, "DEADLINE", 120.0)
    with deadline.within(60):
        stub.GetItem(WANTED, timeout=timeout)
    assert 0 < library.calls[0][1] < 66
    with deadline.within(0.1):
        time.sleep(0.5)
        with pytest.raises(grpc.RpcError) as refused:
            stub.GetItem(WANTED, timeout=timeout)
    assert refused.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert len(library.calls) == 1


def test_a_server_that_fails_again_and_again_is_not_called_again(
    stub: Any, library: Library
) -> None:
    """After failures in a row each call is tried once: repeats would hold a server down."""
    library.failures = [grpc.StatusCode.UNAVAILABLE] * 40
    for _ in range(10):
        with pytest.raises(grpc.RpcError):
            stub.GetItem(WANTED)
    before = len(library.calls)
    assert before < 40
    for _ in range(3):
        with pytest.raises(grpc.RpcError):
            stub.GetItem(WANTED)
    assert len(library.calls) == before + 3


def test_a_server_that_is_away_for_a_moment_is_called_again(stub: Any, library: Library) -> None:
    """UNAVAILABLE is tried again, up to four times in all."""
    library.failures = [grpc.StatusCode.UNAVAILABLE] * 3
    assert stub.GetItem(WANTED).id == "i"
    assert len(library.calls) == 4


@pytest.mark.parametrize("code", [grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INTERNAL])
def test_an_answer_is_an_answer(stub: Any, library: Library, code: grpc.StatusCode) -> None:
    """Any other status is final."""
    library.failures = [code]
    with pytest.raises(grpc.RpcError) as refused:
        stub.GetItem(WANTED)
    assert refused.value.code() is code
    assert len(library.calls) == 1


def test_a_caller_that_waits_no_longer_is_told(stub: Any, library: Library) -> None:
    """A server that takes too long ends as DEADLINE_EXCEEDED at the caller."""
    library.hold.clear()
    with pytest.raises(grpc.RpcError) as refused:
        stub.GetItem(WANTED, timeout=0.2)
    assert refused.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
