"""What notify holds of a person, and how it forgets one (docs/privacy.md)."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from bson.binary import Binary
from tandem.catalog.v1.events_pb2 import PersonErased

from chassis.contracts.events import Event
from chassis.contracts.redaction import personal_types, redacted
from chassis.data.migrations import Mongo
from chassis.jobs import Jobs
from chassis.messaging.subscriptions import Subscription
from chassis.privacy.erasing import COLLECTION, asked, erasing
from chassis.privacy.holdings import (
    TAKEN_OUT,
    Deleted,
    Document,
    Holding,
    Kept,
    Rewritten,
    of,
    under,
)
from chassis.replicas import upsert_if_newer
from services.notify.domain.enums import Kind
from services.notify.domain.people import Person
from services.notify.store import NotifyStore

# So much later, what was under way when a person was erased has come: events wait for a day.
LATEST = timedelta(days=2, hours=1)
# Kinds of messages to others that quote questions of learners.
_QUOTING = (Kind.QUESTION_CARRIED_OVER.value, Kind.QUESTIONS_WAITING.value)


def subscription() -> Subscription[NotifyStore]:
    """Return the subscription to people who are to be forgotten."""
    return Subscription("notify.erasures", (PersonErased,), _erasures)


def jobs() -> Jobs[NotifyStore]:
    """Return the jobs that erase people."""
    return erasing("notify", HOLDINGS)


def _erasures(store: NotifyStore, events: Sequence[Event[Any]]) -> None:
    """Take names and addresses of people away at once, so that no mail reaches them any more."""
    upsert_if_newer(store, Person, [_nobody(event) for event in events])
    asked(store, events)


def _nobody(event: Event[Any]) -> Person:
    who, at = event.data.person_id, event.time
    return Person(who, "", "", "en", "UTC", sequence=event.sequence, retired_at=at)


def _runs(mongo: Mongo, person_id: str) -> Document:
    """Return the query for what belongs to the runs in which the person is or was a learner."""
    return {"run_id": {"$in": mongo["enrolments"].distinct("run_id", {"learner_id": person_id})}}


def _quotes(mongo: Mongo, person_id: str) -> Document:
    """Return the query for messages that may quote the person: not for what was written so late
    that no event of the person can have caused it.
    """
    written = {"created_at": {"$lte": _erasure(mongo, person_id)["requested"][-1]["at"] + LATEST}}
    quoting = {"kind": {"$in": [*_QUOTING]}, "body": {"$ne": TAKEN_OUT}}
    return {**_runs(mongo, person_id), **quoting, **written}


def _without_quotes(message: Document, _: str) -> dict[str, Any]:
    """Return a message without the questions that it quotes; it does not tell whose they are."""
    values = {
        "questions": [TAKEN_OUT for _ in message["values"].get("questions", ())],
        "question": TAKEN_OUT,
    }
    kept = {name: values.get(name, value) for name, value in message["values"].items()}
    return {"values": kept, "body": TAKEN_OUT, "title": TAKEN_OUT}


def _digests(mongo: Mongo, person_id: str) -> Document:
    """Return the query for what waits, and may quote the person; a digest waits for hours only."""
    if datetime.now(UTC) > _erasure(mongo, person_id)["since"] + LATEST:
        return {"_id": {"$in": []}}
    return _runs(mongo, person_id)


def _erasure(mongo: Mongo, person_id: str) -> Document:
    return mongo[COLLECTION].find_one({"_id": person_id}) or {}


def _without_texts(digest: Document, _: str) -> dict[str, Any]:
    return {"questions": [each | {"text": TAKEN_OUT} for each in digest["questions"]]}


def _unposted(_mongo: Mongo, _person_id: str) -> Document:
    """Return the query for events, whomever they name, that webhooks have not got yet."""
    return {"event_type": {"$in": sorted(personal_types())}, "body": {"$ne": Binary(b"")}}


def _without_names(delivery: Document, person_id: str) -> dict[str, Any]:
    """Return an event (CloudEvents, structured mode) without what is personal of a person."""
    event = json.loads(delivery["body"])
    data = json.dumps(event.get("data", {})).encode()
    left = redacted(delivery["event_type"], data, person_id)
    if left is None:
        return {}
    return {"body": Binary(json.dumps(event | {"data": json.loads(left)}).encode())}


HOLDINGS = (
    Holding(
        kind="people",
        collection="people",
        what="the person's name, address, language and zone",
        query=of("_id"),
        disposal=Kept("without all of these, which PersonErased takes away at once"),
    ),
    Holding(
        kind="deliveries",
        collection="deliveries",
        what="what was sent to the person, and by which channel; all go after 400 days",
        query=of("person_id"),
        disposal=Deleted(),
    ),
    Holding(
        kind="digests",
        collection="digests",
        what="what waits for the person's digests",
        query=of("person_id"),
        disposal=Deleted(),
    ),
    Holding(
        kind="messages",
        collection="messages",
        what="the person's inbox; all go after 400 days",
        query=of("person_id"),
        disposal=Deleted(),
    ),
    Holding(
        kind="quotes",
        collection="messages",
        what="questions that messages to others quote, in runs of the person",
        query=_quotes,
        disposal=Rewritten(_without_quotes),
        told=False,
    ),
    Holding(
        kind="inboxes",
        collection="inboxes",
        what="the last number of the person's inbox",
        query=of("_id"),
        disposal=Deleted(),
    ),
    Holding(
        kind="preferences",
        collection="preferences",
        what="what the person wants to hear, when, and by which channels",
        query=of("_id"),
        disposal=Deleted(),
    ),
    Holding(
        kind="suppressions",
        collection="suppressions",
        what="that messages to the person's address, or number, do not arrive",
        query=of("person_id"),
        disposal=Deleted(),
    ),
    Holding(
        kind="devices",
        collection="devices",
        what="the person's browsers and phone numbers, at which messages come",
        query=of("person_id"),
        disposal=Deleted(),
        # Not the endpoint of a browser and its keys: who has them can send to it. Nor what names
        # the code of a number.
        shown={
            "channel": 1,
            "label": 1,
            "number": 1,
            "registered_at": 1,
            "confirmed_at": 1,
            "push_service": {"$arrayElemAt": [{"$split": ["$push.endpoint", "/"]}, 2]},
        },
    ),
    Holding(
        kind="device locks",
        collection="device_owners",
        what="how often the person's devices changed",
        query=of("_id"),
        disposal=Deleted(),
    ),
    Holding(
        kind="codes",
        collection="code_allowances",
        what="when codes were sent to the person in the last day",
        query=under("person:"),
        disposal=Deleted(),
    ),
    Holding(
        kind="due changes",
        collection="due_digests",
        what="changed deadlines that the person is told, or was",
        query=of("learner_id"),
        disposal=Deleted(),
    ),
    Holding(
        kind="falls",
        collection="falls",
        what="that the person falls behind, and why",
        query=of("learner_id"),
        disposal=Deleted(),
    ),
    Holding(
        kind="waiting questions",
        collection="question_digests",
        what="questions that the person, who teaches, is told of",
        query=of("person_id"),
        disposal=Deleted(),
    ),
    Holding(
        kind="quotes that wait",
        collection="question_digests",
        what="questions that who teaches is told of, in runs of the person",
        query=_digests,
        disposal=Rewritten(_without_texts),
        told=False,
    ),
    Holding(
        kind="waiting falls",
        collection="fall_digests",
        what="falls, by id, that the person, who teaches, is still to be told of",
        query=of("person_id"),
        disposal=Deleted(),
    ),
    Holding(
        kind="webhook deliveries",
        collection="webhook_deliveries",
        what="events about the person that webhooks have not got yet",
        query=_unposted,
        disposal=Rewritten(_without_names),
        told=False,
    ),
    Holding(
        kind="enrolments",
        collection="enrolments",
        what="enrolments",
        query=of("learner_id"),
        disposal=Kept("a copy of catalog's, by id"),
    ),
)
