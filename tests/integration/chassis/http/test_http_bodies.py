"""Bodies of requests by HTTP: when they are read, and how many."""

import itertools
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from chassis.edge import bodies
from chassis.edge.executor import BoundedExecutor
from chassis.edge.pipeline import LARGEST_REQUEST
from tests.integration.chassis.http.callers import PATH, Run, Running, read_status
from tests.integration.chassis.test_grpc_edge import own, refusal, stub_of
from tests.integration.processes import eventually


def test_no_body_is_read_of_who_may_not_come_in(running: Running) -> None:
    """The answer comes while the body is still with its caller."""
    stranger = {"content-type": "application/json", "authorization": "Bearer x"}
    with closing(running.silent(stranger)) as silent:
        assert read_status(silent) == 401


def test_a_body_that_is_too_large_is_not_read(running: Running) -> None:
    """By its declared length it is refused at once; without one, when it is too long."""
    declared = running.headers(content_length=str(LARGEST_REQUEST + 1))
    with closing(running.connection()) as connection:
        connection.putrequest("POST", PATH)
        for name, value in declared.items():
            connection.putheader(name, value)
        connection.endheaders()
        found = connection.getresponse()
        assert (found.status, json.loads(found.read())["code"]) == (429, "resource_exhausted")
    # By one byte: who still sends while the server hangs up would not get the answer.
    parts = itertools.chain((b"x" * 65536 for _ in range(LARGEST_REQUEST // 65536)), [b"x"])
    answer = running.post(parts, running.headers())
    assert answer.json["code"] == "resource_exhausted"
    assert "retry-after" not in answer.headers


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_who_sends_headers_and_no_body_holds_nothing(
    run: Run, monkeypatch: pytest.MonkeyPatch, protocol: str
) -> None:
    """Many callers that send headers and no body do not block others.

    The one that waits longest is ended first.
    """
    monkeypatch.setattr("chassis.edge.server.MOST_REQUESTS", 4)
    running = run(person_requests=4)
    silent = threading.Event()
    with ExitStack() as stack, ThreadPoolExecutor(12) as pool:
        channel, headers = stack.enter_context(running.channel("eve")), running.headers("eve")
        eve: Any = channel.stream_unary(PATH)
        # The tokens are known then. Else more than eight may be refused: strangers have two slots.
        assert stub_of(channel).GetPreferences(own("eve"))
        assert running.post(b'{"personId": "eve"}', headers).status == 200

        def by_http(_: int) -> str:
            with closing(running.silent(headers)) as found:
                return str(read_status(found))

        def by_grpc(_: int) -> str:
            return str(refusal(lambda: eve(iter(silent.wait, True), timeout=60)).code().name)

        calls = [pool.submit(by_http if protocol == "http" else by_grpc, n) for n in range(12)]
        eventually(lambda: sum(each.done() for each in calls) >= 8)
        eventually(lambda: running.server.pipeline.admission.taken() == {"eve": 4})
        assert [running.post().status for _ in range(3)] == [200] * 3
        silent.set()
        running.server.drain(timedelta(seconds=20))
        codes = {each.result(60) for each in calls}
    assert codes <= {"429", "RESOURCE_EXHAUSTED", "CANCELLED", "INVALID_ARGUMENT", "UNAVAILABLE"}


def test_bodies_that_are_waited_for_are_bounded(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """When all room is taken, the body that has been silent longest is ended; others continue."""
    monkeypatch.setattr(bodies.Bodies.__init__, "__defaults__", (2, 0.2))
    running = run()
    with ExitStack() as stack:
        silent = []
        for count in (1, 2):  # one after the other: the first one is ended
            found = running.silent(running.headers("eve"))
            silent.append(stack.enter_context(closing(found)))
            eventually(partial(running.reading, count))
        ada = stack.enter_context(closing(running.silent(running.headers())))
        assert read_status(silent[0]) == 429
        ada.sendall(b'{"personId": "ada"}\n')
        assert read_status(ada) == 200
        assert running.post().status == 200


def test_a_body_that_does_not_come_in_time_is_given_up(running: Running) -> None:
    """A caller's deadline counts while its body is awaited."""
    with closing(running.silent(running.headers(connect_timeout_ms="200"))) as silent:
        assert read_status(silent) == 504


@pytest.mark.parametrize("rooms", [1, 2])
def test_many_at_once_by_both_protocols_are_all_answered(
    run: Run, monkeypatch: pytest.MonkeyPatch, rooms: int
) -> None:
    """With very little room for bodies and threads requests wait, but all are answered."""
    monkeypatch.setattr(bodies.Bodies.__init__, "__defaults__", (rooms, 20.0))
    monkeypatch.setattr(BoundedExecutor.__init__, "__defaults__", (1, 1))
    running = run(person_requests=64)
    body, headers = b'{"personId": "ada"}' + b" " * 200_000, running.headers()
    with ThreadPoolExecutor(32) as pool, running.channel() as channel:
        stub = stub_of(channel)
        by_http = [pool.submit(running.post, body, headers) for _ in range(100)]
        by_grpc = [pool.submit(stub.GetPreferences, own(), timeout=60) for _ in range(100)]
        assert {each.result(60).status for each in by_http} == {200}
        assert {each.result(60).person_id for each in by_grpc} == {"ada"}


def test_a_body_that_waits_for_room_keeps_its_deadline(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the deadline passes before there is room, the request is refused and leaves nothing."""
    monkeypatch.setattr(bodies.Bodies.__init__, "__defaults__", (1, 60.0))
    running = run()
    with closing(running.silent(running.headers("eve"))) as silent:
        eventually(partial(running.reading, 1))
        late = running.post(headers=running.headers(connect_timeout_ms="300"))
        assert (late.status, late.json["code"]) == (504, "deadline_exceeded")
        silent.sendall(b'{"personId": "ada"}\n')
        assert read_status(silent) == 403
    assert running.post().status == 200
