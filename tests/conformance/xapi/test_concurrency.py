"""Concurrency (xAPI 1.0.3, part 3, section 3.1; IEEE 9274.1.1, section 4.1.4): XAPI-00322."""

import hashlib
import json
import re

import pytest

from services.progress.domain.xapi.versions import Version
from tests.conformance.xapi.resources import (
    ACTIVITY_PROFILE,
    AGENT_PROFILE,
    STATE,
    WRONG,
    Resources,
    about,
    many,
)

OLD, NEW = {"at": "old"}, {"at": "new"}
every = pytest.mark.parametrize("resource", [STATE, AGENT_PROFILE, ACTIVITY_PROFILE])


@every
def test_get_tells_the_etag(documents: Resources, resource: str) -> None:
    """XAPI-00322: the ETag is the SHA-1 of the content, in lower case and quotes."""
    named = about(resource)
    documents.call("PUT", resource, named, b"raw", content_type="text/plain")
    expected = hashlib.sha1(b"raw").hexdigest()
    assert documents.etag(resource, named) == f'"{expected}"'
    assert re.fullmatch('"[0-9a-f]{40}"', documents.etag(resource, many(named)))


@every
@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
@pytest.mark.parametrize("given", [WRONG, "1234", 'W/"{right}"', ""])
def test_another_etag_is_answered_412(
    documents: Resources, resource: str, method: str, given: str
) -> None:
    """XAPI-00322: where If-Match does not name the present document, nothing is changed."""
    named = about(resource)
    documents.call("PUT", resource, named, OLD)
    tag = given.replace('"{right}"', documents.etag(resource, named)) or '""'
    answer = documents.call(method, resource, named, NEW, if_match=tag)
    assert answer.status == 412
    assert "If-Match" in json.loads(answer.body)["detail"]
    assert documents.read(resource, named) == OLD


@every
@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
@pytest.mark.parametrize("given", ["{right}", "*", '"other", {right}'])
def test_the_right_etag(documents: Resources, resource: str, method: str, given: str) -> None:
    """XAPI-00322: where If-Match names the present document, it is changed."""
    named = about(resource)
    documents.call("PUT", resource, named, OLD)
    tag = given.replace("{right}", documents.etag(resource, named))
    assert documents.status(method, resource, named, NEW, if_match=tag) == 204
    if method == "DELETE":
        assert documents.status("GET", resource, named) == 404
    else:
        assert documents.read(resource, named) == NEW


@every
@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_if_none_match(documents: Resources, resource: str, method: str) -> None:
    """XAPI-00322: If-None-Match: * stores a new document, and changes none that exists."""
    named = about(resource)
    assert documents.status(method, resource, named, OLD, if_none_match="*") == 204
    assert documents.status(method, resource, named, NEW, if_none_match="*") == 412
    assert documents.read(resource, named) == OLD


@every
@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
def test_if_match_of_nothing(documents: Resources, resource: str, method: str) -> None:
    """RFC 9110, section 13.1.1: nothing matches where there is no document."""
    named = about(resource)
    for tag in ("*", WRONG):
        assert documents.status(method, resource, named, NEW, if_match=tag) == 412
    assert documents.status("GET", resource, named) == 404


@every
def test_put_without_precondition(documents: Resources, resource: str) -> None:
    """XAPI-00322: PUT on a document without a precondition is answered 409 with what to do, and
    changes nothing; but 1.0.3 allows it for states.
    """
    named = about(resource)
    documents.call("PUT", resource, named, OLD)
    answer = documents.call("PUT", resource, named, NEW)
    if resource == STATE and documents.version is Version.V1_0_3:
        assert answer.status == 204
        assert documents.read(resource, named) == NEW
    else:
        assert answer.status == 409
        assert b"If-Match" in answer.body
        assert b"GET" in answer.body
        assert documents.read(resource, named) == OLD


@every
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_post_and_delete_need_no_precondition(
    documents: Resources, resource: str, method: str
) -> None:
    """3.1.s3: only PUT must have a precondition."""
    named = about(resource)
    documents.call("PUT", resource, named, OLD)
    assert documents.status(method, resource, named, NEW) == 204


@every
def test_get_of_what_is_known(documents: Resources, resource: str) -> None:
    """RFC 9110, section 13.1.2: GET with the present ETag in If-None-Match is answered 304."""
    named = about(resource)
    documents.call("PUT", resource, named, OLD)
    etag = documents.etag(resource, named)
    for tag in (etag, f"W/{etag}", "*"):
        answer = documents.call("GET", resource, named, if_none_match=tag)
        assert (answer.status, answer.body, answer.headers["etag"]) == (304, b"", etag)
    assert documents.status("GET", resource, named, if_none_match=WRONG) == 200
    assert documents.status("GET", resource, named, if_match=WRONG) == 412


def test_delete_of_many(documents: Resources) -> None:
    """XAPI-00322: a precondition of a DELETE of many is of their list, as GET returns it."""
    named = about(STATE)
    documents.call("PUT", STATE, named, OLD)
    known = documents.etag(STATE, many(named))
    documents.call("PUT", STATE, {**named, "stateId": "meanwhile"}, OLD)
    assert documents.status("DELETE", STATE, many(named), if_match=known) == 412
    assert documents.read(STATE, many(named)) == ["bookmark", "meanwhile"]
    now = documents.etag(STATE, many(named))
    assert documents.status("DELETE", STATE, many(named), if_match=now) == 204
    assert documents.read(STATE, many(named)) == []
