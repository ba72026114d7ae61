"""Queries of the LRS's statements: filters, order, pages, rights, formats, indexes."""

import itertools
import json
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymongo import MongoClient

from chassis.data.store import Database
from chassis.errors import Invalid, NotFound
from services.progress.domain.xapi.clients import Scope
from services.progress.domain.xapi.queries import query_of, restricted, rights_of
from services.progress.domain.xapi.versions import Version
from services.progress.store import ProgressStore
from services.progress.store_xapi import INDEX, page_filter, storing
from tests.conftest import FakeClock
from tests.deep import DEEP, deep
from tests.integration.progress.classroom import RUN
from tests.integration.progress.lrs import (
    ADL,
    BASE,
    Json,
    Lrs,
    about,
    client,
    learner,
    said,
)

AGENT = {"mbox": "mailto:ana@uni.example"}
EXAM, COURSE = "https://uni.example/exam", "https://uni.example/course"
DONE = "https://uni.example/done"
MANY = 20_000 if DEEP else 2_000
REGISTRATION = "11111111-2222-4333-8444-aaaaaaaaaaaa"


@pytest.fixture
def lrs(progress_database: Database[ProgressStore], clock: FakeClock) -> Lrs:
    """An LRS with nothing in it."""
    return Lrs(progress_database, clock)


FILTERS = {
    "agent": (json.dumps(AGENT), {"actor": AGENT}),
    "verb": (DONE, {"verb": {"id": DONE}}),
    "activity": (EXAM, {"object": {"id": EXAM}}),
    "registration": (REGISTRATION.upper(), {"context": {"registration": REGISTRATION}}),
}


def every_combination() -> Iterator[tuple[str, ...]]:
    """Yield each set of filters."""
    for count in range(5):
        yield from itertools.combinations(FILTERS, count)


def test_each_combination_of_filters_finds_what_meets_all_of_them(lrs: Lrs) -> None:
    """Of sixteen statements with each set of properties, a query finds those that have its own."""
    named = {str(uuid.uuid4()): set(names) for names in every_combination()}
    lrs.post(*({**said(), "id": id_} | _parts(names) for id_, names in named.items()))
    for names in every_combination():
        asked: dict[str, Any] = {name: FILTERS[name][0] for name in names}
        found = set(lrs.ids(**asked))
        assert found == {id_ for id_, own in named.items() if own >= set(names)}


def _parts(names: set[str]) -> Json:
    parts: Json = {}
    for name in names:
        parts |= FILTERS[name][1]
    return parts


def test_related_finds_what_stands_elsewhere_in_a_statement(lrs: Lrs) -> None:
    """An agent that is the instructor, and an activity of the context or a sub-statement, are
    found by related_agents and related_activities alone.
    """
    taught = said(context={"instructor": AGENT, "contextActivities": {"parent": {"id": COURSE}}})
    within = {"objectType": "SubStatement", "actor": AGENT, "verb": {"id": DONE}}
    planned = said(object=within | {"object": {"id": COURSE}})
    lrs.post(taught, planned)
    both = {taught["id"], planned["id"]}
    assert lrs.ids(agent=json.dumps(AGENT)) == lrs.ids(activity=COURSE) == []
    assert set(lrs.ids(agent=json.dumps(AGENT), related_agents="true")) == both
    assert set(lrs.ids(activity=COURSE, related_activities="true")) == both


def test_since_is_exclusive_and_until_inclusive(lrs: Lrs) -> None:
    """Of three statements a second apart; also with fractions of a millisecond."""
    ids = []
    for _ in range(3):
        ids += lrs.post(said())
        lrs.clock.forward(seconds=1)
    assert lrs.ids(since="2026-03-02T08:00:01Z") == [ids[2]]
    assert lrs.ids(until="2026-03-02T08:00:01Z") == [ids[1], ids[0]]
    since, until = "2026-03-02T08:00:00.0005Z", "2026-03-02T08:00:01.999999Z"
    assert lrs.ids(since=since, until=until) == [ids[1]]


def test_pages_go_on_while_statements_arrive(lrs: Lrs) -> None:
    """Newest first: later statements are on no later page. Oldest first: they come at the end."""
    first = lrs.post(*(said() for _ in range(5)))
    newest, oldest = lrs.page(limit="2"), lrs.page(limit="2", ascending="true")
    late = lrs.post(said())
    assert _rest(lrs, newest) == first[2::-1]
    assert _rest(lrs, oldest) == [*first[2:], *late]


