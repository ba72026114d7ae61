"""The statements resource: PUT, POST and what GET answers (xAPI 1.0.3, part 3, section 2.1)."""

import json
import uuid
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlencode

import pytest

from services.progress.domain.xapi.versions import Version
from tests.conformance.xapi.statements.client import JSON, Statements, statement, unique

FORM = "application/x-www-form-urlencoded"
THROUGH = "x-experience-api-consistent-through"


def test_xapi_00142_a_stored_statement_is_not_modified(statements: Statements) -> None:
    """Another with its id is a conflict, by PUT and POST; the same again is fine."""
    sent = statement()
    assert statements.post(sent).status == 200
    before = statements.get(statementId=sent["id"]).body
    other = sent | {"verb": {"id": unique("verb")}}
    assert statements.put(sent["id"], other).status == 409
    assert statements.post(other).status == 409
    assert statements.put(sent["id"], sent).status == 204
    assert statements.post(sent).status == 200
    assert statements.get(statementId=sent["id"]).body == before


def test_xapi_00143_00144_put_answers_204(statements: Statements) -> None:
    """XAPI-00143, XAPI-00144: with the parameter statementId; there is no body."""
    sent = statement()
    answer = statements.put(sent["id"], sent)
    assert (answer.status, answer.body) == (204, b"")


def test_xapi_00145_put_without_statement_id_is_refused(statements: Statements) -> None:
    """Though the statement has an id."""
    assert statements.send("PUT", {}, json.dumps(statement()).encode()).status == 400


def test_xapi_00146_00147_post_answers_all_ids(statements: Statements) -> None:
    """XAPI-00146, XAPI-00147: in their order; of one statement and of several, with ids and
    without.
    """
    one, other = statement(), statement()
    assert statements.post(one).json == [one["id"]]
    del other["id"]
    again, made = statements.post(one, other).json
    assert again == one["id"]
    assert uuid.UUID(made)


def test_2_1_2_a_batch_is_stored_as_a_whole_or_not(statements: Statements) -> None:
    """One statement that is refused refuses all (section 2.1.2; part 3, 2.0)."""
    good = statement()
    assert statements.post(good, statement(actor={})).status == 400
    assert statements.get(statementId=good["id"]).status == 404


def test_2_1_2_ids_of_a_batch_differ(statements: Statements) -> None:
    """XAPI-00026: the same id twice is refused, with 400."""
    sent = statement()
    assert statements.post(sent, sent).status == 400


def test_xapi_00149_00154_00159_a_query_that_finds_nothing(statements: Statements) -> None:
    """XAPI-00149, XAPI-00154, XAPI-00159: 200, and no statements; XAPI-00112 too."""
    answer = statements.get(verb=unique("verb"))
    assert answer.status == 200
    assert answer.json == {"statements": [], "more": ""}


@pytest.mark.parametrize("name", ["statementId", "voidedStatementId"])
@pytest.mark.parametrize(
    ("other", "value"),
    [
        ("agent", '{"mbox": "mailto:a@uni.example"}'),
        ("verb", "https://uni.example/v"),
        ("activity", "https://uni.example/a"),
        ("registration", "11111111-2222-4333-8444-aaaaaaaaaaaa"),
        ("related_activities", "true"),
        ("related_agents", "true"),
        ("since", "2026-01-01T00:00:00Z"),
        ("until", "2026-01-01T00:00:00Z"),
        ("limit", "1"),
        ("ascending", "true"),
    ],
)
def test_xapi_00150_00151_an_id_stands_alone(
    statements: Statements, name: str, other: str, value: str
) -> None:
    """XAPI-00150, XAPI-00151: beside it only attachments and format may stand."""
    parameters = {name: str(uuid.uuid4()), other: value}
    assert statements.get(**parameters).status == 400


def test_xapi_00156_00158_an_id_with_attachments_and_format(statements: Statements) -> None:
    """XAPI-00156, XAPI-00158: each of them is fine."""
    sent = statement()
    statements.post(sent)
    for more in ({}, {"format": "ids"}, {"attachments": "false"}):
        answer = statements.get(statementId=sent["id"], **more)
        assert (answer.status, answer.json["id"]) == (200, sent["id"])


def test_xapi_00152_00160_consistent_through(statements: Statements) -> None:
    """XAPI-00152, XAPI-00160: an ISO 8601 instant, not before any returned statement was stored."""
    statements.post(statement(), statement())
    answer = statements.get(limit="2")
    through = datetime.fromisoformat(answer.headers[THROUGH])
    assert through.utcoffset() == timedelta(0)
    for each in answer.json["statements"]:
        assert datetime.fromisoformat(each["stored"]) <= through


def test_xapi_00153_every_answer_has_consistent_through(statements: Statements) -> None:
    """Of 200, 204, 400, 404 and 409."""
    sent = statement()
    answers = [
        statements.post(sent),
        statements.put(sent["id"], sent),
        statements.get(limit="x"),
        statements.get(statementId=str(uuid.uuid4())),
        statements.post(sent | {"verb": {"id": unique("verb")}}),
    ]
    assert [each.status for each in answers] == [200, 204, 400, 404, 409]
    assert all(THROUGH in each.headers for each in answers)


def test_xapi_00161_00165_without_attachments_the_answer_is_json(statements: Statements) -> None:
    """XAPI-00161, XAPI-00165: by attachments=false, and without the parameter."""
    for more in ({}, {"attachments": "false"}):
        answer = statements.get(limit="1", **more)
        assert answer.headers["content-type"].partition(";")[0] == JSON


def test_2_1_3_last_modified_is_the_newest_stored(statements: Statements) -> None:
    """Of one statement and of several (1.0.3: SHOULD; 2.0.0: shall)."""
    sent = statement()
    statements.post(sent)
    for answer in (statements.get(statementId=sent["id"]), statements.get(limit="2")):
        found = answer.json.get("statements", [answer.json])
        newest = max(datetime.fromisoformat(each["stored"]) for each in found)
        told = parsedate_to_datetime(answer.headers["last-modified"])
        assert told == newest.replace(microsecond=0)


def test_2_4_what_the_lrs_sets(statements: Statements) -> None:
    """XAPI-00024, XAPI-00097 to 00100: stored, timestamp, authority and version are there; the
    client's stored and authority are replaced.
    """
    forged = {"authority": {"mbox": "mailto:rector@uni.example"}, "stored": "2001-01-01T00:00:00Z"}
    sent = statement(**forged)
    statements.post(sent)
    found = statements.get(statementId=sent["id"]).json
    assert {"stored", "timestamp", "authority", "version"} <= found.keys()
    assert found["authority"] != forged["authority"]
    assert found["stored"] != forged["stored"]
    assert found["version"] == ("1.0.0" if statements.version.value == "1.0.3" else "2.0.0")


def test_head_answers_as_get_without_a_body(statements: Statements) -> None:
    """XAPI-00125 for statements."""
    answer = statements.send("HEAD", {"limit": "1"})
    assert (answer.status, answer.body) == (200, b"")
    assert THROUGH in answer.headers


def test_xapi_00148_a_get_within_a_post(statements: Statements) -> None:
    """By the alternate request syntax, which 2.0.0 has not: 200 and the result."""
    verb = unique("verb")
    sent = statement(verb={"id": verb})
    statements.post(sent)
    form = urlencode({"verb": verb}).encode()
    answer = statements.send("POST", {"method": "GET"}, form, Content_Type=FORM)
    if statements.version is Version.V2_0_0:
        assert answer.status == 400
    else:
        assert answer.status == 200
        assert [each["id"] for each in answer.json["statements"]] == [sent["id"]]
