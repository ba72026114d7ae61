"""Calls of providers that are slow, huge, broken or away: the limits hold, whatever they send."""

import socket
import time
from io import BufferedIOBase

import pytest

from services.sessions.providers.http import (
    Limits,
    call,
    is_safe,
    require_safe,
    require_success,
    retry_after,
)
from services.sessions.providers.port import ProviderAway, ProviderRefused
from tests.unit.sessions.providers.replay import PATIENT, Canned, Pour, Replay

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/xml\r\n"


def drip(file: BufferedIOBase) -> None:
    """Send a byte now and then, for ever."""
    while True:
        file.write(b" ")
        file.flush()
        time.sleep(0.01)


def dripping_body(file: BufferedIOBase) -> None:
    file.write(HEAD + b"\r\n")
    drip(file)


def dripping_headers(file: BufferedIOBase) -> None:
    file.write(HEAD + b"x-long: ")
    drip(file)


def silence(file: BufferedIOBase) -> None:
    file.flush()
    time.sleep(3_600)


def too_much(file: BufferedIOBase) -> None:
    file.write(HEAD + b"\r\n")
    while True:
        file.write(b" " * 65_536)


def truncated(file: BufferedIOBase) -> None:
    file.write(HEAD + b"content-length: 1000\r\n\r\n<response>")


def no_http(file: BufferedIOBase) -> None:
    file.write(b"SSH-2.0-OpenSSH_9.2p1\r\n")


@pytest.mark.parametrize(
    ("pour", "limits", "words"),
    [
        (dripping_body, Limits(read=60, total=0.2), "in time"),
        (dripping_headers, Limits(read=60, total=0.2), "in time"),
        (silence, Limits(read=0.1, total=60), "in time"),
        (too_much, Limits(read=60, total=60, size=100_000), "longer than 100000 bytes"),
        (truncated, PATIENT, "connection failed"),
        (no_http, PATIENT, "connection failed"),
    ],
)
def test_a_server_that_does_not_answer_well_is_away(
    server: Replay, pour: Pour, limits: Limits, words: str
) -> None:
    """A server that drips, is silent, never ends, stops early or speaks no HTTP counts as away."""
    server.plan(Canned(pour=pour))
    with pytest.raises(ProviderAway, match=words):
        call("GET", server.url, limits=limits)


@pytest.mark.parametrize("value", ["a\nb", "ä\x00"])
def test_what_can_not_be_sent(server: Replay, value: str) -> None:
    """A header that HTTP does not allow, such as of a token with a line break, is not sent."""
    with pytest.raises(ProviderAway, match="connection failed"):
        call("GET", server.url, headers={"authorization": value}, limits=PATIENT)
    assert server.seen == []


def test_a_closed_port_is_away() -> None:
    """A server that does not listen counts as away."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    with pytest.raises(ProviderAway, match="connection failed"):
        call("GET", f"http://127.0.0.1:{port}", limits=PATIENT)


def test_a_redirect_is_not_followed(server: Replay) -> None:
    """An answer that leads elsewhere is refused, after one call."""
    server.plan(Canned(status=302, headers={"location": server.url}))
    with pytest.raises(ProviderRefused, match="302"):
        require_success(call("GET", server.url, limits=PATIENT))
    assert len(server.seen) == 1


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_statuses_that_pass(server: Replay, status: int) -> None:
    """A server that is in trouble, or asks to come later, counts as away, with its time to wait."""
    server.plan(Canned(status=status, headers={"retry-after": "17"}))
    with pytest.raises(ProviderAway) as told:
        require_success(call("GET", server.url, limits=PATIENT))
    assert told.value.retry_after == 17


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 410])
def test_statuses_that_stay(server: Replay, status: int) -> None:
    """A server that would refuse again refuses."""
    server.plan(Canned(status=status))
    with pytest.raises(ProviderRefused, match=str(status)):
        require_success(call("GET", server.url, limits=PATIENT))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0),
        ("Mon, 30 Nov 2026 06:01:00 GMT", 60.0),
        ("2026-11-30T06:00:30Z", 30.0),
        ("Mon, 30 Nov 2026 05:00:00 GMT", 0.0),
        ("", 0.0),
        ("soon", 0.0),
        ("-5", 0.0),
        ("9" * 400, 999_999_999.0),
        ("²", 0.0),
    ],
)
def test_retry_after(text: str, seconds: float) -> None:
    """Retry-After has seconds or an instant; whatever else is there tells nothing."""
    headers = {"retry-after": text, "date": "Mon, 30 Nov 2026 06:00:00 GMT"}
    assert retry_after(headers) == seconds


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://bbb.example.edu/bigbluebutton/", True),
        ("http://127.0.0.1:8090/bigbluebutton/", True),
        ("http://localhost/", True),
        ("http://[::1]:80/", True),
        ("http://bbb.example.edu/", False),
        ("http://localhost.example.edu/", False),
        ("file:///etc/passwd", False),
        ("https://", False),
        ("https://[half/", False),
        ("https://host:port/", False),
        ("https://münchen.example/", False),
        ("", False),
    ],
)
def test_secrets_go_to_safe_urls_only(url: str, safe: bool) -> None:
    """A URL is one of HTTPS, or of this machine; a setting with another one is told so."""
    assert is_safe(url) is safe
    if not safe:
        with pytest.raises(ValueError, match="https://"):
            require_safe(url)
