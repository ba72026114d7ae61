"""The HTTP server beside gRPC: shares, connections, metrics, drain, browsers."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from tandem.notify.v1.resources_pb2 import Preferences

from chassis.edge.http import server as http_server
from chassis.testing import figure
from tests.integration.chassis.http.callers import ADA, METHOD, PATH, Run, Running
from tests.integration.chassis.test_grpc_edge import own, stub_of
from tests.integration.processes import eventually


def test_a_caller_has_one_share_by_both_protocols(run: Run) -> None:
    """A person's open gRPC calls count for the limit of HTTP requests."""
    running = run(person_requests=1)
    inside, go_on = threading.Event(), threading.Event()

    def hold(_: Any) -> Preferences:
        inside.set()
        assert go_on.wait(60)
        return Preferences(person_id="ada")

    running.notify.preferences = hold
    before = figure("tandem_http_exhausted_total", service="tests", of="caller")
    with running.channel() as channel:
        held = stub_of(channel).GetPreferences.future(own(), timeout=60)
        assert inside.wait(60)
        answer = running.post()
        go_on.set()
        assert held.result().person_id == "ada"
    assert (answer.status, answer.json["code"]) == (429, "resource_exhausted")
    assert answer.headers["retry-after"] == "1"
    assert figure("tandem_http_exhausted_total", service="tests", of="caller") == before + 1
    eventually(lambda: running.post().status == 200)


def test_a_caller_that_leaves_is_counted(running: Running) -> None:
    """A caller that closes the connection before the body is complete leaves nothing behind."""
    labels = {"service": "tests", "method": METHOD, "code": "CANCELLED"}
    before = figure("tandem_http_requests_total", **labels)
    running.silent(running.headers()).close()
    eventually(lambda: figure("tandem_http_requests_total", **labels) == before + 1)


def test_a_connection_without_headers_is_closed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a silent client nor one that sends single bytes keeps a connection open."""
    monkeypatch.setattr(http_server, "HEADERS_WITHIN", 0.3)
    running = run()
    address = "127.0.0.1", running.server.http_port
    with socket.create_connection(address, timeout=60) as silent:
        assert silent.recv(1) == b""
    with socket.create_connection(address, timeout=60) as slow:
        slow.sendall(b"POST / HTTP/1.1\r\nx")
        assert slow.recv(1) == b""
    monkeypatch.setattr(http_server, "HEADERS_WITHIN", 60.0)
    with closing(running.connection()) as usual:
        for _ in range(2):
            usual.request("POST", PATH, ADA, running.headers())
            assert usual.getresponse().read()


def test_a_call_is_counted_timed_and_known_by_its_code(running: Running) -> None:
    """tandem_http_* measures for HTTP what tandem_grpc_* measures for gRPC."""
    labels = {"service": "tests", "method": METHOD}
    calls = figure("tandem_http_requests_total", **labels, code="PERMISSION_DENIED")
    times = figure("tandem_http_seconds_count", **labels)
    running.post(b'{"personId": "eve"}')
    assert figure("tandem_http_requests_total", **labels, code="PERMISSION_DENIED") == calls + 1
    assert figure("tandem_http_seconds_count", **labels) == times + 1


def test_a_drain_lets_calls_in_hand_end_and_takes_no_other(running: Running) -> None:
    """Open calls are answered, readiness is reported, and the port is free at the end."""
    inside, go_on = threading.Event(), threading.Event()

    def hold(_: Any) -> Preferences:
        inside.set()
        assert go_on.wait(60)
        return Preferences(person_id="ada")

    running.notify.preferences = hold
    port = running.server.http_port
    assert running.send("GET", "/ready").json == {"mongodb": True, "serving": True}
    with ThreadPoolExecutor(2) as pool:
        held = pool.submit(running.post)
        assert inside.wait(60)
        draining = pool.submit(running.server.drain, timedelta(seconds=60))
        eventually(lambda: not running.server.ready()["serving"])
        go_on.set()
        assert held.result(60).status == 200
        draining.result(60)
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=60)


def test_only_pages_of_known_origins_may_call(run: Run) -> None:
    """A browser asks first (CORS), and gets permission only for the origins in the settings."""
    running = run(http_origins="https://study.example.edu,null")
    for origin, allowed in (
        ("https://study.example.edu", True),
        ("null", True),  # a page that was opened as a file
        ("https://else.example", False),
    ):
        asked = {
            "origin": origin,
            "access-control-request-method": "POST",
            "access-control-request-headers": "authorization,connect-protocol-version",
        }
        preflight = running.send("OPTIONS", PATH, headers=asked)
        answer = running.post(headers=running.headers(origin=origin))
        for found in (preflight, answer):
            assert (found.headers.get("access-control-allow-origin") == origin) is allowed


def test_without_origins_no_page_may_call(running: Running) -> None:
    """The default lets no other site's page in."""
    answer = running.post(headers=running.headers(origin="https://else.example"))
    assert "access-control-allow-origin" not in answer.headers
