"""Queries (xAPI 1.0.3, part 3, section 2.1.3; part 2, section 2.5)."""

import json
import uuid
from collections.abc import Callable, Mapping

import pytest

from tests.conformance.xapi.statements.client import (
    ACTOR,
    Json,
    Statements,
    referring,
    statement,
    unique,
)


def agent() -> Json:
    """Return an agent that no other test uses."""
    return {"objectType": "Agent", "account": {"homePage": unique(), "name": "a"}}


def test_xapi_00180_verb(statements: Statements) -> None:
    """Only what has the verb; XAPI-00164."""
    verb = unique("verb")
    sent = statement(verb={"id": verb})
    statements.post(sent, statement())
    assert statements.ids(verb=verb) == [sent["id"]]


def test_xapi_00179_activity(statements: Statements) -> None:
    """Only what has it as its object."""
    activity = unique("activity")
    sent = statement(object={"id": activity})
    statements.post(sent, statement(context={"contextActivities": {"other": {"id": activity}}}))
    assert statements.ids(activity=activity) == [sent["id"]]


def test_xapi_00178_registration(statements: Statements) -> None:
    """Also in capitals."""
    registration = str(uuid.uuid4())
    sent = statement(context={"registration": registration})
    statements.post(sent, statement())
    assert statements.ids(registration=registration.upper()) == [sent["id"]]


@pytest.mark.parametrize(
    "identifier",
    [
        lambda: {"mbox": f"mailto:{uuid.uuid4()}@uni.example"},
        lambda: {"mbox_sha1sum": uuid.uuid4().hex + "12345678"},
        lambda: {"openid": unique("openid")},
        lambda: {"account": {"homePage": unique(), "name": "a"}},
    ],
    ids=["mbox", "mbox_sha1sum", "openid", "account"],
)
def test_xapi_00181_agent(statements: Statements, identifier: Callable[[], Json]) -> None:
    """By each inverse functional identifier: as the actor, a group's member or the object."""
    one = identifier()
    group = {"objectType": "Group", "member": [one]}
    sent = [
        statement(actor=one | {"name": "Ana"}),
        statement(actor=group),
        statement(object={"objectType": "Agent", **one}),
    ]
    statements.post(*sent, statement(context={"instructor": one}))
    assert set(statements.ids(agent=json.dumps(one))) == {each["id"] for each in sent}


PLACES: Mapping[str, Callable[[Json], Json]] = {
    "actor": lambda one: {"actor": one},
    "object": lambda one: {"object": one},
    "instructor": lambda one: {"context": {"instructor": one}},
    "team": lambda one: {"context": {"team": {"objectType": "Group", "member": [one]}}},
    "sub-statement": lambda one: {
        "object": {
            "objectType": "SubStatement",
            "actor": one,
            "verb": {"id": "https://uni.example/v"},
            "object": {"id": "https://uni.example/a"},
        }
    },
}


@pytest.mark.parametrize("place", PLACES)
def test_xapi_00176_related_agents(statements: Statements, place: str) -> None:
    """In each place where an agent may stand."""
    one = agent()
    sent = statement(**PLACES[place](one))
    statements.post(sent)
    assert statements.ids(agent=json.dumps(one), related_agents="true") == [sent["id"]]


@pytest.mark.parametrize("kind", ["parent", "grouping", "category", "other", "object", "sub"])
def test_xapi_00177_related_activities(statements: Statements, kind: str) -> None:
    """As the object, in the context, and in a sub-statement."""
    activity = {"id": unique("activity")}
    parts: Json = {"context": {"contextActivities": {kind: activity}}}
    if kind == "object":
        parts = {"object": activity}
    if kind == "sub":
        parts = PLACES["sub-statement"](ACTOR)
        parts["object"]["object"] = activity
    sent = statement(**parts)
    assert statements.post(sent).status == 200
    found = statements.ids(activity=activity["id"], related_activities="true")
    assert found == [sent["id"]]


def test_xapi_00174_00175_since_and_until(statements: Statements) -> None:
    """XAPI-00174, XAPI-00175: after `since`, and at `until` or before."""
    verb = unique("verb")
    sent = [statement(verb={"id": verb}) for _ in range(3)]
    for each in sent:
        statements.post(each)
    ids = [each["id"] for each in sent]
    middle = statements.get(statementId=ids[1]).json["stored"]
    assert statements.ids(verb=verb, since=middle) == ids[2:]
    assert statements.ids(verb=verb, until=middle) == ids[1::-1]


