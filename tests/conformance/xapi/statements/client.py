"""The statements resource over HTTP, as clients of one version call it."""

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from services.progress.domain.xapi.versions import Version
from services.progress.xapi.multipart import Attachment, write
from tests.conformance.xapi.http.conftest import Answer, Lrs
from tests.conftest import FakeClock

Json = dict[str, Any]
JSON = "application/json"
ACTOR: Json = {"objectType": "Agent", "mbox": "mailto:ana@uni.example"}
VOIDED = "http://adlnet.gov/expapi/verbs/voided"


def unique(kind: str = "x") -> str:
    """Return an IRI that no other test uses."""
    return f"https://uni.example/{kind}/{uuid.uuid4()}"


def statement(**parts: Any) -> Json:
    """Return a valid statement with an id of its own; `parts` replaces its parts."""
    whole: Json = {
        "id": str(uuid.uuid4()),
        "actor": ACTOR,
        "verb": {"id": "https://uni.example/did", "display": {"en": "did", "de": "tat"}},
        "object": {"objectType": "Activity", "id": "https://uni.example/a"},
    }
    return whole | parts


def referring(to: str, verb: str = "https://uni.example/saw") -> Json:
    """Return a statement that refers to another."""
    return statement(verb={"id": verb}, object={"objectType": "StatementRef", "id": to})


def attachment(data: bytes, **parts: Any) -> Json:
    """Return the attachment of some data, as a statement describes it."""
    described: Json = {
        "usageType": "https://uni.example/usage",
        "display": {"en": "notes"},
        "contentType": "text/plain",
        "length": len(data),
        "sha2": hashlib.sha256(data).hexdigest(),
    }
    return described | parts


@dataclass
class Statements:
    """The statements resource, in one version."""

    lrs: Lrs
    clock: FakeClock
    version: Version
    authorization: str

    def send(
        self,
        method: str,
        parameters: Mapping[str, str] | None = None,
        body: bytes | None = None,
        **headers: str,
    ) -> Answer:
        """Send a request, a moment after the last one."""
        self.clock.forward(milliseconds=1)
        named = {
            "Authorization": self.authorization,
            "X_Experience_API_Version": self.version.value,
            "Content_Type": JSON,
        }
        return self.lrs.send(method, "/statements", parameters or {}, body, **{**named, **headers})

    def post(self, *statements: Json, **headers: str) -> Answer:
        """Store statements, one as an object and several as a list."""
        value = statements[0] if len(statements) == 1 else statements
        return self.send("POST", {}, json.dumps(value).encode(), **headers)

    def put(self, id_: str, value: Json) -> Answer:
        """Store a statement by PUT."""
        return self.send("PUT", {"statementId": id_}, json.dumps(value).encode())

    def post_with(self, value: Json | list[Json], *data: bytes) -> Answer:
        """Store statements with the data of attachments."""
        parts = [Attachment(hashlib.sha256(each).hexdigest(), each, "text/plain") for each in data]
        body, content_type = write(json.dumps(value).encode(), parts)
        return self.send("POST", {}, body, Content_Type=content_type)

    def get(self, **parameters: str) -> Answer:
        """Get statements."""
        return self.send("GET", parameters)

    def ids(self, **parameters: str) -> list[str]:
        """Return the ids that a query finds, on all pages."""
        found: list[str] = []
        while parameters:
            page = self.get(**parameters)
            assert page.status == 200
            found += [each["id"] for each in page.json["statements"]]
            parameters = dict(parse_qsl(urlsplit(page.json["more"]).query))
        return found