def _rest(lrs: Lrs, page: Json) -> list[str]:
    (_, token) = page["more"].split("=", 1)
    assert page["more"].startswith("/xapi/statements?cursor=")
    return lrs.ids(cursor=token)


def test_a_more_irl_has_no_rights_of_its_own(lrs: Lrs) -> None:
    """A learner who has another's IRL reads own statements by it, and no others."""
    for _ in range(3):
        lrs.post(about("ada"), about("eve"))
    token = lrs.page(limit="1")["more"].split("=", 1)[1]
    found = lrs.page(by=learner("eve"), cursor=token)["statements"]
    assert {each["actor"]["account"]["name"] for each in found} == {"eve"}


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"statementId": REGISTRATION, "verb": DONE}, "verb"),
        ({"statementId": "x"}, "statementId"),
        ({"statementId": REGISTRATION, "voidedStatementId": REGISTRATION}, "voidedStatementId"),
        ({"agent": "{"}, "agent"),
        ({"agent": '{"name": "Ana"}'}, "agent"),
        ({"agent": '{"objectType": "Group", "member": []}'}, "agent"),
        ({"verb": "no IRI"}, "verb"),
        ({"activity": ""}, "activity"),
        ({"registration": "1"}, "registration"),
        ({"since": "yesterday"}, "since"),
        ({"limit": "-1"}, "limit"),
        ({"format": "xml"}, "format"),
        ({"ascending": "1"}, "ascending"),
        ({"cursor": "x"}, "cursor"),
    ],
)
def test_a_wrong_parameter_is_told(lrs: Lrs, parameters: dict[str, str], field: str) -> None:
    """Each with its name."""
    with pytest.raises(Invalid) as refused:
        lrs.ask("GET", parameters)
    assert field in {each.field.split(".")[0] for each in refused.value.violations}


def test_all_wrong_parameters_are_told_at_once(lrs: Lrs) -> None:
    """Three faults of one query."""
    with pytest.raises(Invalid) as refused:
        lrs.ask("GET", {"verb": "x", "limit": "x", "since": "x"})
    assert {each.field for each in refused.value.violations} == {"verb", "limit", "since"}


ANY = st.text(max_size=60) | st.sampled_from(["true", "0", REGISTRATION, '{"mbox": 1}', "[[", "~"])
NAMES = st.sampled_from(
    [
        "agent",
        "verb",
        "activity",
        "registration",
        "since",
        "until",
        "limit",
        "format",
        "cursor",
        "ascending",
        "attachments",
        "related_agents",
        "related_activities",
        "statementId",
    ]
)


@pytest.fixture(scope="module")
def module_database(mongo: "MongoClient[dict[str, Any]]") -> Iterator[Database[ProgressStore]]:
    """A database for hypothesis, which a test makes once."""
    name = f"xapi-{uuid.uuid4().hex[:8]}"
    database = Database(mongo, name, ProgressStore, FakeClock())
    database.prepare()
    yield database
    mongo.drop_database(name)


def test_no_parameters_cause_more_than_a_refusal(
    module_database: Database[ProgressStore],
) -> None:
    """Any texts for any parameters give an answer, or an error of the domain."""
    lrs = Lrs(module_database, FakeClock())

    @settings(max_examples=300 if DEEP else 25)
    @given(st.dictionaries(NAMES, ANY, max_size=4))
    def ask(parameters: dict[str, str]) -> None:
        with suppress(Invalid, NotFound):
            assert lrs.ask("GET", parameters).status == 200

    ask()


def test_a_page_has_at_most_the_servers_limit(lrs: Lrs) -> None:
    """A limit of 0, none, and one above it all give a hundred."""
    lrs.post(*(said() for _ in range(101)))
    for page in (lrs.page(), lrs.page(limit="0"), lrs.page(limit="5000")):
        assert (len(page["statements"]), bool(page["more"])) == (100, True)


def test_a_page_ends_early_where_its_statements_are_large(lrs: Lrs) -> None:
    """Ten statements of almost a megabyte take more than one page, and none is lost."""
    large = {"response": "x" * 900_000}
    ids = lrs.post(*(said(result=large) for _ in range(10)))
    page = lrs.page()
    assert 0 < len(page["statements"]) < 10
    assert lrs.ids() == ids[::-1]


def test_a_learner_reads_own_statements_only(lrs: Lrs) -> None:
    """By query and by id; whoever asserted them."""
    mine, other = about("ada"), about("eve")
    lrs.post(mine, other)
    assert lrs.ids(by=learner("ada")) == [mine["id"]]
    with pytest.raises(NotFound):
        lrs.one(other["id"], by=learner("ada"))


