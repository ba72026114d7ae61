"""The fetch URL and a session by HTTP, as a browser calls them (section 8.2)."""

import http.client
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chassis.edge.server import Server
from chassis.testing import Issuer, settings_for
from services.progress.domain.cmi5.terms import Verb
from services.progress.xapi.cmi5 import LARGEST_BODY
from services.progress.xapi.lrs import lrs
from tests.integration.progress.cmi5.units import BASE, Lms, unit

PATH = "/xapi/cmi5/fetch"
Answer = tuple[int, dict[str, str], bytes]


@pytest.fixture
def port(lms: Lms, tmp_path: Path) -> Iterator[int]:
    """The HTTP port of a replica with the LRS."""
    chosen = settings_for(Issuer().write_jwks(tmp_path / "jwks.json"))
    server = Server(chosen, "tests", lms.database, [], endpoints=lrs(lms.database, BASE))
    server.start()
    yield server.http_port
    server.drain(chosen.drain)


def call(
    port: int, method: str, target: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> Answer:
    """Return status, headers in lower case, and body of an answer."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request(method, target, body, headers or {})
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()


def told(answer: Answer) -> Any:
    """Return the JSON of an answer of the fetch URL, which always has the status 200."""
    status, headers, body = answer
    assert (status, headers["content-type"]) == (200, "application/json")
    assert headers["cache-control"] == "no-store"
    return json.loads(body)


def test_a_session_from_its_launch_to_its_end(lms: Lms, port: int) -> None:
    """The token is good for Basic, until the session is over; what it says completes the unit."""
    lms.classroom.open(unit(), learners=["ada"])
    launched = lms.launch()
    fetch = urlsplit(launched.asked["fetch"])
    target = f"{fetch.path}?{fetch.query}"
    launched.token = told(call(port, "POST", target))["auth-token"]
    assert told(call(port, "POST", target))["error-code"] == "1"
    headers = {
        "Authorization": f"Basic {launched.token}",
        "X-Experience-API-Version": "1.0.3",
        "Content-Type": "application/json",
    }
    for verb in (Verb.INITIALIZED, Verb.COMPLETED, Verb.TERMINATED):
        sent = json.dumps(launched.defined(verb)).encode()
        assert call(port, "POST", "/xapi/statements", sent, headers)[0] == 200
    late = launched.allowed(timestamp="2026-03-02T09:00:00.000Z")
    status, _, body = call(port, "POST", "/xapi/statements", json.dumps(late).encode(), headers)
    assert status == 403
    assert b"cmi5 forbids" in body
    lms.classroom.settle()
    assert lms.classroom.states("ada") == {"quiz": "COMPLETED"}


def test_the_fetch_url_is_for_post_alone(port: int) -> None:
    """GET could be answered from a cache (section 8.2.1)."""
    for method in ("GET", "HEAD", "PUT", "DELETE"):
        status, headers, _ = call(port, method, f"{PATH}?k=1")
        assert (status, headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("query", ["", "?k=", "?k=unknown", "?x=1", "?k=%ff", "?k=1&k=2"])
def test_an_unknown_key_is_error_2(port: int, query: str) -> None:
    """Also none, and one that can't be read (section 8.2.3.2)."""
    assert told(call(port, "POST", PATH + query))["error-code"] == "2"


def test_a_large_body_is_refused(port: int) -> None:
    """The body means nothing, and takes no room."""
    assert call(port, "POST", f"{PATH}?k=1", b"x" * (LARGEST_BODY + 1))[0] == 413


def test_any_bytes_are_answered(port: int) -> None:
    """No query and no body gives a 5xx, or a token."""

    @settings(
        max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(st.binary(max_size=60).map(quote), st.binary(max_size=200))
    def holds(query: str, body: bytes) -> None:
        status, _, answer = call(port, "POST", f"{PATH}?{query}", body)
        assert status < 500
        assert b"auth-token" not in answer

    holds()
