"""Harvests by OAI-PMH while items change."""

import random
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.library import oai_queries
from services.library.domain.enums import Access
from services.library.domain.items import Metadata
from services.library.domain.oai import SETTLING
from tests.deep import only_deep
from tests.integration.library.archive import (
    NS,
    SETTLED,
    Archive,
)


def test_a_list_whose_rest_changed_has_a_record(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If all that was left has moved to the next harvest, the last page has one of these, as it is
    now: harvesters take an empty list for an error.
    """
    monkeypatch.setattr(oai_queries, "SIZE", 1)
    archive.put("i1")
    archive.put("i2")
    archive.clock.at += SETTLED
    found = archive.sickle.ListRecords(metadataPrefix="oai_dc")
    assert next(found).metadata["title"] == ["Title of i1"]
    archive.update("i2")
    assert [each.metadata["title"] for each in found] == [["Newer"]]


class Harvester:
    """A stock harvester: it continues from the responseDate of its last harvest."""

    def __init__(self, archive: Archive, by_last_page: bool) -> None:
        self.archive, self.by_last_page = archive, by_last_page
        self.found: dict[str, str | None] = {}
        self.since, self.dates, self.token = "", list[str](), ""

    def fetch(self) -> bool:
        """Get a page; return whether it was the last one."""
        asked = {"resumptionToken": self.token} if self.token else {"metadataPrefix": "oai_dc"}
        if self.since and not self.token:
            asked["from"] = self.since
        answer = self.archive.answer(verb="ListRecords", **asked)
        error = answer.find("oai:error", NS)
        assert error is None or error.get("code") == "noRecordsMatch"
        self.dates.append(answer.findtext("oai:responseDate", "", NS))
        for record in answer.iter("{http://www.openarchives.org/OAI/2.0/}record"):
            name = record.findtext("oai:header/oai:identifier", "", NS)
            self.found[name.rpartition(":")[2]] = record.findtext(".//dc:title", None, NS)
        self.token = answer.findtext(".//oai:resumptionToken", "", NS)
        if not self.token:
            self.since = self.dates[-1 if self.by_last_page else 0]
            self.dates.clear()
        return not self.token

    def harvest(self) -> None:
        """Get the rest of the list."""
        while not self.fetch():
            pass


@given(st.integers(), st.booleans())
@settings(max_examples=12, suppress_health_check=list(HealthCheck))
def harvests_are_exact(archive: Archive, seed: int, by_last_page: bool) -> None:
    """Run a random harvest."""
    chance = random.Random(seed)
    mongo = archive.database.mongo["items"]
    mongo.delete_many({})
    harvester = Harvester(archive, by_last_page)
    for step in range(60):
        act = chance.random()
        if act < 0.55:
            item_id = f"i{chance.randrange(9)}"
            access = chance.choice([Access.ALL, Access.ALL, Access.RUNS])
            before = mongo.find_one({"_id": item_id}) or {}
            archive.put(
                item_id,
                lag=timedelta(milliseconds=chance.randrange(SETTLING // timedelta(milliseconds=1))),
                metadata=Metadata(title=f"version {step}"),
                access=access,
                was_public=before.get("was_public", False),
            )
        elif act < 0.75:
            harvester.fetch()
        else:
            archive.clock.forward(seconds=chance.choice([0.4, 1, 30, 200]))
    archive.clock.at += SETTLED
    harvester.harvest()
    harvester.harvest()
    assert harvester.found == {
        row["_id"]: row["metadata"]["title"] if row["access"] == Access.ALL else None
        for row in mongo.find({"was_public": True})
    }


@only_deep
def test_no_change_is_lost_between_pages_and_harvests(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever changes between pages, and however late it is committed: after one more harvest the
    harvester has exactly what is public.
    """
    monkeypatch.setattr(oai_queries, "SIZE", 2)
    harvests_are_exact(archive)
