"""The statements resource on a real MongoDB, as clients with several rights call it."""

import json
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from chassis.data.store import Database
from services.progress.domain.xapi.clients import Client, Scope
from services.progress.domain.xapi.places import activity_iri, item_iri, person_iri, run_iri
from services.progress.domain.xapi.versions import Version
from services.progress.store import ProgressStore
from services.progress.store_definitions import ActivityDefinitions
from services.progress.xapi.exchange import XapiAnswer, XapiRequest
from services.progress.xapi.statements import StatementsResource
from tests.conftest import FakeClock

BASE = "https://progress.uni.example/xapi"
ADL = "http://adlnet.gov/expapi/verbs/"
VOIDED = f"{ADL}voided"
TOOL = {"mbox": "mailto:tool@uni.example"}
JSON = "application/json"
Json = dict[str, Any]


def client(name: str = "lrs:tool", *scopes: Scope, **rights: Any) -> Client:
    """Return a client; without scopes it may do everything."""
    return Client(name, person_iri(BASE, name), frozenset(scopes or {Scope.ALL}), **rights)


def learner(learner_id: str) -> Client:
    """Return the client that a learner is."""
    scopes = (Scope.STATEMENTS_WRITE, Scope.STATEMENTS_READ_MINE)
    return client(learner_id, *scopes, learner_id=learner_id)


def said(verb: str = f"{ADL}experienced", **more: Any) -> Json:
    """Return a statement of nothing of ours, with a new id; `more` replaces its parts."""
    return {
        "id": str(uuid.uuid4()),
        "actor": TOOL,
        "verb": {"id": verb},
        "object": {"id": "https://uni.example/a"},
    } | more


def about(learner_id: str, verb: str = "completed", *, item: str = "", **more: Any) -> Json:
    """Return a statement of a learner's progress: on the activity quiz of run-1, or an item."""
    target = item_iri(BASE, item) if item else activity_iri(BASE, "run-1", "quiz")
    parents = {"contextActivities": {"parent": [{"id": run_iri(BASE, "run-1")}]}}
    actor = person_iri(BASE, learner_id)
    return said(f"{ADL}{verb}", actor=actor, object={"id": target}, context=parents) | more


def refers(to: str, verb: str = f"{ADL}commented", **more: Any) -> Json:
    """Return a statement that refers to another."""
    return said(verb, object={"objectType": "StatementRef", "id": to}, **more)


def voids(id_: str, **more: Any) -> Json:
    """Return a statement that voids another."""
    return refers(id_, VOIDED, **more)


class Lrs:
    """The statements resource."""

    def __init__(self, database: Database[ProgressStore], clock: FakeClock) -> None:
        self.database, self.clock = database, clock
        self.resource = StatementsResource(database, ActivityDefinitions(database.mongo), BASE)
        self.client = client()

    def ask(
        self,
        method: str,
        parameters: Mapping[str, str] | None = None,
        body: bytes = b"",
        by: Client | None = None,
        *,
        content_type: str = JSON,
        version: Version = Version.V1_0_3,
        headers: Mapping[str, str] | None = None,
    ) -> XapiAnswer:
        """Ask the resource."""
        asked = (method, version, by or self.client, parameters or {}, headers or {})
        request = XapiRequest(*asked, body, content_type)
        return self.resource.answer(request, self.resource.through(request))

    def post(self, *statements: Json, by: Client | None = None) -> list[str]:
        """Store statements, one as an object and several as a list; return their ids."""
        value = statements[0] if len(statements) == 1 else statements
        ids: list[str] = json.loads(self.ask("POST", body=json.dumps(value).encode(), by=by).body)
        return ids

    def put(self, id_: str, statement: Json, by: Client | None = None) -> XapiAnswer:
        """Store a statement by PUT."""
        return self.ask("PUT", {"statementId": id_}, json.dumps(statement).encode(), by)

    def one(self, id_: str, by: Client | None = None, *, voided: bool = False) -> Json:
        """Return a statement by its id."""
        name = "voidedStatementId" if voided else "statementId"
        found: Json = json.loads(self.ask("GET", {name: id_}, by=by).body)
        return found

    def page(self, by: Client | None = None, **parameters: str) -> Json:
        """Return a page, a moment later."""
        self.clock.forward(milliseconds=1)
        found: Json = json.loads(self.ask("GET", parameters, by=by).body)
        return found

    def ids(self, by: Client | None = None, **parameters: str) -> list[str]:
        """Return the ids of all pages."""
        page = self.page(by, **parameters)
        found = [each["id"] for each in page["statements"]]
        while page["more"]:
            page = self.page(by, **dict(parse_qsl(urlsplit(page["more"]).query)))
            found += [each["id"] for each in page["statements"]]
        return found
