"""What the library holds of a person, and how it forgets one (docs/privacy.md)."""

from tandem.catalog.v1.events_pb2 import PersonErased

from chassis.archive.sealing import NOBODY
from chassis.data.migrations import Mongo
from chassis.jobs import Jobs
from chassis.messaging.subscriptions import Subscription
from chassis.privacy.erasing import asked, erasing
from chassis.privacy.holdings import Deleted, Document, Emptied, Holding, Kept, of, under
from services.library.store import LibraryStore


def subscription() -> Subscription[LibraryStore]:
    """Return the subscription to people who are to be forgotten."""
    return Subscription("library.erasures", (PersonErased,), asked)


def jobs() -> Jobs[LibraryStore]:
    """Return the jobs that erase people."""
    return erasing("library", HOLDINGS)


def _own_key(_: Mongo, person_id: str) -> Document:
    """Return the query for a person's key. The key of nobody is no person's, whatever an event of a
    stranger says: it is never thrown away.
    """
    return {"_id": {"$eq": person_id, "$ne": NOBODY}}


HOLDINGS = (
    Holding(
        kind="enrolments",
        collection="enrolments",
        what="enrolments, from which the right to read follows",
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
        kind="items",
        collection="items",
        what="items that the person uploaded",
        query=of("uploaded_by"),
        disposal=Kept("works of the university; who uploaded them, by id"),
        shown={"metadata": 1, "state": 1, "run_ids": 1, "created_at": 1},
    ),
    Holding(
        kind="feeds",
        collection="feeds",
        what="podcast feeds of the person, whose URLs then end",
        query=of("reader_id"),
        disposal=Deleted(),
    ),
    Holding(
        kind="feed counts",
        collection="quotas",
        what="how often the person made a feed",
        query=under("feeds:"),
        disposal=Deleted(),
    ),
    Holding(
        kind="archive keys",
        collection="archive_keys",
        what="the key of the archive: of names, addresses and texts in events that name the person",
        query=_own_key,
        disposal=Emptied({}, without=("key",)),
        shown={"made_at": 1},
    ),
)
