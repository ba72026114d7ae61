"""Voiding (xAPI 1.0.3, part 2, section 2.3.2) as the statements resource shows it."""

import uuid

import pytest

from tests.conformance.xapi.statements.client import (
    VOIDED,
    Statements,
    referring,
    statement,
    unique,
)


def voided(statements: Statements, **parts: object) -> tuple[str, str]:
    """Store a statement and void it; return the ids of both."""
    sent = statement(**parts)
    voiding = referring(sent["id"], VOIDED)
    assert statements.post(sent, voiding).status == 200
    return sent["id"], voiding["id"]


def test_xapi_00018_a_voided_statement_is_not_found_by_its_id(statements: Statements) -> None:
    """404 by statementId; XAPI-00155, XAPI-00157: 200 by voidedStatementId."""
    target, _ = voided(statements)
    assert statements.get(statementId=target).status == 404
    found = statements.get(voidedStatementId=target)
    assert (found.status, found.json["id"]) == (200, target)


def test_xapi_00016_a_voiding_statement_is_not_voided(statements: Statements) -> None:
    """A statement that would void it is stored, and ignored."""
    target, voiding = voided(statements)
    assert statements.post(referring(voiding, VOIDED)).status == 200
    assert statements.get(statementId=voiding).status == 200
    assert statements.get(voidedStatementId=voiding).status == 404
    assert statements.get(voidedStatementId=target).status == 200


def test_xapi_00016_a_statement_is_voided_once(statements: Statements) -> None:
    """Again changes nothing."""
    target, _ = voided(statements)
    assert statements.post(referring(target, VOIDED)).status == 200
    assert statements.get(voidedStatementId=target).status == 200


def test_2_3_2_the_target_may_come_later(statements: Statements) -> None:
    """A voiding statement is taken though its target is not known; the target is voided when it
    comes (SHOULD NOT reject).
    """
    target = statement()
    assert statements.post(referring(target["id"], VOIDED)).status == 200
    assert statements.get(voidedStatementId=target["id"]).status == 404
    assert statements.post(target).status == 200
    assert statements.get(statementId=target["id"]).status == 404
    assert statements.get(voidedStatementId=target["id"]).status == 200


def test_2_3_2_only_a_voided_statement_is_found_as_one(statements: Statements) -> None:
    """404 for one that is not voided, and for none."""
    sent = statement()
    statements.post(sent)
    assert statements.get(voidedStatementId=sent["id"]).status == 404
    assert statements.get(voidedStatementId=str(uuid.uuid4())).status == 404


def test_xapi_00162_00163_queries_find_what_targets_a_voided_one_and_not_itself(
    statements: Statements,
) -> None:
    """XAPI-00162, XAPI-00163: by what finds the voided statement, and by time."""
    verb = unique("verb")
    target, voiding = voided(statements, verb={"id": verb})
    comment = referring(target)
    statements.post(comment)
    assert statements.ids(verb=verb) == [comment["id"], voiding]
    newest = [each["id"] for each in statements.get(limit="2").json["statements"]]
    assert newest == [comment["id"], voiding]


@pytest.mark.parametrize("kind", ["Activity", "Agent"])
def test_xapi_00017_00020_voiding_names_a_statement(statements: Statements, kind: str) -> None:
    """XAPI-00017, XAPI-00020: another object is refused, with 400."""
    named = {"mbox": "mailto:a@uni.example"} if kind == "Agent" else {"id": unique()}
    sent = statement(verb={"id": VOIDED}, object={"objectType": kind, **named})
    assert statements.post(sent).status == 400