def test_xapi_00166_ascending(statements: Statements) -> None:
    """By stored time; without the parameter, newest first."""
    verb = unique("verb")
    sent = [statement(verb={"id": verb}) for _ in range(3)]
    for each in sent:
        statements.post(each)
    ids = [each["id"] for each in sent]
    assert statements.ids(verb=verb, ascending="true") == ids
    assert statements.ids(verb=verb, ascending="false") == statements.ids(verb=verb) == ids[::-1]


def test_xapi_00108_00111_00113_00114_00173_limit_and_more(statements: Statements) -> None:
    """XAPI-00108, XAPI-00111, XAPI-00113, XAPI-00114, XAPI-00173: a page has `limit` statements,
    and `more` leads to the others, page by page.
    """
    verb = unique("verb")
    sent = [statement(verb={"id": verb}) for _ in range(5)]
    statements.post(*sent)
    first = statements.get(verb=verb, limit="2")
    assert len(first.json["statements"]) == 2
    assert first.json["more"].startswith("/xapi/statements?")
    assert statements.ids(verb=verb, limit="2") == [each["id"] for each in sent][::-1]
    assert len(statements.get(verb=verb, limit="0").json["statements"]) == 5


def test_xapi_00109_00110_more_is_empty_at_the_end(statements: Statements) -> None:
    """XAPI-00109, XAPI-00110: and `statements` is an array."""
    verb = unique("verb")
    statements.post(statement(verb={"id": verb}))
    found = statements.get(verb=verb).json
    assert (len(found["statements"]), found["more"]) == (1, "")


def test_xapi_00168_00170_exact_is_what_came(statements: Statements) -> None:
    """XAPI-00168, XAPI-00170: by format=exact, and without a format."""
    sent = statement(result={"extensions": {"https://uni.example/e": {"$x": [1, 1.5, None]}}})
    statements.post(sent)
    for more in ({}, {"format": "exact"}):
        found = statements.get(statementId=sent["id"], **more).json
        assert {name: found[name] for name in sent} == sent


def test_xapi_00171_ids(statements: Statements) -> None:
    """Agents, activities and verbs have their identifiers alone."""
    sent = statement(actor=ACTOR | {"name": "Ana"})
    sent["object"]["definition"] = {"name": {"en": "A"}}
    statements.post(sent)
    found = statements.get(statementId=sent["id"], format="ids").json
    assert found["actor"] == ACTOR
    assert found["verb"] == {"id": sent["verb"]["id"]}
    assert "definition" not in found["object"]


def test_xapi_00169_00172_canonical(statements: Statements) -> None:
    """XAPI-00169, XAPI-00172: the definition that the LRS has learned, in the language of
    Accept-Language.
    """
    activity = unique("activity")
    names = {"en": "Exam", "de": "Prüfung"}
    defined = statement(object={"id": activity, "definition": {"name": names}})
    bare = statement(object={"id": activity, "definition": {"moreInfo": unique()}})
    statements.post(defined)
    statements.post(bare)
    parameters = {"statementId": bare["id"], "format": "canonical"}
    found = statements.send("GET", parameters, Accept_Language="de-AT, en;q=0.5").json
    assert found["object"]["definition"]["name"] == {"de": "Prüfung"}
    assert found["verb"]["display"] == {"de": "tat"}


def test_2_1_3_a_reference_is_found_by_what_finds_its_target(statements: Statements) -> None:
    """Recursively; limits of time hold for itself (filter conditions for StatementRefs)."""
    verb = unique("verb")
    target = statement(verb={"id": verb})
    near = referring(target["id"])
    far = referring(near["id"])
    for each in (target, near, far):
        statements.post(each)
    ids = [each["id"] for each in (target, near, far)]
    assert statements.ids(verb=verb) == ids[::-1]
    stored = statements.get(statementId=near["id"]).json["stored"]
    assert statements.ids(verb=verb, since=stored) == [far["id"]]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("agent", "{"),
        ("agent", '{"name": "Ana"}'),
        ("verb", "x"),
        ("activity", "x"),
        ("registration", "x"),
        ("since", "x"),
        ("until", "x"),
        ("limit", "x"),
        ("limit", "-1"),
        ("format", "x"),
        ("ascending", "x"),
        ("attachments", "x"),
        ("related_agents", "x"),
        ("related_activities", "x"),
        ("statementId", "x"),
        ("voidedStatementId", "x"),
        ("unknown", "x"),
        ("Verb", "https://uni.example/v"),
    ],
)
def test_2_0_wrong_parameters_are_refused(statements: Statements, name: str, value: str) -> None:
    """XAPI-00141 and section 2.0: wrong values, unknown names, another case."""
    assert statements.get(**{name: value}).status == 400
