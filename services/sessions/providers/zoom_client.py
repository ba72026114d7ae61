"""Calls of Zoom's API: developers.zoom.us/docs/api, by server-to-server OAuth.

A token lasts an hour, can't be refreshed, and others stay valid beside it (/docs/internal-apps), so
each process keeps one of its own.
"""

import base64
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from services.sessions.providers.http import (
    Answer,
    Limits,
    call,
    is_safe,
    require_safe,
    require_success,
)
from services.sessions.providers.port import ProviderAway, ProviderRefused

API = "https://api.zoom.us/v2"
OAUTH = "https://zoom.us/oauth/token"
_DOMAINS = (".zoom.us", ".zoomgov.com")
_EARLY = 60.0
"""Seconds before its end that a token is not used any more: a call takes time."""
_PAGE = 300
"""The most that a page may have."""
_MOST_PAGES = 100


class Unknown(ProviderRefused):
    """Zoom does not know the object (any more)."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the page of the app shows, at App Credentials."""

    account_id: str
    client_id: str
    client_secret: str = field(repr=False)


class ZoomClient:
    """Zoom's API for one app."""

    def __init__(
        self,
        credentials: Credentials,
        *,
        api: str = API,
        oauth: str = OAUTH,
        limits: Limits | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises ValueError for a URL that is not of HTTPS."""
        self.api, self._oauth = require_safe(api).rstrip("/"), require_safe(oauth)
        self._credentials, self.limits = credentials, limits or Limits()
        self._monotonic = monotonic
        self._token, self._until = "", 0.0

    def get(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Return an object. Raises ProviderAway, ProviderRefused, and Unknown of these."""
        return self._call("GET", f"{path}?{urlencode(query)}" if query else path)

    def send(self, method: str, path: str, body: Mapping[str, object]) -> dict[str, Any]:
        """Send an object and return the answer, empty if it has no body. Raises as `get`."""
        return self._call(method, path, json.dumps(body).encode())

    def pages(self, path: str, name: str, query: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """Return the objects of the list `name` of all pages. Raises as `get`."""
        asked = {**query, "page_size": str(_PAGE)}
        for _ in range(_MOST_PAGES):
            page = self.get(path, asked)
            yield from objects(page.get(name))
            token = page.get("next_page_token")
            if not token:
                return
            asked["next_page_token"] = str(token)
        raise ProviderAway(f"its list {name} does not end")

    def token(self) -> str:
        """Return a token that is good for a while. Raises ProviderAway and ProviderRefused."""
        if self._monotonic() >= self._until:
            self._renew()
        return self._token

    def is_own(self, url: str) -> bool:
        """Return whether a URL is Zoom's, so that it may see the token."""
        host = urlsplit(url).hostname if is_safe(url) else None
        return bool(host) and (host == urlsplit(self.api).hostname or f".{host}".endswith(_DOMAINS))

    def _call(self, method: str, path: str, body: bytes = b"") -> dict[str, Any]:
        answer = self._try(method, path, body)
        if answer.status == 401:  # the token was revoked early, or the clocks went apart
            self._until = 0.0
            answer = self._try(method, path, body)
        _require_known(answer)
        require_success(answer, _explanation(answer))
        return _object(answer.body) if answer.body else {}

    def _try(self, method: str, path: str, body: bytes) -> Answer:
        headers = {"authorization": f"Bearer {self.token()}"}
        if body:
            headers["content-type"] = "application/json"
        return call(method, self.api + path, headers=headers, body=body, limits=self.limits)

    def _renew(self) -> None:
        mine = self._credentials
        basic = base64.b64encode(f"{mine.client_id}:{mine.client_secret}".encode()).decode()
        asked = {"grant_type": "account_credentials", "account_id": mine.account_id}
        started = self._monotonic()
        answer = call(
            "POST",
            f"{self._oauth}?{urlencode(asked)}",
            headers={"authorization": f"Basic {basic}"},
            limits=self.limits,
        )
        require_success(answer, _explanation(answer))
        told = _object(answer.body)
        lasts = told.get("expires_in")
        if not isinstance(lasts, int):
            raise ProviderAway("it does not tell how long its token lasts")
        self._token, self._until = words(told, "access_token"), started + lasts - _EARLY


def objects(value: object) -> Iterator[dict[str, Any]]:
    """Return the objects of a list, none if it is missing. Raises ProviderAway for others."""
    for each in value if isinstance(value, list) else []:
        if not isinstance(each, dict):
            raise ProviderAway("its answer has a list of something else than objects")
        yield each


def words(told: Mapping[str, Any], name: str) -> str:
    """Return a text of an answer, empty if it is missing. Raises ProviderAway for others."""
    found = told.get(name, "")
    if not isinstance(found, str):
        raise ProviderAway(f"its answer has something else than a text as {name}")
    return found


def in_path(part: str) -> str:
    """Return an id as a part of a path.

    One that begins with / or has // is encoded twice (section "Get meeting recordings" of the API).
    """
    once = quote(part, safe="")
    return quote(once, safe="") if part.startswith("/") or "//" in part else once


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ProviderAway("its answer is no JSON object")
    return found


def _require_known(answer: Answer) -> None:
    if answer.status == 404:
        raise Unknown(f"it does not know this: {_explanation(answer)}")


def _explanation(answer: Answer) -> str:
    """Return code and message of a failure, or the reason of one of OAuth (docs/api/errors)."""
    if answer.status < 400:
        return ""
    try:
        told = _object(answer.body)
    except ProviderAway:
        return ""
    return " ".join(str(told[name]) for name in ("code", "message", "reason") if name in told)
