"""Attachments' data in requests and answers (xAPI 1.0.3, part 2, section 2.4.11; part 3, 1.5)."""

import hashlib
import uuid

import pytest

from services.progress.xapi.multipart import Parts, read
from tests.conformance.xapi.http.conftest import Answer
from tests.conformance.xapi.statements.client import (
    JSON,
    Statements,
    attachment,
    statement,
    unique,
)

DATA = b"\x00\r\n--x\r\nsome data\xff"


def parts(answer: Answer) -> Parts:
    """Return the parts of an answer."""
    assert answer.status == 200
    return read(answer.body, answer.headers["content-type"])


def test_xapi_00167_attachments_come_back_as_parts(statements: Statements) -> None:
    """By query and by id, with their hash; the first part is JSON."""
    verb = unique("verb")
    data = DATA + uuid.uuid4().bytes
    sent = statement(verb={"id": verb}, attachments=[attachment(data)])
    assert statements.post_with(sent, data).status == 200
    for asked in ({"verb": verb}, {"statementId": sent["id"]}):
        found = parts(statements.get(attachments="true", **asked))
        assert [each.data for each in found.attachments.values()] == [data]
        assert sent["id"].encode() in found.statements


def test_xapi_00161_without_the_parameter_no_data_come(statements: Statements) -> None:
    """The answer is JSON."""
    sent = statement(attachments=[attachment(DATA)])
    statements.post_with(sent, DATA)
    answer = statements.get(statementId=sent["id"], attachments="false")
    assert answer.headers["content-type"].partition(";")[0] == JSON


def test_1_5_2_data_of_several_statements_come_once(statements: Statements) -> None:
    """Two statements share data, in requests and answers."""
    verb = unique("verb")
    sent = [statement(verb={"id": verb}, attachments=[attachment(DATA)]) for _ in range(2)]
    assert statements.post_with(sent, DATA).status == 200
    found = parts(statements.get(verb=verb, attachments="true"))
    assert [each.data for each in found.attachments.values()] == [DATA]


def test_2_4_11_an_attachment_with_a_url_needs_no_data(statements: Statements) -> None:
    """By JSON and by multipart; none come back, though another statement brought such data."""
    statements.post_with(statement(attachments=[attachment(DATA)]), DATA)
    sent = statement(attachments=[attachment(DATA, fileUrl=unique("file"))])
    assert statements.post(sent).status == 200
    assert not parts(statements.get(statementId=sent["id"], attachments="true")).attachments


def test_xapi_00129_missing_data_are_refused(statements: Statements) -> None:
    """By multipart without the part, and by JSON alone."""
    sent = statement(attachments=[attachment(DATA)])
    assert statements.post_with(sent).status == 400
    assert statements.post(sent).status == 400


def test_xapi_00128_data_of_no_attachment_are_refused(statements: Statements) -> None:
    """Beside those of the statement's attachment, and without any."""
    sent = statement(attachments=[attachment(DATA)])
    assert statements.post_with(sent, DATA, b"more").status == 400
    assert statements.post_with(statement(), DATA).status == 400


def test_2_4_11_another_length_is_refused(statements: Statements) -> None:
    """The length is that of the data."""
    sent = statement(attachments=[attachment(DATA, length=len(DATA) + 1)])
    assert statements.post_with(sent, DATA).status == 400


@pytest.mark.parametrize("name", ["sha224", "sha384", "sha512"])
def test_2_4_11_each_hash_function_of_sha_2(statements: Statements, name: str) -> None:
    """A statement may use any of them: its data are named by the same hash."""
    sha2 = hashlib.new(name, DATA).hexdigest()
    sent = statement(attachments=[attachment(DATA, sha2=sha2, fileUrl=unique("file"))])
    assert statements.post(sent).status == 200


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "x"])
def test_xapi_00127_other_content_types_are_refused(
    statements: Statements, content_type: str
) -> None:
    """400, for JSON under another name."""
    assert statements.post(statement(), Content_Type=content_type).status == 400


def test_2_6_a_signature_that_is_none_is_refused(statements: Statements) -> None:
    """XAPI-00115 to 00117: the attachment of a signature holds a JWS of the statement."""
    usage = "http://adlnet.gov/expapi/attachments/signature"
    octets = "application/octet-stream"
    signed = attachment(DATA, usageType=usage, contentType=octets)
    assert statements.post_with(statement(attachments=[signed]), DATA).status == 400
