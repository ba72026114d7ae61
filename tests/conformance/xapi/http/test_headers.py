"""Methods, headers, versions, parameters and credentials of requests (xAPI 1.0.3, part 3, sections
1.1, 1.2, 3.2, 3.3 and 4; xAPI 2.0.0, section 4.1).
"""

import base64
from typing import Any

import pytest

from services.progress.domain.xapi.clients import Scope
from services.progress.domain.xapi.versions import Version
from tests.conformance.xapi.http.conftest import TABLE, Lrs

PATHS = list(TABLE)
ALL = [(path, method) for path, operations in TABLE.items() for method in operations]
VERSION = "x_experience_api_version"
OTHERS = {"GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"}


@pytest.mark.parametrize(
    ("given", "read", "told"),
    [
        ("1.0", Version.V1_0_3, "1.0.3"),
        ("1.0.0", Version.V1_0_3, "1.0.3"),
        ("1.0.1", Version.V1_0_3, "1.0.3"),
        ("1.0.3", Version.V1_0_3, "1.0.3"),
        ("1.0.32", Version.V1_0_3, "1.0.3"),
        ("2.0", Version.V2_0_0, "2.0.0"),
        ("2.0.0", Version.V2_0_0, "2.0.0"),
        ("2.0.7", Version.V2_0_0, "2.0.0"),
    ],
)
def test_xapi_00333_a_version_is_answered_with_its_latest_patch(
    lrs: Lrs, whole: str, given: str, read: Version, told: str
) -> None:
    """XAPI-00333: X-Experience-API-Version tells the latest patch of the version that was asked."""
    for path in PATHS:
        answer = lrs.send("GET", path, authorization=whole, **{VERSION: given})
        assert (answer.status, answer.headers["x-experience-api-version"]) == (200, told)
    assert {each.version for each in lrs.asked} == {read}


@pytest.mark.parametrize(
    "given", [None, "", "0.9", "0.95", "1", "1.1.0", "1.0.x", "10.0", "2.1.0", "3.0.0", "1.0.3 "]
)
def test_xapi_00331_another_version_is_refused(lrs: Lrs, whole: str, given: str | None) -> None:
    """XAPI-00331, XAPI-00321: 400 without the header and for another value, which are told what is
    right; HTTP itself strips the space at the end of a value (RFC 9110, section 5.5).
    """
    headers = {} if given is None else {VERSION: given}
    fine = given is not None and given.strip() == "1.0.3"
    for path in PATHS:
        answer = lrs.send("GET", path, authorization=whole, **headers)
        assert answer.status == (200 if fine else 400)
        assert answer.headers["x-experience-api-version"] == ("1.0.3" if fine else "2.0.0")
        assert fine or answer.json["errors"][0]["field"] == "X-Experience-API-Version"


@pytest.mark.parametrize(
    ("status", "method", "query", "authorization"),
    [
        (400, "GET", "unknown=1", "whole"),
        (401, "GET", "", "Basic eDp5"),
        (403, "GET", "", "writer"),
        (405, "DELETE", "", "whole"),
        (413, "PUT", "", "whole"),
        (414, "GET", "x" * 9000, "whole"),
    ],
)
def test_xapi_00333_a_refusal_tells_the_version_too(
    lrs: Lrs, whole: str, status: int, method: str, query: str, authorization: str
) -> None:
    """XAPI-00333: every response has the header, whatever refuses the request."""
    known = {"whole": whole, "writer": lrs.credential("statements/write")}
    body = b"x" * (4 * 1024 * 1024 + 1) if status == 413 else None
    sent: dict[str, str] = {"authorization": known.get(authorization, authorization)}
    answer = lrs.send(method, "/statements", query, body, **sent, **{VERSION: "1.0.1"})
    assert answer.status == status
    assert answer.headers["x-experience-api-version"] == "1.0.3"


@pytest.mark.parametrize(("path", "method"), ALL)
def test_xapi_00324_an_unknown_parameter_is_refused(
    lrs: Lrs, whole: str, path: str, method: str
) -> None:
    """XAPI-00324: 400 for a parameter that this method of the resource does not know."""
    sent = {"authorization": whole, VERSION: "1.0.3"}
    answer = lrs.send(method, path, {"foo": "bar", "bar": ""}, **sent)
    assert (answer.status, lrs.asked) == (400, [])
    assert [each["field"] for each in answer.json["errors"]] == ["foo", "bar"]


