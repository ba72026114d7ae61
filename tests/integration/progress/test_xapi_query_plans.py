"""What queries of the LRS's statements cost the database."""

from collections.abc import Iterator

import pytest

from chassis.data.store import Database
from services.progress.domain.xapi.queries import query_of, restricted, rights_of
from services.progress.domain.xapi.versions import Version
from services.progress.store import ProgressStore
from services.progress.store_xapi import INDEX, page_filter
from tests.conftest import FakeClock
from tests.deep import DEEP, deep
from tests.integration.progress.lrs import BASE, Json, Lrs, said
from tests.integration.progress.xapi_queries import (
    AGENT,
    DONE,
    EXAM,
    FILTERS,
    REGISTRATION,
    every_combination,
)

MANY = 20_000 if DEEP else 2_000


@pytest.fixture(scope="module")
def many(module_database: Database[ProgressStore]) -> Lrs:
    """An LRS with many statements, of which each filter finds many."""
    lrs = Lrs(module_database, FakeClock())
    verbs = [f"https://uni.example/v{number}" for number in range(20)]
    for first in range(0, MANY, 1_000):
        lrs.post(
            *(
                said(
                    verbs[number % 20] if number % 3 else DONE,
                    actor={"mbox": f"mailto:a{number % 50}@uni.example"} if number % 5 else AGENT,
                    object={"id": f"https://uni.example/a{number % 70}" if number % 7 else EXAM},
                    context={"registration": REGISTRATION} if number % 2 else {},
                )
                for number in range(first, first + 1_000)
            )
        )
    return lrs


def stages(plan: Json) -> Iterator[str]:
    """Yield the stages of a plan."""
    yield plan["stage"]
    for inner in [plan.get("inputStage"), *plan.get("inputStages", [])]:
        if inner:
            yield from stages(inner)


@deep
@pytest.mark.parametrize("ascending", ["true", "false"])
@pytest.mark.parametrize("related", [False, True])
@pytest.mark.parametrize("names", list(every_combination()), ids="-".join)
def test_every_query_uses_the_index(
    many: Lrs, names: tuple[str, ...], related: bool, ascending: str
) -> None:
    """Each combination of filters, in both directions, with related ones and a range: no scan of
    the collection, no sort in memory; by one filter no more keys than the page has.
    """
    parameters = {name: FILTERS[name][0] for name in names} | {"ascending": ascending}
    if related:
        parameters |= {"related_agents": "true", "related_activities": "true"}
    query = query_of(parameters, Version.V1_0_3, BASE)
    cut = restricted(query, rights_of(many.client, BASE))
    many.clock.forward(milliseconds=1)
    wanted = page_filter(cut, many.clock.now())
    found = many.database.mongo["statements"].find(wanted).hint(INDEX)
    explained = found.sort("cursor", 1 if ascending == "true" else -1).limit(101).explain()
    used = set(stages(explained["queryPlanner"]["winningPlan"]))
    assert used <= {"LIMIT", "FETCH", "IXSCAN", "SORT_MERGE"}
    figures = explained["executionStats"]
    assert figures["nReturned"] == 101 or len(names) > 1
    if len(names) < 2:
        assert figures["totalKeysExamined"] <= 101 + 2
