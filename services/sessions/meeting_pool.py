"""The meeting servers of the installation, read from TANDEM_MEETINGS_FILE.

A TOML file, a table [servers.NAME] for each server:

    [servers.bbb-1]
    provider = "BIGBLUEBUTTON"
    url = "https://bbb1.example.edu/bigbluebutton"
    secret = "what bbb-conf --secret shows"
    capacity = 300        # people at a time; 0 or missing: any number

    [servers.zoom]
    provider = "ZOOM"
    account_id = "..."
    client_id = "..."
    client_secret = "..."
    webhook_secret = "the app's Secret Token"
    host = "classes@example.edu"                  # the user whose meetings they are
    registrant_domain = "zoom.invalid.example.edu"  # a domain of yours that gets no mail

It is read again when it has changed; a new one that is faulty changes nothing. There are no servers
while it is not there.
"""

import re
import threading
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from chassis.operations.settings import NO_FILE, SettingsError
from services.sessions.domain.meeting_pool import ServerRoom
from services.sessions.domain.meetings import Provider
from services.sessions.providers.bigbluebutton import BigBlueButton
from services.sessions.providers.link import PlainLink
from services.sessions.providers.port import MeetingProvider
from services.sessions.providers.zoom import Zoom
from services.sessions.providers.zoom_client import API, OAUTH, Credentials, ZoomClient

Table = Mapping[str, Any]
POLL_INTERVAL = 1.0
"""Seconds between two looks whether the file has changed."""
LARGEST_CAPACITY = 1_000_000
_ZOOM = (
    *("account_id", "client_id", "client_secret"),
    *("host", "webhook_secret", "registrant_domain"),
)
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")

log = structlog.get_logger()


def _zoom(
    account_id: str,
    client_id: str,
    client_secret: str,
    host: str,
    webhook_secret: str,
    registrant_domain: str,
    api: str = API,
    oauth: str = OAUTH,
) -> MeetingProvider:
    """Return the adapter of an account of Zoom."""
    client = ZoomClient(Credentials(account_id, client_id, client_secret), api=api, oauth=oauth)
    return Zoom(
        client, host=host, webhook_secret=webhook_secret, registrant_domain=registrant_domain
    )


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a provider's table has, and how its adapter is made."""

    needed: tuple[str, ...]
    allowed: tuple[str, ...]
    adapter: Callable[..., MeetingProvider]


_KINDS: Mapping[str, _Kind] = {
    Provider.BIGBLUEBUTTON: _Kind(("url", "secret"), ("algorithm",), BigBlueButton),
    Provider.ZOOM: _Kind(_ZOOM, ("api", "oauth"), _zoom),
    Provider.LINK: _Kind(("url",), (), PlainLink),
}
_OF_ALL = {"provider", "capacity"}


@dataclass(frozen=True, slots=True)
class _Server:
    room: ServerRoom
    provider: MeetingProvider


class MeetingPool:
    """The meeting servers, by name."""

    def __init__(
        self, path: Path = NO_FILE, webhooks: str = "", look: float = POLL_INTERVAL
    ) -> None:
        """Read the file; `NO_FILE`: there are no servers. `webhooks`: our server as
        providers reach it; empty: they can't. Raises SettingsError that lists every fault.
        """
        self._path, self._base, self._look = path, webhooks.rstrip("/"), look
        self._lock, self._looked = threading.Lock(), time.monotonic()
        self._stamp: object = None
        self._servers: Mapping[str, _Server] = {}
        try:
            self._read()
        except (OSError, ValueError) as error:
            raise SettingsError(f"TANDEM_MEETINGS_FILE: {error}") from error

    def __bool__(self) -> bool:
        """Return whether there is any server."""
        return bool(self._current())

    def rooms(self) -> list[ServerRoom]:
        """Return how many people each server has room for."""
        return [each.room for each in self._current().values()]

    def provider(self, server: str) -> MeetingProvider | None:
        """Return the adapter of a server; None if the file does not have it."""
        found = self._current().get(server)
        return found.provider if found else None

    def webhook_url(self, server: str) -> str:
        """Return where a server tells what happens in meetings; empty: it can't."""
        return f"{self._base}/meetings/{server}/webhook" if self._base else ""

    def _current(self) -> Mapping[str, _Server]:
        """Return the servers, read again if the file has changed; others don't wait for who
        reads.
        """
        if time.monotonic() - self._looked >= self._look and self._lock.acquire(blocking=False):
            try:
                self._looked = time.monotonic()
                self._read()
            except (OSError, ValueError) as error:
                log.warning("the new file of meeting servers is not used", why=str(error))
            finally:
                self._lock.release()
        return self._servers

    def _read(self) -> None:
        if self._path == NO_FILE:
            return
        stamp = _stamp(self._path)
        if stamp != self._stamp:
            self._stamp = stamp
            self._servers = servers_of(self._path.read_text(encoding="utf-8")) if stamp else {}


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """Return what changes when the file is rewritten or replaced; None if there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def servers_of(text: str) -> Mapping[str, _Server]:
    """Return the servers of a file's text. Raises ValueError that lists every fault; no fault
    repeats a secret.
    """
    tables = tomllib.loads(text).get("servers", {})
    if not isinstance(tables, dict) or not tables:
        raise ValueError("there is no table [servers.NAME]")
    faults = [fault for name, table in tables.items() for fault in _faults(name, table)]
    if faults:
        raise ValueError("\n".join(faults))
    return dict(_made(tables))


def _made(tables: Mapping[str, Table]) -> Iterator[tuple[str, _Server]]:
    faults: list[str] = []
    for name, table in tables.items():
        try:
            yield name, _server(name, table)
        except ValueError as error:
            faults.append(f"[servers.{name}] {error}")
    if faults:
        raise ValueError("\n".join(faults))


def _server(name: str, table: Table) -> _Server:
    kind = _KINDS[table["provider"]]
    given = {key: value for key, value in table.items() if key not in _OF_ALL}
    return _Server(ServerRoom(name, table.get("capacity", 0)), kind.adapter(**given))


def _faults(name: str, table: Any) -> Iterator[str]:
    """Yield what is wrong with a table."""
    at = f"[servers.{name}]"
    if not _NAME.fullmatch(name):
        yield f"{at} is no name; right would be up to 63 of a-z, 0-9 and -"
    if not isinstance(table, dict) or table.get("provider") not in _KINDS:
        yield f"{at} provider is missing or unknown; right would be {', '.join(_KINDS)}"
        return
    kind = _KINDS[table["provider"]]
    yield from _field_faults(at, table, kind)
    capacity = table.get("capacity", 0)
    if type(capacity) is not int or not 0 <= capacity <= LARGEST_CAPACITY:
        yield f"{at} capacity is {capacity!r}; right would be 0 to {LARGEST_CAPACITY}"


def _field_faults(at: str, table: Table, kind: _Kind) -> Iterator[str]:
    fields: Sequence[str] = (*kind.needed, *kind.allowed)
    for field in fields:
        value = table.get(field)
        if (field in kind.needed and value is None) or value == "":
            yield f"{at} {field} is missing"
        elif value is not None and not isinstance(value, str):
            yield f"{at} {field} is no text"
    for field in sorted(table.keys() - {*fields, *_OF_ALL}):
        yield f"{at} {field} is unknown; known are {', '.join(sorted({*fields, *_OF_ALL}))}"
