"""What sessions holds of a person, and how it forgets one (docs/privacy.md)."""

from collections.abc import Sequence
from typing import Any

from tandem.catalog.v1.events_pb2 import PersonErased

from chassis.contracts.events import Event
from chassis.data.migrations import Mongo
from chassis.jobs import Jobs
from chassis.messaging.subscriptions import Subscription
from chassis.privacy.erasing import asked, erasing
from chassis.privacy.holdings import (
    TAKEN_OUT,
    Deleted,
    Document,
    Emptied,
    Holding,
    Kept,
    Rewritten,
    ending,
    of,
    with_text,
)
from chassis.replicas import upsert_if_newer
from services.sessions.domain.anonymity import pseudonym
from services.sessions.domain.roster import Person
from services.sessions.store import SessionsStore
from services.sessions.store_attendance import key


def subscription() -> Subscription[SessionsStore]:
    """Return the subscription to people who are to be forgotten."""
    return Subscription("sessions.erasures", (PersonErased,), _erasures)


def jobs() -> Jobs[SessionsStore]:
    """Return the jobs that erase people."""
    return erasing("sessions", HOLDINGS)


def _erasures(store: SessionsStore, events: Sequence[Event[Any]]) -> None:
    """Take the names of people away at once; what tells them arrives late and is older."""
    upsert_if_newer(store, Person, [_nobody(event) for event in events])
    asked(store, events)


def _nobody(event: Event[Any]) -> Person:
    at = event.time
    return Person(event.data.person_id, roles=(), sequence=event.sequence, retired_at=at)


def _feedback(mongo: Mongo, person_id: str) -> Document:
    """Return the query for a person's answers that can still be found: of windows with a key."""
    windows = mongo["feedback_windows"].find({"secret": {"$gt": ""}}, {"secret": 1})
    ids = [key(row["_id"], pseudonym(row["secret"], person_id)) for row in windows]
    return {"_id": {"$in": ids}}


def _questions_of(mongo: Mongo, person_id: str) -> list[str]:
    query = {"asker_id": person_id}
    return [row["_id"] for row in mongo["questions"].find(query, {"_id": 1})]


def _question_entries(mongo: Mongo, person_id: str) -> Document:
    """Return the query for what the logs of classes say of a person's questions."""
    named = {"question.question_id": {"$in": _questions_of(mongo, person_id)}}
    return {**named, "question.text": {"$gt": ""}}


def _without_text(question: Document, _: str) -> dict[str, Any]:
    """Return what a question is without the text of its asker."""
    history = [each | {"text": ""} for each in question["history"]]
    fields = {"text": TAKEN_OUT, "words": [], "history": history}
    return {} if question["text"] == TAKEN_OUT else fields


def _without_changes(question: Document, person_id: str) -> dict[str, Any]:
    """Return the history of a question without the texts of a person who changed it."""
    history = [
        each | {"text": ""} if each["person_id"] == person_id else each
        for each in question["history"]
    ]
    return {} if history == question["history"] else {"history": history}