NAMED = [
    (path, method, name)
    for path, operations in TABLE.items()
    for method, operation in operations.items()
    for name in sorted(operation.parameters)
]


@pytest.mark.parametrize(("path", "method", "name"), NAMED)
def test_xapi_00325_a_parameter_in_another_case_is_refused(
    lrs: Lrs, whole: str, path: str, method: str, name: str
) -> None:
    """XAPI-00325: 400 for another case, and for a parameter that comes twice; a known one comes to
    the resource as it is.
    """
    sent = {"authorization": whole, VERSION: "2.0.0"}
    for query in ({name.upper(): "x"}, {name.title(): "x"}, f"{name}=x&{name}=x"):
        assert lrs.send(method, path, query, **sent).status == 400
    assert lrs.send(method, path, {name: "a b/ü"}, **sent).status == 200
    assert [each.parameters for each in lrs.asked] == [{name: "a b/ü"}]


@pytest.mark.parametrize("query", ["agent=%FF", "agent=%C3", "&".join(["limit=1"] * 200)])
def test_section_1_4_parameters_are_utf_8(lrs: Lrs, whole: str, query: str) -> None:
    """Section 1.4: all strings are UTF-8; others, and more than any resource has, are refused."""
    sent = {"authorization": whole, VERSION: "1.0.3"}
    assert lrs.send("GET", "/statements", query, **sent).status == 400
    assert lrs.asked == []


@pytest.mark.parametrize("path", [*PATHS, "/about"])
def test_xapi_00126_head_is_get_without_its_body(lrs: Lrs, whole: str, path: str) -> None:
    """XAPI-00125, XAPI-00126: HEAD is answered as GET is, without the body and without a
    Content-Length of its own.
    """
    sent = {"authorization": whole, VERSION: "1.0.3"}
    get, head = (lrs.send(method, path, **sent) for method in ("GET", "HEAD"))
    assert (head.status, head.body) == (get.status, b"") == (200, b"")
    same = ("content-type", "content-length", "x-experience-api-version")
    assert [head.headers[each] for each in same] == [get.headers[each] for each in same]


@pytest.mark.parametrize("path", [*PATHS, "/about"])
def test_section_3_2_a_method_that_is_not_of_the_resource_is_405(lrs: Lrs, path: str) -> None:
    """Section 3.2: 405 with Allow, also for who has no credentials."""
    methods = set(TABLE.get(path, {"GET": None}))
    for method in OTHERS - methods:
        answer = lrs.send(method, path, **{VERSION: "1.0.3"})
        assert answer.status == 405, method
        assert set(answer.headers["allow"].split(", ")) == methods | {"HEAD"}


@pytest.mark.parametrize("path", ["", "/", "/statement", "/statements/more/x", "/activities/x"])
def test_what_is_no_resource_is_404(lrs: Lrs, whole: str, path: str) -> None:
    """A path of the LRS at which nothing is."""
    assert lrs.send("GET", path, authorization=whole, **{VERSION: "1.0.3"}).status == 404


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic",
        "Basic:" + base64.b64encode(b"RobCIsNot:AUserOnThisLRS").decode(),
        "Basic " + base64.b64encode(b"RobCIsNot:AUserOnThisLRS").decode(),
        "Bearer x",
        "OAuth x",
    ],
)
def test_xapi_00334_wrong_credentials_are_401(lrs: Lrs, authorization: str) -> None:
    """XAPI-00334: no credentials, malformed ones and wrong ones; the challenge names the ways."""
    for path in PATHS:
        answer = lrs.send("GET", path, authorization=authorization, **{VERSION: "1.0.3"})
        assert (answer.status, lrs.asked) == (401, [])
        assert answer.headers["www-authenticate"] == 'Bearer realm="tandem", Basic realm="tandem"'


def test_xapi_00335_basic_authentication_is_supported(lrs: Lrs, whole: str) -> None:
    """XAPI-00335: the client of the credential is the one whom the resource sees."""
    sent: dict[str, Any] = {"authorization": whole, VERSION: "1.0.3"}
    assert lrs.send("PUT", "/statements", {"statementId": "x"}, b"{}", **sent).status == 200
    [asked] = lrs.asked
    assert (asked.client.scopes, asked.client.run_ids) == ({Scope.ALL}, None)
    assert asked.client.authority["account"]["name"] == asked.client.id
    assert (asked.method, asked.body) == ("PUT", b"{}")


