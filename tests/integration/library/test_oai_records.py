"""What OAI-PMH tells: public items, and those that were."""

import urllib.request
from datetime import datetime
from typing import Any

from services.library import migrations
from services.library.domain.enums import Access, ItemState
from tests.integration.library.archive import HOST, NS, SETTLED, Archive


def test_only_public_items_are_told(archive: Archive) -> None:
    """Items of runs and items that are no file yet are in no answer of any verb."""
    archive.put("i-public", run_ids=("run-1",))
    archive.put("i-runs", access=Access.RUNS, run_ids=("run-1",))
    hidden = ["i-runs"]
    for state in set(ItemState) - {ItemState.AVAILABLE}:
        archive.put(f"i-{state.lower()}", state=state)
        hidden.append(f"i-{state.lower()}")
    archive.put("i-older", replaced_by="i-runs")
    archive.clock.at += SETTLED
    assert set(archive.records()) == {"i-public", "i-older"}
    for verb in ("ListRecords", "ListIdentifiers"):
        body = urllib.request.urlopen(
            f"http://127.0.0.1:{archive.port}/oai?verb={verb}&metadataPrefix=oai_dc"
        ).read()
        assert not any(each.encode() in body for each in [*hidden, "run-1"])
    for item_id in [*hidden, "i-unknown"]:
        for verb, more in (
            ("GetRecord", {"metadataPrefix": "oai_dc"}),
            ("ListMetadataFormats", {}),
        ):
            answer = archive.answer(verb=verb, identifier=f"oai:{HOST}:{item_id}", **more)
            error = answer.find("oai:error", NS)
            assert error is not None
            assert error.get("code") == "idDoesNotExist"


def test_what_is_public_no_more_is_a_deleted_record(archive: Archive) -> None:
    """At once by GetRecord, and by the next harvest; so is what comes back."""
    for item_id in ("i1", "i2", "i3"):
        archive.put(item_id)
    archive.clock.at += SETTLED
    since = archive.clock.at
    archive.update("i1", access=Access.RUNS)
    archive.retire("i2")
    record = archive.sickle.GetRecord(identifier=f"oai:{HOST}:i1", metadataPrefix="oai_dc")
    assert record.deleted
    assert archive.records() == {"i3": "Title of i3"}
    archive.clock.at += SETTLED
    again = {"from": f"{since:%Y-%m-%dT%H:%M:%SZ}"}
    assert archive.records(**again) == {"i1": None, "i2": None}
    archive.update("i1", access=Access.ALL)
    archive.clock.at += SETTLED
    assert archive.records(**again) == {"i1": "Newer", "i2": None}
    (answer,) = archive.answer(
        verb="GetRecord", metadataPrefix="oai_dc", identifier=f"oai:{HOST}:i2"
    ).iter("{http://www.openarchives.org/OAI/2.0/}record")
    assert answer.find("oai:metadata", NS) is None


def test_an_embargo_and_a_newer_version_are_told(archive: Archive) -> None:
    """Metadata under embargo is public; what a newer public version replaces names it."""
    archive.put("i1", replaced_by="i2", not_before=datetime.fromisoformat("2030-01-01T00:00:00Z"))
    archive.put("i2", predecessors=("i1",))
    metadata = archive.sickle.GetRecord(
        identifier=f"oai:{HOST}:i1", metadataPrefix="oai_dc"
    ).metadata
    assert metadata["date"] == ["info:eu-repo/date/embargoEnd/2030-01-01"]
    assert metadata["relation"] == [f"oai:{HOST}:i2"]
    assert (metadata["type"], metadata["format"]) == (["Text"], ["application/pdf"])


def test_items_of_the_older_version_are_listed(archive: Archive) -> None:
    """The migration marks what is public, and the timer what an older version writes meanwhile."""
    for item_id, access in (("i1", Access.ALL), ("i2", Access.RUNS)):
        archive.put(item_id, access=access)
        archive.put(f"{item_id}-failed", access=access, state=ItemState.FAILED)
    mongo = archive.database.mongo["items"]
    mongo.update_many({}, {"$unset": {"was_public": 1}})
    migrations.adopt(archive.database.mongo)
    marked = {row["_id"]: row for row in mongo.find()}
    assert marked["i1"]["was_public"] is True
    assert marked["i1"]["changed_at"] > marked["i2"]["changed_at"] == archive.clock.at
    assert "was_public" not in marked["i2"]
    plan: Any = mongo.find(migrations.UNMARKED).explain()
    assert plan["executionStats"]["totalDocsExamined"] == 0
    before = marked["i1"]
    migrations.adopt(archive.database.mongo)
    assert mongo.find_one({"_id": "i1"}) == before
