"""Document Resources: what holds for all three (xAPI 1.0.3, part 3, section 2.2)."""

from datetime import timedelta
from typing import NamedTuple

import pytest

from services.progress.domain.xapi.documents import Content
from tests.conformance.xapi.resources import (
    ACTIVITY_PROFILE,
    AGENT_PROFILE,
    JSON,
    STATE,
    Resources,
    about,
    many,
)
from tests.conftest import FakeClock

RESOURCES = [STATE, AGENT_PROFILE, ACTIVITY_PROFILE]
every = pytest.mark.parametrize("resource", RESOURCES)
FORD = {"car": {"make": "Ford", "model": "Escape"}, "driver": "Dale"}
DODGE = {"car": {"make": "Dodge"}, "series": {"nascar": "nextel"}}


class Numbers(NamedTuple):
    """The requirements of ADL's list for one resource."""

    stored_by_put: str
    stored_by_post: str
    read: str
    since: str
    deleted: str
    merged: str
    no_object: str
    no_json_type: str
    invalid_json: str


NUMBERS = {
    STATE: Numbers(
        stored_by_put="XAPI-00190",
        stored_by_post="XAPI-00189 XAPI-00230 XAPI-00231 XAPI-00233",
        read="XAPI-00188 XAPI-00192 XAPI-00217",
        since="XAPI-00195 XAPI-00221 XAPI-00222",
        deleted="XAPI-00187 XAPI-00191 XAPI-00216",
        merged="XAPI-00183 XAPI-00184 XAPI-00185 XAPI-00186 XAPI-00234",
        no_object="XAPI-00182 XAPI-00229",
        no_json_type="XAPI-00182 XAPI-00232",
        invalid_json="XAPI-00182 XAPI-00235",
    ),
    AGENT_PROFILE: Numbers(
        stored_by_put="XAPI-00273",
        stored_by_post="XAPI-00272 XAPI-00280 XAPI-00282 XAPI-00283",
        read="XAPI-00259 XAPI-00269 XAPI-00274",
        since="XAPI-00268 XAPI-00275",
        deleted="XAPI-00271",
        merged="XAPI-00183 XAPI-00184 XAPI-00185 XAPI-00186 XAPI-00279",
        no_object="XAPI-00182 XAPI-00281",
        no_json_type="XAPI-00182 XAPI-00278",
        invalid_json="XAPI-00182 XAPI-00284",
    ),
    ACTIVITY_PROFILE: Numbers(
        stored_by_put="XAPI-00287 XAPI-00293",
        stored_by_post="XAPI-00286 XAPI-00292 XAPI-00310 XAPI-00311 XAPI-00312",
        read="XAPI-00288 XAPI-00290",
        since="XAPI-00294 XAPI-00303",
        deleted="XAPI-00285 XAPI-00291",
        merged="XAPI-00183 XAPI-00184 XAPI-00185 XAPI-00186 XAPI-00308",
        no_object="XAPI-00182 XAPI-00313",
        no_json_type="XAPI-00182 XAPI-00309",
        invalid_json="XAPI-00182 XAPI-00314",
    ),
}


def requirement(name: str) -> pytest.MarkDecorator:
    """Mark a test to run for each resource, with the numbers of what it checks."""
    each = [(getattr(numbers, name), resource) for resource, numbers in NUMBERS.items()]
    return pytest.mark.parametrize(("number", "resource"), each)


@requirement("stored_by_put")
def test_put_stores(documents: Resources, number: str, resource: str) -> None:
    """PUT of a new document stores it, and is answered 204 without a body."""
    named = about(resource)
    answer = documents.call("PUT", resource, named, FORD)
    assert (answer.status, answer.body) == (204, b"")
    assert documents.read(resource, named) == FORD


@requirement("stored_by_post")
def test_post_stores(documents: Resources, number: str, resource: str) -> None:
    """POST of a new document stores it as PUT does, and is answered 204 without a body."""
    named = about(resource)
    answer = documents.call("POST", resource, named, FORD)
    assert (answer.status, answer.body) == (204, b"")
    assert documents.read(resource, named) == FORD


@requirement("read")
def test_get(documents: Resources, number: str, resource: str) -> None:
    """GET returns a document as it came, with its content type, and when it was changed."""
    named, kind = about(resource), "image/x-thing; a=b"
    documents.call("PUT", resource, named, b"\x00\xff raw", content_type=kind)
    answer = documents.call("GET", resource, named)
    assert (answer.status, answer.body, answer.media_type) == (200, b"\x00\xff raw", kind)
    assert answer.headers["last-modified"].endswith("GMT")
    assert documents.status("GET", resource, about(resource)) == 404


@requirement("since")
def test_since(documents: Resources, xapi_clock: FakeClock, number: str, resource: str) -> None:
    """GET with since returns the ids of what was stored or changed after it, exclusively."""
    named, id_ = about(resource), "stateId" if resource == STATE else "profileId"
    for name in ("old", "changed"):
        documents.call("PUT", resource, {**named, id_: name}, FORD)
    since = xapi_clock.now()
    xapi_clock.forward(seconds=1)
    for name in ("changed", "new"):
        documents.call("POST", resource, {**named, id_: name}, DODGE)
    after = many({**named, "since": since.isoformat()})
    assert documents.read(resource, after) == ["changed", "new"]
    before = {**after, "since": (since - timedelta(milliseconds=1)).isoformat()}
    assert documents.read(resource, before) == ["changed", "new", "old"]


