"""How requests are rejected, and the version of statements (xAPI 1.0.3, part 2, section 2.2; part
3, sections 2, 3.2 and 3.3).
"""

import json

import pytest

from services.progress.domain.xapi.versions import Version
from services.progress.xapi.multipart import Attachment, write
from tests.conformance.xapi.statements.client import Statements, attachment, statement

# Section 3.2, and what HTTP asks beside it (RFC 9110, section 15).
STATUSES = {400, 401, 403, 404, 405, 409, 412, 413, 414, 415}
ONLY_1_0 = pytest.mark.parametrize("statements", [Version.V1_0_3], indirect=True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("statementId", "not a uuid"),
        ("voidedStatementId", "12345678-1234-1234-1234-12345678901"),
        ("agent", "{"),
        ("agent", json.dumps({"mbox": "ana@uni.example"})),
        ("agent", json.dumps({"name": "Ana"})),
        ("verb", "did"),
        ("activity", "no scheme"),
        ("registration", "1234"),
        ("since", "yesterday"),
        ("until", "2026-13-01T00:00:00Z"),
        ("limit", "-1"),
        ("limit", "one"),
        ("related_agents", "maybe"),
        ("related_activities", "TRUE"),
        ("ascending", "1"),
        ("attachments", "yes"),
        ("format", "short"),
    ],
)
def test_xapi_00012_parameters_keep_the_rules_of_statements(
    statements: Statements, name: str, value: str
) -> None:
    """A value that no statement may have is none of a parameter; the answer names the parameter."""
    answer = statements.get(**{name: value})
    assert answer.status == 400
    assert answer.json["errors"][0]["field"].startswith(name)


@pytest.mark.parametrize(
    ("method", "parameters", "body", "headers"),
    [
        ("POST", {}, b"", {}),
        ("POST", {}, b"no JSON", {}),
        ("POST", {}, b'{"actor": {}}', {}),
        ("POST", {}, b"{}", {"Content_Type": "text/plain"}),
        ("POST", {}, b"--x", {"Content_Type": "multipart/mixed; boundary=x"}),
        ("POST", {}, b"--x", {"Content_Type": "multipart/mixed"}),
        ("POST", {}, b"x" * (5 << 20), {}),
        ("PUT", {}, b"{}", {}),
        ("GET", {"statementId": "0195a1c0-5c1e-7c3a-9d52-7c6f7a1d3b60"}, None, {}),
        ("GET", {"since": "x", "limit": "x"}, None, {}),
        ("GET", {}, None, {"Authorization": "Basic eDp5"}),
        ("GET", {}, None, {"X_Experience_API_Version": "0.9"}),
        ("DELETE", {}, None, {}),
    ],
)
def test_xapi_00323_rejections_have_the_codes_of_the_specification(
    statements: Statements,
    method: str,
    parameters: dict[str, str],
    body: bytes | None,
    headers: dict[str, str],
) -> None:
    """Whatever is wrong; the body is a problem (RFC 9457) that says what would be right."""
    answer = statements.send(method, parameters, body, **headers)
    assert answer.status in STATUSES
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["status"] == answer.status


@pytest.mark.parametrize("place", [0, 1, 2])
def test_xapi_00326_a_batch_with_a_rejected_statement_leaves_nothing(
    statements: Statements, place: int
) -> None:
    """400, which names the place of the one that failed; the others are not stored."""
    batch = [statement() for _ in range(3)]
    batch[place]["verb"] = {"id": "no scheme"}
    answer = statements.post(*batch)
    assert answer.status == 400
    assert answer.json["errors"][0]["field"].startswith(f"[{place}].verb.id")
    assert [statements.get(statementId=each["id"]).status for each in batch] == [404] * 3


@ONLY_1_0
@pytest.mark.parametrize("given", ["1.0.0", "1.0.2", "1.0.3", "1.0.9"])
def test_xapi_00332_a_statement_keeps_its_version(statements: Statements, given: str) -> None:
    """XAPI-00330, XAPI-00332: a version that came is neither raised nor lowered."""
    sent = statement(version=given)
    assert statements.post(sent).status == 200
    assert statements.get(statementId=sent["id"]).json["version"] == given


@ONLY_1_0
def test_xapi_00330_a_client_of_1_0_0_gets_what_it_sent(statements: Statements) -> None:
    """Nothing of a statement is changed because of the version of its request."""
    sent = statement()
    body = json.dumps(sent).encode()
    assert statements.send("POST", {}, body, X_Experience_API_Version="1.0.0").status == 200
    found = statements.get(statementId=sent["id"]).json
    assert {name: found[name] for name in sent} == sent


def test_xapi_00138_parts_need_the_content_type_of_parts(statements: Statements) -> None:
    """Statements with the data of attachments are refused as anything but multipart/mixed."""
    data = b"notes"
    sent = statement(attachments=[attachment(data)])
    parts = [Attachment(sent["attachments"][0]["sha2"], data, "text/plain")]
    body, content_type = write(json.dumps(sent).encode(), parts)
    other = content_type.replace("mixed", "form-data")
    for kind in ("application/json", "text/plain", other):
        assert statements.send("POST", {}, body, Content_Type=kind).status == 400
    assert statements.send("POST", {}, body, Content_Type=content_type).status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/statements",
        "/activities",
        "/activities/state",
        "/activities/profile",
        "/agents",
        "/agents/profile",
        "/about",
    ],
)
def test_xapi_00140_each_resource_is_at_its_place(statements: Statements, path: str) -> None:
    """XAPI-00139, XAPI-00140: below the same base; without its parameters a resource refuses the
    request or answers it, and is not unknown.
    """
    named = {
        "authorization": statements.authorization,
        "X_Experience_API_Version": statements.version.value,
    }
    answer = statements.lrs.send("GET", path, {}, **named)
    assert answer.status == (200 if path in ("/statements", "/about") else 400)