def test_a_client_of_some_runs_reads_these(lrs: Lrs) -> None:
    """Not what is of no run, nor of another."""
    bound = client("lrs:bound", Scope.ALL, run_ids={RUN, "run-2"})
    here = about("ada")
    elsewhere = about("ada", object={"id": f"{BASE}/runs/run-9/activities/quiz"}, context={})
    lrs.post(here, elsewhere, said())
    assert lrs.ids(by=bound) == [here["id"]]
    assert lrs.ids(by=bound, verb=f"{ADL}completed") == [here["id"]]
    with pytest.raises(NotFound):
        lrs.one(elsewhere["id"], by=bound)


def test_the_scope_read_mine_is_what_the_client_asserted(lrs: Lrs) -> None:
    """Two clients store a statement each."""
    mine = client("lrs:mine", Scope.STATEMENTS_WRITE, Scope.STATEMENTS_READ_MINE)
    ids = lrs.post(said(), by=mine)
    lrs.post(said())
    assert lrs.ids(by=mine) == ids


def test_formats(lrs: Lrs) -> None:
    """ids leaves what identifies; canonical chooses the language of Accept-Language."""
    texts = {"en": "done", "de": "fertig"}
    sent = said(actor=AGENT | {"name": "Ana"}) | {"verb": {"id": DONE, "display": texts}}
    lrs.post(sent)
    (bare,) = lrs.page(format="ids")["statements"]
    assert (bare["actor"], bare["verb"]) == (AGENT, {"id": DONE})
    parameters = {"statementId": sent["id"], "format": "canonical"}
    german = lrs.ask("GET", parameters, headers={"accept-language": "de-AT, en;q=0.1"})
    assert json.loads(german.body)["verb"]["display"] == {"de": "fertig"}


def test_answers_tell_when_they_were_stored(lrs: Lrs) -> None:
    """Last-Modified is the newest statement's stored time; every answer tells until when it is
    consistent, not before what it returns.
    """
    (id_,) = lrs.post(said())
    lrs.clock.forward(seconds=2)
    for parameters in ({"statementId": id_}, {}):
        answer = lrs.ask("GET", parameters)
        assert answer.headers["Last-Modified"] == "Mon, 02 Mar 2026 08:00:00 GMT"
        through = answer.headers["X-Experience-API-Consistent-Through"]
        assert through == "2026-03-02T08:00:01.999Z"


def test_nothing_is_consistent_that_may_still_be_stored(lrs: Lrs) -> None:
    """While a unit of work is about to store, answers are consistent until before it began, and
    show nothing later; whoever goes on from there misses nothing.
    """
    lrs.clock.forward(seconds=1)
    begun, go_on = threading.Event(), threading.Event()
    late = lrs.clock.now()

    def slowly(store: ProgressStore) -> None:
        begun.set()
        assert go_on.wait(60)

    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(storing, lrs.database, slowly)
        assert begun.wait(60)
        lrs.clock.forward(seconds=1)
        (id_,) = lrs.post(said())
        assert lrs.page()["statements"] == []
        through = lrs.database.reader().consistent_through()
        assert through < late
        go_on.set()
        slow.result(60)
    assert lrs.ids(since=through.isoformat()) == [id_]
    assert lrs.database.mongo["storing"].count_documents({}) == 0


def test_who_follows_by_consistent_through_misses_nothing(lrs: Lrs) -> None:
    """Six threads store, and the clock goes on; a reader goes on from each answer's header, and has
    all statements at the end, each once.
    """
    stored: list[str] = []
    seen: list[str] = []

    def store(_: int) -> None:
        lrs.clock.forward(milliseconds=1)
        stored.extend(lrs.post(said()))

    def follow(since: str) -> str:
        lrs.clock.forward(milliseconds=1)
        answer = lrs.ask("GET", {"since": since, "ascending": "true"})
        page = json.loads(answer.body)
        seen.extend(each["id"] for each in page["statements"])
        assert not page["more"]
        return answer.headers["X-Experience-API-Consistent-Through"]

    since = "2026-03-02T07:00:00Z"
    with ThreadPoolExecutor(6) as pool:
        running = [pool.submit(store, number) for number in range(80)]
        while not all(each.done() for each in running):
            since = follow(since)
        for each in running:
            each.result()
    follow(since)
    assert sorted(seen) == sorted(stored)
    assert len(set(seen)) == 80


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