STATEMENTS = [each for each in ALL if each[0] == "/statements"]
LOOK_UPS = {("/activities", "GET"), ("/agents", "GET")}
# Section 4.2: who may do what; `all` everything, and `all/read` reads everything.
RIGHTS = {
    "statements/write": {each for each in STATEMENTS if each[1] != "GET"},
    "statements/read/mine": {("/statements", "GET"), *LOOK_UPS},
    "statements/read": {("/statements", "GET"), *LOOK_UPS},
    "state": {each for each in ALL if each[0] == "/activities/state"} | LOOK_UPS,
    "define": LOOK_UPS,
    "profile": {each for each in ALL if each[0].endswith("/profile")} | LOOK_UPS,
    "all/read": {each for each in ALL if each[1] == "GET"},
    "all": set(ALL),
}


@pytest.mark.parametrize("scope", RIGHTS)
def test_xapi_00327_a_scope_opens_what_is_its_own(lrs: Lrs, scope: str) -> None:
    """XAPI-00327: valid credentials that are not adequate get 403 (section 4.2)."""
    sent = {"authorization": lrs.credential(scope), VERSION: "1.0.3"}
    statuses = {each: lrs.send(each[1], each[0], **sent).status for each in ALL}
    assert statuses == {each: 200 if each in RIGHTS[scope] else 403 for each in ALL}


def test_xapi_00328_what_is_too_large_is_413(lrs: Lrs, whole: str) -> None:
    """XAPI-00328: a body of up to 4 MiB comes to the resource, and no larger one."""
    sent: dict[str, Any] = {"authorization": whole, VERSION: "1.0.3"}
    largest = 4 * 1024 * 1024
    assert lrs.send("POST", "/statements", "", b" " * largest, **sent).status == 200
    assert lrs.send("POST", "/statements", "", b" " * (largest + 1), **sent).status == 413
    assert [len(each.body) for each in lrs.asked] == [largest]


def test_section_1_2_headers_come_to_the_resource(lrs: Lrs, whole: str) -> None:
    """Section 1.2: by their lower-case names, and the path and query as they came."""
    sent: dict[str, Any] = {"authorization": whole, VERSION: "1.0.3"}
    more = {"if_match": '"x"', "accept_language": "de, en", "content_type": "text/plain"}
    lrs.send("PUT", "/activities/state", "stateId=a%20b", b"x", **sent, **more)
    [asked] = lrs.asked
    assert (asked.headers["if-match"], asked.headers["accept-language"]) == ('"x"', "de, en")
    assert (asked.content_type, asked.path) == (
        "text/plain",
        "/xapi/activities/state?stateId=a%20b",
    )


def test_every_resource_is_there(real_lrs: Lrs) -> None:
    """Section 2: each resource that is asked for nothing answers, or tells what is missing."""
    sent = {"authorization": real_lrs.credential("all"), VERSION: "1.0.3"}
    assert {*real_lrs.paths} <= {*TABLE, "/about"}
    for path in real_lrs.paths:
        assert real_lrs.send("GET", path, **sent).status in (200, 400), path


@pytest.mark.parametrize("version", ["1.0.3", "2.0.0"])
def test_a_document_goes_through_http_as_it_is(real_lrs: Lrs, version: str) -> None:
    """Bytes and type of a document, its entity tag, and what an old tag is answered."""
    sent: dict[str, Any] = {"authorization": real_lrs.credential("profile"), VERSION: version}
    named = {"activityId": "https://a.example/1", "profileId": "p"}
    content = b"\0\xff\r\n--x"
    path, first = "/activities/profile", {"content_type": "text/x-y", "if_none_match": "*"}
    assert real_lrs.send("PUT", path, named, content, **sent, **first).status == 204
    answer = real_lrs.send("GET", path, named, **sent)
    assert (answer.body, answer.headers["content-type"]) == (content, "text/x-y")
    again = real_lrs.send("PUT", path, named, b"x", **sent, **first)
    assert again.status == 412
    old = real_lrs.send("DELETE", path, named, **sent, if_match='"old"')
    assert old.status == 412
    same = {"if_match": answer.headers["etag"]}
    assert real_lrs.send("DELETE", path, named, **sent, **same).status == 204
