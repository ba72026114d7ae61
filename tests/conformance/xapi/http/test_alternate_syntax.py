"""The alternate request syntax (xAPI 1.0.3, part 3, section 1.3), which xAPI 2.0.0 has not."""

from typing import Any
from urllib.parse import urlencode

import pytest

from tests.conformance.xapi.http.conftest import TABLE, Answer, Lrs

FORM = "application/x-www-form-urlencoded"
ALL = [(path, method) for path, operations in TABLE.items() for method in operations]


def post(lrs: Lrs, path: str, query: str, form: Any, **headers: str) -> Answer:
    """Send a form as an old browser does: without a header but its type."""
    body = form if isinstance(form, bytes) else urlencode(form).encode()
    return lrs.send("POST", path, query, body, **{"content_type": FORM, **headers})


def required(whole: str, **form: str) -> dict[str, str]:
    return {"Authorization": whole, "X-Experience-API-Version": "1.0.3", **form}


@pytest.mark.parametrize(("path", "method"), ALL)
def test_xapi_00336_a_form_holds_any_request(lrs: Lrs, whole: str, path: str, method: str) -> None:
    """XAPI-00336: method, credentials, version, headers, parameters and content come from the form
    (1.3.s3.b2, b4, b7, b14), as if the request had come so.
    """
    parameters = dict.fromkeys(TABLE[path][method].parameters, "a b/ü")
    form = required(whole, **parameters, content='{"ü": "&="}')
    form |= {"If-Match": '"x"', "Content-Type": "application/json; x=y", "Content-Length": "12"}
    answer = post(lrs, path, f"method={method}", form)
    assert (answer.status, answer.headers["x-experience-api-version"]) == (200, "1.0.3")
    [asked] = lrs.asked
    assert (asked.method, asked.parameters) == (method, parameters)
    assert (asked.body.decode(), asked.content_type) == ('{"ü": "&="}', "application/json; x=y")
    assert asked.headers["if-match"] == '"x"'
    assert "method=" not in asked.path
    assert "content=" not in asked.path


def test_xapi_00336_headers_that_are_not_listed_come_as_headers(lrs: Lrs, whole: str) -> None:
    """1.3.s3.b8, b14: Accept-Language is a header, and in the form an unknown parameter."""
    form = required(whole)
    answer = post(lrs, "/statements", "method=GET", form, accept_language="de")
    assert (answer.status, lrs.asked[0].headers["accept-language"]) == (200, "de")
    wrong = post(lrs, "/statements", "method=GET", form | {"Accept-Language": "de"})
    assert wrong.status == 400


def test_xapi_00336_a_header_counts_where_the_form_has_it_too(lrs: Lrs, whole: str) -> None:
    """The version and the credentials of the real headers are the ones that a proxy has seen."""
    sent = {"authorization": whole, "x_experience_api_version": "1.0.1"}
    form = {"X-Experience-API-Version": "0.8", "Authorization": "Basic x", "content": "{}"}
    answer = post(lrs, "/statements", "method=PUT", form, **sent)
    assert (answer.status, answer.headers["x-experience-api-version"]) == (200, "1.0.3")


def test_xapi_00336_content_without_a_type_is_json(lrs: Lrs, whole: str) -> None:
    """1.3.s3.b10: the type of the content is optional in the form."""
    post(lrs, "/statements", "method=PUT", required(whole, content="{}"))
    assert [each.content_type for each in lrs.asked] == ["application/json"]


def test_xapi_00336_about_is_answered_too(lrs: Lrs) -> None:
    """A public resource needs no credentials here either."""
    answer = post(lrs, "/about", "method=GET", {"X-Experience-API-Version": "1.0.3"})
    assert (answer.status, answer.json["version"][-1]) == (200, "1.0.3")


@pytest.mark.parametrize(
    ("query", "form"),
    [
        ("method=PUT&statementId=x", {"content": "{}"}),
        ("method=PUT&method=PUT", {"content": "{}"}),
        ("method=PUT", {}),
        ("method=PUT", {"content": "{}", "foo": "bar"}),
        ("method=PUT", {"content": "{}", "StatementId": "x"}),
        ("method=PUT", {"content": "{}", "If-Match": "a\r\nset-cookie: b"}),
        ("method=PUT", {"content": "{}", "Content-Type": "\u2603"}),
        ("method=put", {"content": "{}"}),
        ("method=DELETE", {}),
        ("method=", {}),
        ("method", {}),
        ("method=PUT", b"content=%7B%7D&content=%7B%7D"),
        ("method=PUT", b"content=%FF"),
        ("method=PUT", b"\xff\xfe"),
        ("method=PUT", b'{"content": "{}"}'),
    ],
)
def test_xapi_00336_what_is_not_in_the_syntax_is_refused(
    lrs: Lrs, whole: str, query: str, form: Any
) -> None:
    """1.3.s3.b1 to b14: more in the query, no content, unknown parameters, what is no method of the
    resource, no header's value, no UTF-8, and no form.
    """
    sent = {"authorization": whole, "x_experience_api_version": "1.0.3"}
    answer = post(lrs, "/statements", query, form, **sent)
    assert (answer.status, lrs.asked) == (400, [])


def test_xapi_00336_credentials_of_the_form_are_checked(lrs: Lrs) -> None:
    """Without any, and with wrong ones, it is 401."""
    for wrong in ({}, {"Authorization": "Basic eDp5"}):
        form = {"X-Experience-API-Version": "1.0.3", "content": "{}", **wrong}
        assert post(lrs, "/statements", "method=PUT", form).status == 401


def test_xapi_00336_another_method_than_post_holds_no_request(lrs: Lrs, whole: str) -> None:
    """1.3.s3.b1: all requests of this syntax are POST; elsewhere `method` is unknown."""
    sent = {"authorization": whole, "x_experience_api_version": "1.0.3"}
    for method in ("GET", "PUT"):
        assert lrs.send(method, "/statements", "method=POST", b"content=x", **sent).status == 400


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE"])
@pytest.mark.parametrize("in_form", [True, False])
def test_2_0_0_has_no_alternate_syntax(lrs: Lrs, whole: str, method: str, in_form: bool) -> None:
    """xAPI 2.0.0 took the syntax away: `method` is an unknown parameter."""
    version = {"X-Experience-API-Version": "2.0.0"}
    form = {"Authorization": whole, "content": "{}", **(version if in_form else {})}
    sent = {} if in_form else {"authorization": whole, "x_experience_api_version": "2.0.0"}
    answer = post(lrs, "/statements", f"method={method}", form, **sent)
    assert (answer.status, lrs.asked) == (400, [])
