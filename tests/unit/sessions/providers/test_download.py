"""Downloads of recordings' files: whatever a server sends, or wherever it leads."""

import hashlib
from dataclasses import replace
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import pytest

from services.sessions.domain.meetings import FileKind, RecordedFile
from services.sessions.providers.bigbluebutton import BigBlueButton
from services.sessions.providers.download import (
    MOST_REDIRECTS,
    CutShort,
    Fetched,
    download,
)
from services.sessions.providers.http import Limits
from services.sessions.providers.port import ProviderAway, ProviderRefused
from services.sessions.providers.zoom import Zoom
from services.sessions.providers.zoom_client import Credentials, ZoomClient
from tests.unit.sessions.providers.replay import PATIENT, Canned, Replay
from tests.unit.sessions.providers.test_provider_calls import dripping_body, silence, truncated

FILM = b"film" * 50_000


def film(url: str, size: int = 0) -> RecordedFile:
    """A film at a URL."""
    return RecordedFile(kind=FileKind.VIDEO, url=url, media_type="video/mp4", size=size)


def at_home(server: Replay, limits: Limits = PATIENT) -> BigBlueButton:
    """A provider whose own server is that of the test."""
    return BigBlueButton(f"{server.url}/bigbluebutton", "secret", limits=limits)


def fetch(server: Replay, path: str = "/film", size: int = 0, limits: Limits = PATIENT) -> bytes:
    """What is downloaded from the provider's own server."""
    into = BytesIO()
    fetched = download(at_home(server), film(server.url + path, size), into, limits)
    content = into.getvalue()
    assert fetched == Fetched(len(content), hashlib.sha256(content).hexdigest())
    return content


def test_a_file_is_downloaded_in_pieces(server: Replay) -> None:
    """Each is written before the next one is read, and who waits may stop it."""
    server.plan(Canned(FILM), Canned(FILM))
    assert fetch(server, size=len(FILM)) == FILM

    def stop() -> None:
        raise InterruptedError

    into = BytesIO()
    with pytest.raises(InterruptedError):
        download(at_home(server), film(server.url), into, PATIENT, stop)
    assert 0 < len(into.getvalue()) < len(FILM)


def test_redirects_are_followed_with_the_headers_of_each_place(server: Replay) -> None:
    """Relative ones, too; a token goes to the provider's own server only."""
    server.plan(
        Canned('{"access_token": "t", "expires_in": 3600}'),
        Canned(status=302, headers={"location": "/there"}),
        Canned(FILM),
    )
    client = ZoomClient(
        Credentials("a", "b", "c"), api=server.url, oauth=f"{server.url}/oauth", limits=PATIENT
    )
    zoom = Zoom(client, host="h", webhook_secret="s", registrant_domain="zoom.invalid")
    assert download(zoom, film(f"{server.url}/film"), BytesIO(), PATIENT).size == len(FILM)
    _, first, second = server.seen
    assert (first.path, second.path) == ("/film", "/there")
    assert [each.headers["authorization"] for each in (first, second)] == ["Bearer t"] * 2
    assert zoom.fetch_headers("https://files.example.com/film") == {}


def test_redirects_end(server: Replay) -> None:
    """A loop is refused after a few."""
    loop = Canned(status=302, headers={"location": "/film"})
    server.plan(*[loop] * (MOST_REDIRECTS + 2))
    with pytest.raises(ProviderRefused, match="more than 5 times"):
        fetch(server)
    assert len(server.seen) == MOST_REDIRECTS + 1


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1:1/x",  # another port of the provider's own machine
        "https://localhost:1/x",
        "https://[::1]/x",
        "https://10.0.0.1/x",
        "https://169.254.169.254/latest/meta-data",
        "https://[::ffff:192.168.0.1]/x",
        "https://0.0.0.0/x",
        "http://files.example.edu/x",
        "ftp://files.example.edu/x",
        "file:///etc/passwd",
        "https:///x",
        "https://files.example.edu:99999/x",
    ],
)
def test_nothing_private_is_fetched(server: Replay, target: str) -> None:
    """A redirect to an address inside, or to what is not of HTTPS, is refused."""
    server.plan(Canned(status=302, headers={"location": target}))
    with pytest.raises(ProviderRefused, match=r"no public address|not of HTTPS"):
        fetch(server)
    assert len(server.seen) == 1


