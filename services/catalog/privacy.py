"""What catalog holds of a person, and how it forgets one (docs/privacy.md)."""

from collections.abc import Iterator
from typing import Any

from chassis.data.migrations import Mongo
from chassis.jobs import Jobs
from chassis.privacy.erasing import erasing
from chassis.privacy.holdings import (
    Deleted,
    Document,
    Emptied,
    Holding,
    Kept,
    Rewritten,
    of,
    with_text,
)
from services.catalog.domain.oneroster.files import File
from services.catalog.store import CatalogStore
from services.catalog.usecases.people import leave_all

_ROWS_OF = ("facts.user", "sourced_id")


def jobs() -> Jobs[CatalogStore]:
    """Return the jobs that erase people. Who was enrolled while the erasure began is withdrawn."""
    return erasing("catalog", HOLDINGS, leave_all)


def _links(mongo: Mongo, person_id: str) -> Document:
    """Return the query for a person's external ids, and for the rows that name the person by
    one.
    """
    told = mongo["links"].find(
        {"file": File.USERS, "of": person_id}, {"source": 1, "sourced_id": 1}
    )
    rows = [
        {
            "source": row["source"],
            "file": {"$in": [File.ROLES, File.ENROLLMENTS]},
            "facts.user": row["sourced_id"],
        }
        for row in told
    ]
    return {"$or": [{"file": File.USERS, "of": person_id}, *rows]}


def _sourced_ids(mongo: Mongo, person_id: str) -> list[str]:
    query = {"file": File.USERS, "of": person_id}
    return [str(each) for each in mongo["links"].distinct("sourced_id", query)]


def _chunks(mongo: Mongo, person_id: str) -> Document:
    """Return the query for parts of imports that are done and have rows about a person."""
    rows: list[Document] = [{"rows.facts.person_id": person_id}]
    if external := _sourced_ids(mongo, person_id):
        rows += [{f"rows.{field}": {"$in": external}} for field in _ROWS_OF]
    return {"pending": False, "$or": rows}


def _without_facts(chunk: Document, person_id: str) -> dict[str, Any]:
    """Return the rows of a part of an import, without what they say of a person.

    A row of the person tells the external id, by which rows of other files name the person.
    """
    external = set(_external(chunk, person_id))
    return {"rows": [_blank(row) if _is_about(row, person_id, external) else row
                     for row in chunk["rows"]]}  # fmt: skip


def _external(chunk: Document, person_id: str) -> Iterator[str]:
    for row in chunk["rows"]:
        if (row["facts"] or {}).get("person_id") == person_id:
            yield row["sourced_id"]


def _is_about(row: Document, person_id: str, external: set[str]) -> bool:
    facts = row["facts"] or {}
    named = {facts.get("user"), row["sourced_id"]}
    return facts.get("person_id") == person_id or not named.isdisjoint(external)


def _blank(row: Document) -> Document:
    return row | {"sourced_id": "", "facts": None, "violations": []}


HOLDINGS = (
    Holding(
        kind="people",
        collection="people",
        what="the person in the roster: name, address, language, zone, roles",
        query=of("_id"),
        disposal=Kept("the id alone is left, so that nobody else gets it"),
    ),
    Holding(
        kind="enrolments",
        collection="enrolments",
        what="enrolments, with the mode and the wish of a mode",
        query=of("learner_id"),
        disposal=Kept("the university's record of who studied what, by id"),
    ),
    Holding(
        kind="wishes",
        collection="enrolments",
        what="the wish of a mode in an enrolment",
        query=with_text("preference", "learner_id"),
        disposal=Emptied({"preference": None}),
        told=False,
    ),
    Holding(
        kind="extensions",
        collection="extensions",
        what="extensions of the person's deadlines",
        query=of("learner_id"),
        disposal=Kept("deadlines follow from them; by id, without the reason"),
    ),
    Holding(
        kind="reasons of extensions",
        collection="extensions",
        what="the reason of an extension",
        query=with_text("reason", "learner_id"),
        disposal=Emptied({"reason": ""}),
        told=False,
    ),
    Holding(
        kind="extensions granted",
        collection="extensions",
        what="extensions that the person granted to others",
        query=of("granted_by"),
        disposal=Kept("who decided, by id"),
        shown={"run_id": 1, "activity_id": 1, "until": 1, "granted_at": 1},
    ),
    Holding(
        kind="staff",
        collection="runs",
        what="runs in which the person works",
        query=of("staff.person_id"),
        disposal=Kept("of runs that are over: who taught, by id"),
        shown={"term": 1, "staff.$": 1},
    ),
    Holding(
        kind="invitations",
        collection="runs",
        what="runs to which the person is invited",
        query=of("enrolment.invited_ids"),
        disposal=Kept("who may enrol, by id"),
        shown={"term": 1},
    ),
    Holding(
        kind="paths",
        collection="paths",
        what="paths that the person published",
        query=of("published_by"),
        disposal=Kept("works of the university; who published them, by id"),
        shown={"run_id": 1, "version": 1, "published_at": 1},
    ),
    Holding(
        kind="drafts",
        collection="draft_paths",
        what="drafts of paths that the person made of advice",
        query=of("accepted_by"),
        disposal=Kept("works of the university; who made them, by id"),
        shown={"accepted_at": 1},
    ),
    Holding(
        kind="availability",
        collection="availability",
        what="when the person can teach",
        query=of("_id"),
        disposal=Deleted(),
    ),
    Holding(
        kind="imported rows",
        collection="import_chunks",
        what="rows of imports about the person; all go after 90 days",
        query=_chunks,
        disposal=Rewritten(_without_facts),
        told=False,
    ),
    Holding(
        kind="external ids",
        collection="links",
        what="the person's ids in other systems, with what these told",
        query=_links,
        disposal=Deleted(),
    ),
    Holding(
        kind="imports",
        collection="imports",
        what="imports that the person began",
        query=of("created_by"),
        disposal=Kept("who decided, by id"),
        shown={"source": 1, "created_at": 1, "state": 1},
    ),
)
