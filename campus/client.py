"""Callers of a running platform."""

import json
import urllib.request
from datetime import timedelta
from typing import Any, TypeVar

import grpc
from google.protobuf import json_format
from google.protobuf.message import Message

from campus.attending import Attending
from campus.persisting import Persisting
from campus.platform import ROLES, Platform
from campus.services import Services, calling_with

M = TypeVar("M", bound=Message)


class Campus:
    """Connections to a running platform, one for each service and one for live channels.

    All callers share them.
    """

    def __init__(self, platform: Platform) -> None:
        self._identity, self._platform = platform.identity, platform
        self._channels = {name: grpc.insecure_channel(platform.target(name)) for name in ROLES}
        self._live = grpc.insecure_channel(platform.target("sessions", "live"))

    def calling_as(self, subject: str, *roles: str) -> Services:
        """Return the services on behalf of `subject` with `roles` (lower case)."""
        return calling_with(self._identity.mint(subject, roles), self._channels)

    def persisting_as(self, subject: str, *roles: str, lifetime: timedelta) -> Services:
        """Return them for long work: a call is repeated while a service is away (persisting.py)."""
        token = self._identity.mint(subject, roles, lifetime)
        persisting = {
            name: grpc.intercept_channel(each, Persisting())
            for name, each in self._channels.items()
        }
        return calling_with(token, persisting)

    def post(self, service: str, path: str, subject: str, request: Message, answer: type[M]) -> M:
        """Call a unary RPC by HTTP, like a page in a browser. Raises HTTPError."""
        headers = {
            "authorization": f"Bearer {self._identity.mint(subject, ['learner'])}",
            "content-type": "application/json",
        }
        url = f"{self._platform.url(service)}/{path}"
        body = json_format.MessageToJson(request).encode()
        sent = urllib.request.Request(url, body, headers)  # noqa: S310 (our own platform)
        with urllib.request.urlopen(sent, timeout=30) as found:  # noqa: S310
            return json_format.Parse(found.read(), answer())

    @property
    def xapi_url(self) -> str:
        """Return the address of the LRS."""
        return f"{self._platform.url('progress')}/xapi"

    def xapi(self, subject: str, path: str, content: object = None) -> Any:
        """Call the LRS by xAPI 1.0.3 as a learner: POST `content` as JSON; without it, GET.

        Raises HTTPError.
        """
        headers = {
            "authorization": f"Bearer {self._identity.mint(subject, ['learner'])}",
            "content-type": "application/json",
            "x-experience-api-version": "1.0.3",
        }
        body = None if content is None else json.dumps(content).encode()
        url = f"{self.xapi_url}/{path}"
        sent = urllib.request.Request(url, body, headers)  # noqa: S310 (our own platform)
        with urllib.request.urlopen(sent, timeout=30) as found:  # noqa: S310
            return json.load(found)

    def attend(self, subject: str, role: str, session_id: str) -> Attending:
        """Return a stream of a person in the live channel of a class."""
        token = self._identity.mint(subject, [role])
        return Attending(self._live, token, session_id)

    def close(self) -> None:
        """Close the connections."""
        for channel in (*self._channels.values(), self._live):
            channel.close()
