"""Erasing a person in catalog: the roster, imports, races, and what other services then know."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import bson
import grpc
import pytest
from tandem.catalog.v1 import catalog_pb2
from tandem.catalog.v1.catalog_pb2_grpc import CatalogServiceStub
from tandem.catalog.v1.events_pb2 import PersonErased
from tandem.types.v1 import privacy_pb2

from chassis.contracts import events
from chassis.data.store import Database
from chassis.jobs.runner import Runner
from services.catalog import privacy
from services.notify import privacy as notify_privacy
from services.notify import worker as notify
from services.notify.domain.people import Person
from services.notify.store import NotifyStore
from tests.conftest import MakeDatabase
from tests.integration.catalog.registry import Registry, person, refused
from tests.integration.catalog.rosters import REFUSED, Roster
from tests.oneroster import small

SECRET = "Zebulon"


class Later:
    """The system's clock, a little later: what is asked for now is due."""

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=5)


def operator(registry: Registry) -> CatalogServiceStub:
    """Catalog for who runs the installation."""
    return CatalogServiceStub(registry.channel_for("operator", "operator"))


def erase(registry: Registry, who: str) -> privacy_pb2.Erasure:
    """Ask for it, and let the worker do it."""
    request = privacy_pb2.ErasePersonRequest(person_id=who, reason="request 17")
    operator(registry).ErasePerson(request)
    sweep(registry)
    return operator(registry).GetErasure(privacy_pb2.GetErasureRequest(person_id=who))


def sweep(registry: Registry) -> None:
    """Let the worker look now, as it does again and again."""
    due = {"$set": {"job.due": datetime.now(UTC)}}
    registry.database.mongo["erasures"].update_many({"job": {"$exists": True}}, due)
    assert Runner(registry.database, privacy.jobs(), Later()).run_due() == 1


def found(database: Database[Any], text: str) -> list[str]:
    """The collections that have a text."""
    mongo = database.mongo
    return [
        name
        for name in mongo.list_collection_names()
        if any(text.encode() in bson.encode(row) for row in mongo[name].find())
    ]


def upsert(registry: Registry, who: str) -> Any:
    """The student records system tells a person."""
    row = person(who)
    row.given_name = SECRET
    request = catalog_pb2.BatchUpsertPeopleRequest(people=[row])
    (result,) = registry.staff.BatchUpsertPeople(request).results
    return result


def test_the_id_is_left_and_nobody_gets_it(registry: Registry) -> None:
    """The person leaves all runs, has no name, and the roster can't bring the person back."""
    upsert(registry, "p")
    run_id = registry.open_run().id
    registry.enrol(run_id, "p")
    done = erase(registry, "p")
    assert done.HasField("erased_at")
    left = registry.staff.GetPerson(catalog_pb2.GetPersonRequest(person_id="p"))
    assert (left.given_name, left.email, left.HasField("erased_at")) == ("", "", True)
    assert [each.field for each in upsert(registry, "p").violations] == ["id"]
    assert refused(lambda: registry.enrol(run_id, "p"))
    assert len(registry.events("tandem.catalog.enrolment.withdrawn.v1")) == 1
    assert found(registry.database, SECRET) == []


def test_a_stranger_is_not_erased(registry: Registry) -> None:
    """There is no tombstone for an id that the roster never had."""
    assert refused(lambda: erase(registry, "stranger")).code() is grpc.StatusCode.NOT_FOUND
    assert registry.database.mongo["erasures"].count_documents({}) == 0


def test_an_erasure_again_tells_everybody_again(registry: Registry) -> None:
    """Both requests are kept, by whom and why; the event comes twice, in order."""
    upsert(registry, "p")
    erase(registry, "p")
    done = erase(registry, "p")
    assert [(each.by, each.reason) for each in done.requested] == [("operator", "request 17")] * 2
    told = registry.events("tandem.catalog.person.erased.v1")
    assert [row["sequence"] for row in told] == [2, 3]


def test_who_was_enrolled_meanwhile_is_withdrawn(registry: Registry) -> None:
    """An enrolment that raced with the erasure, and won, ends with the next sweep."""
    upsert(registry, "p")
    run_id = registry.open_run().id
    people = registry.database.mongo["people"]
    operator(registry).ErasePerson(privacy_pb2.ErasePersonRequest(person_id="p", reason="17"))
    tombstone = people.find_one_and_update({"_id": "p"}, {"$set": {"retired_at": None}})
    assert tombstone is not None
    registry.enrol(run_id, "p")
    people.replace_one({"_id": "p"}, tombstone)
    sweep(registry)
    withdrawn = registry.events("tandem.catalog.enrolment.withdrawn.v1")
    assert len(withdrawn) == 1


def test_imports_forget_the_person_and_refuse_the_rows(roster: Roster) -> None:
    """External ids and the rows of imports go; the next import's row of the person is refused."""
    export = small()
    export.user("s9", givenName=SECRET, familyName=SECRET)
    export.enrol("k-c1", "s9")
    roster.run(export)
    database = roster.registry.database
    assert {"people", "links", "import_chunks"} <= {*found(database, SECRET)}
    done = {each.kind: each.count for each in erase(roster.registry, "s9").records}
    assert done["external ids"] == 3  # the user, the role, the enrolment
    assert done["imported rows"] > 0
    assert found(database, SECRET) == []
    again = roster.run(export)
    assert "names a person who was erased" in str(roster.rows(again.id, REFUSED))
    sweep(roster.registry)
    assert found(database, SECRET) == []


def _apply(store: NotifyStore, handle: Any, event: events.Event[Any]) -> None:
    handle(store, [event])


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_late_name_does_not_come_back(
    registry: Registry, make_database: MakeDatabase, order: tuple[int, ...]
) -> None:
    """In whatever order other services hear of both, the name is gone, and nobody gets mail."""
    upsert(registry, "p")
    operator(registry).ErasePerson(privacy_pb2.ErasePersonRequest(person_id="p", reason="17"))
    rows = [row for row in registry.events() if ".person." in row["type"]]
    other = make_database(NotifyStore)
    for place in order:
        event = events.read(rows[place]["headers"], rows[place]["body"])
        is_end = isinstance(event.data, PersonErased)
        handle: Any = notify_privacy.subscription().handle if is_end else notify._people
        other.transact(partial(_apply, handle=handle, event=event))
    (known,) = other.reader().replicas(Person, ["p"]).values()
    assert (known.name, known.email, known.retired_at is None) == ("", "", False)
    assert other.mongo["erasures"].count_documents({"_id": "p"}) == 1
