"""An LRS behind the real edge: with its own resources, or with some that tell what they get."""

import base64
import http.client
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest

from chassis.data.store import Database
from chassis.edge.server import Server
from chassis.testing import Issuer, settings_for
from services.progress.store import ProgressStore
from services.progress.usecases.credentials import CreateLrsCredential, create_lrs_credential
from services.progress.xapi.exchange import XapiAnswer, XapiRequest
from services.progress.xapi.lrs import endpoints_of
from services.progress.xapi.routes import (
    ACTIVITIES,
    ACTIVITY_PROFILE,
    AGENT_PROFILE,
    AGENTS,
    STATE,
    STATEMENTS,
    XapiRoute,
    routes,
)

BASE = "https://lrs.example/xapi"
TABLE = {
    "/statements": STATEMENTS,
    "/activities": ACTIVITIES,
    "/activities/state": STATE,
    "/activities/profile": ACTIVITY_PROFILE,
    "/agents": AGENTS,
    "/agents/profile": AGENT_PROFILE,
}
"""The operations of each resource that needs credentials, by its path."""


class Answer(NamedTuple):
    """An answer of the LRS; names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Its body."""
        return json.loads(self.body)


@dataclass
class Lrs:
    """An LRS, its callers, and what its resources were asked."""

    server: Server
    database: Database[ProgressStore]
    asked: list[XapiRequest] = field(default_factory=list)
    paths: Sequence[str] = ()
    """Those of its own resources."""

    def credential(self, *scopes: str, run_ids: tuple[str, ...] = ()) -> str:
        """The header Authorization of a new credential, as a client makes it."""
        command = CreateLrsCredential("a client", scopes, run_ids)
        made = self.database.transact(lambda store: create_lrs_credential(store, command, "reg"))
        pair = f"{made.credential.id}:{made.secret}"
        return "Basic " + base64.b64encode(pair.encode()).decode()

    def send(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str] | str = "",
        body: bytes | None = None,
        /,
        **headers: str,
    ) -> Answer:
        """Send a request as it is; names in `headers` are written with underscores."""
        query = parameters if isinstance(parameters, str) else urlencode(parameters)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        address = ("127.0.0.1", self.server.http_port)
        with closing(http.client.HTTPConnection(*address, timeout=60)) as connection:
            target = f"/xapi{path}?{query}" if query else f"/xapi{path}"
            connection.request(method, target, body, named)
            found = connection.getresponse()
            names = {name.lower(): value for name, value in found.getheaders()}
            return Answer(found.status, names, found.read())


@pytest.fixture(scope="module")
def told_lrs(
    xapi_database: Database[ProgressStore], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lrs]:
    """The LRS of `lrs`, one for all tests of a module."""
    asked: list[XapiRequest] = []

    def told(request: XapiRequest) -> XapiAnswer:
        asked.append(request)
        return XapiAnswer(200, b'{"told": true}', "application/json")

    public = [route for route in routes(xapi_database, BASE) if route.is_public]
    told_of = [XapiRoute(path, operations, told) for path, operations in TABLE.items()]
    folder = tmp_path_factory.mktemp("told")
    with serving(xapi_database, [*public, *told_of], folder) as server:
        yield Lrs(server, xapi_database, asked)


@pytest.fixture
def lrs(told_lrs: Lrs) -> Lrs:
    """An LRS that runs; its resources tell `asked`, but for those that need no credentials."""
    told_lrs.asked.clear()
    return told_lrs


@pytest.fixture(scope="module")
def real_lrs(
    xapi_database: Database[ProgressStore], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lrs]:
    """An LRS that runs, with the resources that it has."""
    resources = routes(xapi_database, BASE)
    with serving(xapi_database, resources, tmp_path_factory.mktemp("real")) as server:
        yield Lrs(server, xapi_database, paths=[each.path for each in resources])


@contextmanager
def serving(
    database: Database[ProgressStore], resources: Sequence[XapiRoute], folder: Path
) -> Iterator[Server]:
    """Serve resources behind the real edge."""
    chosen = settings_for(Issuer().write_jwks(folder / "jwks.json"))
    endpoints = endpoints_of(database, BASE, resources)
    server = Server(chosen, "tests", database, [], endpoints=endpoints)
    server.start()
    yield server
    server.drain(chosen.drain)


@pytest.fixture(scope="module")
def whole(told_lrs: Lrs) -> str:
    """The header Authorization of a client that may do everything."""
    return told_lrs.credential("all")
