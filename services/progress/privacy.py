"""What progress holds of a person, and how it forgets one (docs/privacy.md)."""

import json
import re
from collections.abc import Sequence
from typing import Any

from bson.binary import Binary
from tandem.catalog.v1.events_pb2 import PersonErased

from chassis.contracts.events import Event
from chassis.data.migrations import Mongo
from chassis.jobs import Jobs
from chassis.messaging.subscriptions import Subscription
from chassis.privacy.erasing import asked, erasing
from chassis.privacy.holdings import (
    Deleted,
    Document,
    Emptied,
    Holding,
    Kept,
    Query,
    Rewritten,
    of,
)
from chassis.replicas import upsert_if_newer
from services.progress.domain.people import Person
from services.progress.domain.xapi.index_keys import OWN, Tag, key
from services.progress.store import ProgressStore

_RAW = ("raw", "attachments", "attached")


def subscription() -> Subscription[ProgressStore]:
    """Return the subscription to people who are to be forgotten."""
    return Subscription("progress.erasures", (PersonErased,), _erasures)


def jobs() -> Jobs[ProgressStore]:
    """Return the jobs that erase people."""
    return erasing("progress", HOLDINGS)


def _erasures(store: ProgressStore, events: Sequence[Event[Any]]) -> None:
    upsert_if_newer(store, Person, [_nobody(event) for event in events])
    asked(store, events)


def _nobody(event: Event[Any]) -> Person:
    return Person(event.data.person_id, "", event.sequence)


def _with_key(*keys: bytes) -> Document:
    among = {"$in": [Binary(each) for each in keys]}
    return {"$or": [{"keys": among}, {"hidden": among}]}


def _own(_: Mongo, person_id: str) -> Document:
    """Return the query for statements of the person that the LRS alone knows."""
    return {"learner_id": None, **_with_key(key(Tag.PERSON, person_id))}


def _naming(_: Mongo, person_id: str) -> Document:
    """Return the query for statements of others that name the person, such as an instructor."""
    account = f"account {OWN} {person_id}"
    tags = Tag.AGENT, Tag.RELATED_AGENT
    named = _with_key(*(key(tag, account) for tag in tags))
    return {"learner_id": {"$ne": person_id}, "raw": {"$exists": True}, **named}


def _attachments(mongo: Mongo, person_id: str) -> Document:
    """Return the query for data of the person's statements that no statement of others has."""
    mine = {"$or": [{"learner_id": person_id}, _own(mongo, person_id)]}
    hashes = mongo["statements"].distinct("attachments", mine)
    shared = mongo["statements"].distinct(
        "attachments", {"attachments": {"$in": hashes}, "$nor": [mine]}
    ) if hashes else []  # fmt: skip
    return {"_id": {"$in": [*{*hashes} - {*shared}]}}


def _by_agent(field: str) -> Query:
    """Return the query for documents of the account whose name is the person's id."""

    def query(_: Mongo, person_id: str) -> Document:
        return {field: {"$regex": rf"^account \S+ {re.escape(person_id)}$"}}

    return query


def _without_name(row: Document, person_id: str) -> dict[str, Any]:
    """Return a statement without the name that it gives to a person's account."""
    statement = json.loads(bytes(row["raw"]))
    if not _take_name(statement, person_id):
        return {}
    return {"raw": Binary(json.dumps(statement, ensure_ascii=False).encode())}


def _take_name(value: Any, person_id: str) -> bool:
    """Take the name from each agent in a statement whose account is the person's; return whether
    there was one.
    """
    taken = False
    if isinstance(value, dict):
        account = value.get("account")
        is_theirs = isinstance(account, dict) and account.get("name") == person_id
        taken = is_theirs and value.pop("name", None) is not None
    inner = value.values() if isinstance(value, dict) else value
    if isinstance(value, dict | list):
        for each in inner:
            taken |= _take_name(each, person_id)
    return taken


HOLDINGS = (
    Holding(
        kind="people",
        collection="people",
        what="the person's time zone",
        query=of("_id"),
        disposal=Kept("without the zone, which PersonErased takes away at once"),
    ),
    Holding(
        kind="run states",
        collection="standings",
        what="where the person stands in each run: completion, dues, attendance, scores",
        query=of("learner_id"),
        disposal=Kept("the university's record of what was achieved, by id"),
    ),
    Holding(
        kind="evidence",
        collection="evidence",
        what="what the person's statements prove: completion, watched parts, scores",
        query=of("learner_id"),
        disposal=Kept("the university's record of what was achieved, by id"),
    ),
    Holding(
        kind="catch-ups",
        collection="catch_ups",
        what="what the person was to study after an absence",
        query=of("learner_id"),
        disposal=Kept("attendance follows from it; by id"),
    ),
    Holding(
        kind="study hours",
        collection="study_hours",
        what="when the person studies",
        query=of("_id"),
        disposal=Deleted(),
    ),
    Holding(
        kind="attachments",
        collection="attachments",
        what="data that came with the person's statements",
        query=_attachments,
        disposal=Deleted(),
    ),
    Holding(
        kind="statements",
        collection="statements",
        what="statements of what the person did",
        query=of("learner_id"),
        disposal=Kept(
            "progress is built of them anew (RebuildRun); verb, object and result, by id"
        ),
    ),
    Holding(
        kind="texts of statements",
        collection="statements",
        what="the statements as they were sent, with names, texts and extensions",
        query=lambda _, person_id: {"learner_id": person_id, "raw": {"$exists": True}},
        disposal=Emptied({}, _RAW),
        told=False,
    ),
    Holding(
        kind="other statements",
        collection="statements",
        what="statements of the person about what is no part of a run",
        query=_own,
        disposal=Deleted(),
    ),
    Holding(
        kind="statements of others",
        collection="statements",
        what="the person's name in statements of others",
        query=_naming,
        disposal=Rewritten(_without_name),
        told=False,
    ),
    Holding(
        kind="documents",
        collection="xapi_documents",
        what="documents of the LRS about the person: states and profiles",
        query=_by_agent("agent"),
        disposal=Deleted(),
    ),
    Holding(
        kind="room of documents",
        collection="xapi_rooms",
        what="how much these documents take",
        query=_by_agent("_id.name"),
        disposal=Deleted(),
        told=False,
    ),
    Holding(
        kind="launches",
        collection="cmi5_sessions",
        what="launches of cmi5 units",
        query=of("learner_id"),
        disposal=Kept("the university's record of what was achieved, by id"),
    ),
    Holding(
        kind="registrations",
        collection="cmi5_registrations",
        what="registrations of cmi5 units",
        query=of("learner_id"),
        disposal=Kept("the university's record of what was achieved, by id"),
    ),
    Holding(
        kind="credentials",
        collection="lrs_credentials",
        what="credentials of the LRS that the person made",
        query=of("created_by"),
        disposal=Kept("other systems use them; who made them, by id"),
        shown={"name": 1, "created_at": 1},
    ),
    Holding(
        kind="rebuilds",
        collection="rebuilds",
        what="rebuilds of runs that the person asked for",
        query=of("requested_by"),
        disposal=Kept("who decided, by id"),
        shown={"requested_at": 1},
    ),
)