def resolve(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Let every name lead to these addresses."""

    def rows(*_: Any, **__: Any) -> list[Any]:
        return [(2, 1, 6, "", (each, 443)) for each in addresses]

    module = SimpleNamespace(getaddrinfo=rows, SOCK_STREAM=1)
    monkeypatch.setattr("chassis.edge.http.outgoing.socket", module)


@pytest.mark.parametrize("addresses", [["10.0.0.1"], ["8.8.8.8", "10.0.0.1"]])
def test_a_name_that_leads_inside_is_refused(
    monkeypatch: pytest.MonkeyPatch, addresses: list[str]
) -> None:
    """All addresses of a host must be public, whatever its name looks like."""
    resolve(monkeypatch, *addresses)
    provider = BigBlueButton("https://bbb.example.edu/bigbluebutton", "secret")
    with pytest.raises(ProviderRefused, match="no public address"):
        download(provider, film("https://files.example.edu/film"), BytesIO(), PATIENT)


def test_a_file_that_is_too_large_is_refused(server: Replay) -> None:
    """At once where its size is told, else as soon as it is too large."""
    limits = replace(PATIENT, size=1000)
    server.plan(Canned(FILM), Canned(pour=endless))
    for _ in range(2):
        with pytest.raises(ProviderRefused, match="more than 1000 bytes"):
            fetch(server, limits=limits)


def endless(stream: Any) -> None:
    """Send bytes for ever, and tell no length."""
    stream.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        stream.write(b" " * 65_536)


@pytest.mark.parametrize(
    ("answer", "size", "words"),
    [
        (Canned(pour=truncated), 0, "broke off"),
        (Canned(FILM), len(FILM) + 1, "were told"),
        (Canned(b""), 0, "0 bytes"),
    ],
)
def test_a_file_that_is_not_whole_is_cut_short(
    server: Replay, answer: Canned, size: int, words: str
) -> None:
    """One that ends early, is not as long as it was told, or is empty."""
    server.plan(answer)
    with pytest.raises(CutShort, match=words):
        fetch(server, size=size)


def test_a_download_takes_no_longer_than_it_may(server: Replay) -> None:
    """However often a byte arrives."""
    server.plan(Canned(pour=dripping_body))
    with pytest.raises((CutShort, ProviderAway), match=r"in time|broke off"):
        fetch(server, limits=Limits(read=60, total=0.2))


@pytest.mark.parametrize(
    ("answer", "limits"),
    [(Canned(status=503), PATIENT), (Canned(pour=silence), Limits(read=0.1, total=60))],
)
def test_a_server_that_does_not_answer_is_away(
    server: Replay, answer: Canned, limits: Limits
) -> None:
    """Then all of its files are tried later."""
    server.plan(answer)
    with pytest.raises(ProviderAway):
        fetch(server, limits=limits)


def test_a_file_that_is_not_there_is_refused(server: Replay) -> None:
    """By the status that the server tells."""
    server.plan(Canned(status=404))
    with pytest.raises(ProviderRefused, match="404"):
        fetch(server)


def test_only_the_same_origin_is_a_providers_own() -> None:
    """Its scheme, host and port; then its address may be private."""
    provider = BigBlueButton("https://bbb.example.edu/bigbluebutton", "secret")
    assert provider.is_own("https://bbb.example.edu/playback/video")
    for url in (
        "https://bbb.example.edu:8443/x",
        "http://bbb.example.edu/x",
        "https://bbb.example.edu.evil.example/x",
        "https://files.example.edu/x",
    ):
        assert not provider.is_own(url)
