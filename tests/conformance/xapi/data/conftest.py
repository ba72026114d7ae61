"""The LRS that the tests of conformance ask."""

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

import pytest

from chassis.errors import Invalid
from services.progress.domain.xapi.completed import with_server_fields
from services.progress.domain.xapi.parsing import parse_json
from services.progress.domain.xapi.validation import violations_of
from services.progress.domain.xapi.versions import Version
from services.progress.xapi.signatures import signature_violations

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
