"""RabbitMQ's management HTTP API, for users, rights and policies, which AMQP can't change."""

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import pika

from campus.consumers.errors import BrokerRefuses

TIMEOUT = 60
"""Seconds for one request."""


class Management:
    """The API as the user of an AMQP URL, for the virtual host of that URL.

    Methods raise BrokerRefuses, and OSError if nothing answers.
    """

    def __init__(self, url: str, amqp_url: str) -> None:
        """`url`: such as http://host:15672; the user is that of `amqp_url`."""
        found = pika.URLParameters(amqp_url)
        self.vhost = str(found.virtual_host)
        self._url = url.rstrip("/")
        parts = urlsplit(amqp_url)
        self._user = unquote(parts.username or "guest")
        login = f"{self._user}:{unquote(parts.password or 'guest')}"
        self._authorization = f"Basic {base64.b64encode(login.encode()).decode()}"

    def get(self, *path: str) -> Any:
        """Return what is at a path below /api/; None if nothing is."""
        return self._call("GET", path)

    def put(self, body: Mapping[str, Any], *path: str) -> None:
        """Make what is at a path so; repeating it is harmless."""
        self._call("PUT", path, body)

    def delete(self, *path: str) -> None:
        """Remove what is at a path, if there is anything."""
        self._call("DELETE", path)

    def _call(self, method: str, path: tuple[str, ...], body: Any = None) -> Any:
        place = "/".join(quote(each, safe="") for each in path)
        request = urllib.request.Request(  # noqa: S310 - the operator's own URL
            f"{self._url}/api/{place}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": self._authorization, "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
                return json.loads(answer.read() or "null")
        except urllib.error.HTTPError as error:
            with error:
                if error.code == HTTPStatus.NOT_FOUND and method != "PUT":
                    return None
                raise BrokerRefuses(self._why(error, f"{method} {place}")) from error
        except ValueError as error:
            raise BrokerRefuses(f"{self._url} is no management API: {error}") from error

    def _why(self, error: urllib.error.HTTPError, what: str) -> str:
        if error.code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            return (
                f"the broker's user {self._user} may not {what}; use an administrator "
                "(docs/operators.md, Other systems)"
            )
        return f"the broker's management API answers {error.code} to {what}: {_text(error)}"


def _text(error: urllib.error.HTTPError) -> str:
    return error.read(1_000).decode(errors="replace")
