"""Queries of the LRS's statements: filters, order, pages, rights, formats."""

import json
import uuid
from typing import Any

import pytest

from chassis.errors import NotFound
from services.progress.domain.xapi.clients import Scope
from tests.integration.progress.classroom import RUN
from tests.integration.progress.lrs import ADL, BASE, Json, Lrs, about, client, learner, said
from tests.integration.progress.xapi_queries import AGENT, COURSE, DONE, FILTERS, every_combination


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