@requirement("deleted")
def test_delete(documents: Resources, number: str, resource: str) -> None:
    """DELETE deletes the document, if there is one, and is answered 204."""
    named, id_ = about(resource), "stateId" if resource == STATE else "profileId"
    documents.call("PUT", resource, named, FORD)
    documents.call("PUT", resource, {**named, id_: "other"}, FORD)
    for _ in range(2):
        assert documents.status("DELETE", resource, named) == 204
        assert documents.status("GET", resource, named) == 404
    assert documents.read(resource, {**named, id_: "other"}) == FORD


@requirement("merged")
def test_merge(documents: Resources, number: str, resource: str) -> None:
    """A merge replaces each top-level property as a whole, and keeps those that were not sent."""
    named = about(resource)
    assert documents.status("POST", resource, named, FORD) == 204
    assert documents.status("POST", resource, named, DODGE) == 204
    answer = documents.call("GET", resource, named)
    assert documents.read(resource, named) == {**DODGE, "driver": "Dale"}
    assert answer.media_type == "application/json"


@requirement("merged")
def test_json_with_parameters_is_json(documents: Resources, number: str, resource: str) -> None:
    """Parameters and case of a content type do not matter."""
    named, kind = about(resource), "Application/JSON; charset=UTF-8"
    documents.call("PUT", resource, named, {"a": "ä", "b": 1.5}, content_type=kind)
    assert documents.status("POST", resource, named, '{"c": "𝄞"}') == 204
    assert documents.read(resource, named) == {"a": "ä", "b": 1.5, "c": "𝄞"}


@requirement("no_object")
def test_what_is_no_object_is_not_merged(documents: Resources, number: str, resource: str) -> None:
    """A merge where either document is no JSON object is answered 400, and changes nothing."""
    for before, posted in ((b"{}", b"[1]"), (b"{}", b"7"), (b"[1]", b"{}"), (b"null", b"{}")):
        _is_not_merged(documents, resource, Content(before, JSON), Content(posted, JSON))


@requirement("no_json_type")
def test_what_is_of_another_type_is_not_merged(
    documents: Resources, number: str, resource: str
) -> None:
    """A merge where either document is of another type is answered 400, and changes nothing."""
    for before, posted in ((JSON, "text/plain"), (JSON, ""), ("text/plain", JSON), ("", JSON)):
        _is_not_merged(documents, resource, Content(b"{}", before), Content(b"{}", posted))


@requirement("invalid_json")
def test_invalid_json(documents: Resources, number: str, resource: str) -> None:
    """What says that it is JSON, and is not, is answered 400, and changes nothing."""
    faulty = [b"abc", b"", b'{"a": NaN}', b'{"a": 1, "a": 2}', b'{"a": "\xff"}', b"[" * 10_000]
    for posted in faulty:
        _is_not_merged(documents, resource, Content(b"{}", JSON), Content(posted, JSON))
        for method in ("PUT", "POST"):
            assert documents.status(method, resource, about(resource), posted) == 400


def _is_not_merged(documents: Resources, resource: str, before: Content, posted: Content) -> None:
    named = about(resource)
    documents.call("PUT", resource, named, before.body, content_type=before.media_type)
    etag = documents.etag(resource, named)
    status = documents.status("POST", resource, named, posted.body, content_type=posted.media_type)
    assert status == 400
    answer = documents.call("GET", resource, named)
    assert (answer.body, answer.headers["etag"]) == (before.body, etag)


@every
@pytest.mark.parametrize("body", [b"1", b"true", b'"text"', b"{}"])
def test_any_content_is_stored(documents: Resources, resource: str, body: bytes) -> None:
    """Section 2.2.s4.b2: a document is not refused for its content, or because nothing is known
    of its activity or agent.
    """
    named = about(resource)
    assert documents.status("POST", resource, named, body) == 204
    assert documents.call("GET", resource, named).body == body


@every
def test_large_documents(documents: Resources, resource: str) -> None:
    """3.2.s3.b11: a document of 2 MB is stored, and a larger one answered 413."""
    named, kind = about(resource), "application/x"
    assert documents.status("PUT", resource, named, b"x" * 2_000_000, content_type=kind) == 204
    larger = documents.call("PUT", resource, about(resource), b"x" * 2_000_001, content_type=kind)
    assert larger.status == 413
    assert b"it may have 2,000,000" in larger.body


@every
def test_documents_are_inert(documents: Resources, resource: str) -> None:
    """A browser that is shown a document runs nothing of it."""
    named = about(resource)
    documents.call("PUT", resource, named, b"<script>1</script>", content_type="text/html")
    headers = documents.call("GET", resource, named).headers
    assert headers["content-security-policy"] == "sandbox"
    assert headers["x-content-type-options"] == "nosniff"


@every
def test_empty_documents(documents: Resources, resource: str) -> None:
    """A document may be empty, if it does not say that it is JSON."""
    named = about(resource)
    assert documents.status("PUT", resource, named, b"", content_type="") == 204
    answer = documents.call("GET", resource, named)
    assert (answer.body, answer.media_type) == (b"", "application/octet-stream")


@every
def test_agents_are_equal_by_their_identifier(documents: Resources, resource: str) -> None:
    """Part 2, section 2.4.2.3: an agent with another name, the same identifier, is the same."""
    named = about(resource)
    if "agent" not in named:
        return
    documents.call("PUT", resource, named, FORD)
    renamed = {**named, "agent": {"name": "Ana", **named["agent"]}}
    assert documents.read(resource, renamed) == FORD