HOLDINGS = (
    Holding(
        kind="people",
        collection="people",
        what="the person in the roster: name and roles",
        query=of("_id"),
        disposal=Kept("without name and roles, which PersonErased takes away at once"),
    ),
    Holding(
        kind="enrolments",
        collection="enrolments",
        what="enrolments",
        query=of("learner_id"),
        disposal=Kept("a copy of catalog's, by id"),
    ),
    Holding(
        kind="staff",
        collection="staff",
        what="runs in which the person works",
        query=of("staff.person_id"),
        disposal=Kept("a copy of catalog's, by id"),
        shown={"staff.$": 1},
    ),
    Holding(
        kind="attendance",
        collection="attendance",
        what="attendance, with corrections",
        query=of("learner_id"),
        disposal=Kept("the university's record of who attended, by id, without reasons"),
    ),
    Holding(
        kind="reasons of corrections",
        collection="attendance",
        what="the reason of a corrected attendance",
        query=with_text("correction.reason", "learner_id"),
        disposal=Emptied({"correction.reason": ""}),
        told=False,
    ),
    Holding(
        kind="presence",
        collection="marks",
        what="when the person came and left",
        query=of("_id.learner_id"),
        disposal=Kept("attendance follows from it; by id"),
    ),
    Holding(
        kind="seats",
        collection="seats",
        what="seats",
        query=of("learner_id"),
        disposal=Kept("how full classes were, by id, without reasons"),
    ),
    Holding(
        kind="reasons of offers",
        collection="seats",
        what="the reason why a seat was offered",
        query=with_text("offer_reason", "learner_id"),
        disposal=Emptied({"offer_reason": ""}),
        told=False,
    ),
    Holding(
        kind="swaps",
        collection="swaps",
        what="requests to swap a seat",
        query=of("learner_id"),
        disposal=Deleted(),
    ),
    Holding(
        kind="wrong codes",
        collection="wrong_codes",
        what="how many wrong codes the person entered",
        query=ending(),
        disposal=Deleted(),
    ),
    Holding(
        kind="clashes",
        collection="clashes",
        what="classes of the person at the same time",
        query=of("learner_id"),
        disposal=Kept("they end with the seats; by id"),
    ),
    Holding(
        kind="availability",
        collection="availability",
        what="when the person can teach",
        query=of("_id"),
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
        kind="help invitations",
        collection="help_invitations",
        what="invitations to help sessions",
        query=of("learner_id"),
        disposal=Kept("whether invitations help, by id"),
    ),
    Holding(
        kind="question entries",
        collection="class_log",
        what="texts of the person's questions in the logs of classes",
        query=_question_entries,
        disposal=Emptied({"question.text": ""}),
        told=False,
    ),
    Holding(
        kind="questions",
        collection="questions",
        what="questions that the person asked, with their history",
        query=of("asker_id"),
        disposal=Rewritten(_without_text),
    ),
    Holding(
        kind="changes of questions",
        collection="questions",
        what="texts of the person in the history of others' questions",
        query=of("history.person_id"),
        disposal=Rewritten(_without_changes),
        told=False,
    ),
    Holding(
        kind="replies",
        collection="question_replies",
        what="replies that the person wrote",
        query=of("author_id"),
        disposal=Emptied({"text": TAKEN_OUT}),
    ),
    Holding(
        kind="question votes",
        collection="question_votes",
        what="questions that the person wants answered",
        query=of("learner_id"),
        disposal=Kept("how many want an answer, by id"),
    ),
    Holding(
        kind="class log",
        collection="class_log",
        what="what the person did in the live channel; all goes a while after the class",
        query=of("person_id"),
        disposal=Kept("by id, without texts"),
    ),
    Holding(
        kind="chat",
        collection="class_log",
        what="what the person wrote in the chat",
        query=with_text("chat.text", "person_id"),
        disposal=Emptied({"chat.text": ""}),
        told=False,
    ),
    Holding(
        kind="moderation",
        collection="moderation",
        what="acts of moderation about the person",
        query=of("person_id"),
        disposal=Emptied({"reason": ""}),
    ),
    Holding(
        kind="votes",
        collection="votes",
        what="votes in named polls; those of other polls name nobody",
        query=of("voter"),
        disposal=Kept("results of polls, by id"),
    ),
    Holding(
        kind="feedback",
        collection="feedback",
        what="feedback on classes, while it is open; then nobody can tell whose an answer is",
        query=_feedback,
        disposal=Deleted(),
    ),
    Holding(
        kind="feeds",
        collection="feeds",
        what="calendar feeds of the person, whose URLs then end",
        query=of("reader_id"),
        disposal=Deleted(),
    ),
    Holding(
        kind="meeting links",
        collection="meeting_links",
        what="the person's links into online classes; all go 30 days after the class",
        query=of("person_id"),
        disposal=Deleted(),
    ),
    Holding(
        kind="meeting events",
        collection="meeting_events",
        what="what meeting servers told of the person; all goes after two weeks",
        query=of("person_id"),
        disposal=Kept("attendance follows from it; by id"),
    ),
    Holding(
        kind="timetables",
        collection="timetables",
        what="timetables that the person asked for; all go after 90 days",
        query=of("created_by"),
        disposal=Kept("who decided, by id"),
        shown={"created_at": 1, "state": 1},
    ),
)
