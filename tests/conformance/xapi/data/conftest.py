"""The LRS that the tests of conformance ask."""

import base64
import json
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

import pytest

from chassis.data.store import Database
from chassis.edge.server import Server
from chassis.errors import Invalid
from chassis.testing import Issuer, settings_for
from services.progress.domain.xapi.completed import with_server_fields
from services.progress.domain.xapi.parsing import parse_json
from services.progress.domain.xapi.validation import violations_of
from services.progress.domain.xapi.versions import Version
from services.progress.store import ProgressStore
from services.progress.store_definitions import ActivityDefinitions
from services.progress.usecases.credentials import CreateLrsCredential, create_lrs_credential
from services.progress.xapi.lrs import lrs as endpoints
from services.progress.xapi.signatures import signature_violations
from tests.conformance.xapi.resources import BASE, Resources
from tests.conftest import FakeClock
from tests.databases import Databases

Json = Any


class Lrs(Protocol):
    """What the tests of the data model ask of an LRS."""

    def takes(
        self, statement: Json, version: Version, attachments: Mapping[str, bytes] | None = None
    ) -> bool:
        """Whether it stores a statement; `attachments` by SHA-2 hash."""
        ...

    def takes_bytes(self, body: bytes, version: Version) -> bool:
        """Whether it stores what stands in a body."""
        ...

    def returned(self, statement: Json, version: Version) -> Json:
        """A statement as it comes back after it was stored, in the format exact."""
        ...


class DataModel:
    """The rules alone, without store and HTTP."""

    def takes(
        self, statement: Json, version: Version, attachments: Mapping[str, bytes] | None = None
    ) -> bool:
        """Whether the rules find no fault."""
        if violations_of(statement, version):
            return False
        return not signature_violations(statement, attachments or {}, version)

    def takes_bytes(self, body: bytes, version: Version) -> bool:
        """Whether the body is JSON in which the rules find no fault."""
        try:
            return self.takes(parse_json(body), version)
        except Invalid:
            return False

    def returned(self, statement: Json, version: Version) -> Json:
        """The statement as it is stored, through JSON and back."""
        read = parse_json(json.dumps(statement).encode())
        assert violations_of(read, version) == []
        authority = {"account": {"homePage": "https://lrs.example", "name": "tests"}}
        at = datetime.now(UTC)
        return with_server_fields(
            read, id_=str(uuid.uuid4()), stored=at, authority=authority, version=version
        )


@pytest.fixture(scope="session")
def lrs() -> Lrs:
    """The LRS under test."""
    return DataModel()


@pytest.fixture(scope="session")
def xapi_clock() -> FakeClock:
    """The clock of the LRS."""
    return FakeClock()


@pytest.fixture(scope="session")
def xapi_database(databases: Databases, xapi_clock: FakeClock) -> Iterator[Database[ProgressStore]]:
    """Progress's database, one for all tests; each test names things of its own."""
    database = databases.take(ProgressStore, xapi_clock)
    yield database
    databases.give_back(ProgressStore, database.mongo.name)


@pytest.fixture(scope="session")
def xapi_port(
    xapi_database: Database[ProgressStore], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[int]:
    """The port of an LRS behind the real edge."""
    jwks = Issuer().write_jwks(tmp_path_factory.mktemp("lrs") / "jwks.json")
    chosen = settings_for(jwks)
    server = Server(chosen, "tests", xapi_database, [], endpoints=endpoints(xapi_database, BASE))
    server.start()
    yield server.http_port
    server.drain(chosen.drain)


@pytest.fixture(params=Version, ids=lambda each: each.value)
def documents(
    xapi_port: int, xapi_database: Database[ProgressStore], request: pytest.FixtureRequest
) -> Iterator[Resources]:
    """The resources of documents, agents and activities, in each version."""
    command = CreateLrsCredential("all", ("all",), ())
    made = xapi_database.transact(lambda store: create_lrs_credential(store, command, "tests"))
    pair = f"{made.credential.id}:{made.secret}".encode()
    basic = f"Basic {base64.b64encode(pair).decode()}"
    definitions = ActivityDefinitions(xapi_database.mongo)
    resources = Resources(xapi_port, basic, request.param, definitions)
    yield resources
    resources.close()
