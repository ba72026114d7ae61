"""Document Resources: what holds for all three (xAPI 1.0.3, part 3, section 2.2)."""

from typing import Any

import pytest

from tests.conformance.xapi.resources import (
    ACTIVITY_PROFILE,
    AGENT_PROFILE,
    STATE,
    Lrs,
    about,
    covers,
)

RESOURCES = [STATE, AGENT_PROFILE, ACTIVITY_PROFILE]
every = pytest.mark.parametrize("resource", RESOURCES)
FORD = {"car": {"make": "Ford", "model": "Escape"}, "driver": "Dale"}
DODGE = {"car": {"make": "Dodge"}, "series": {"nascar": "nextel"}}


@every
@pytest.mark.parametrize(
    ("number", "body", "content_type"),
    [
        ("XAPI-00229", "[1]", "application/json"),
        ("XAPI-00229", "7", "application/json"),
        ("XAPI-00232", "{}", "text/plain"),
        ("XAPI-00232", "{}", ""),
        ("XAPI-00235", '{"car": }', "application/json"),
        ("XAPI-00235", '{"car": 1, "car": 2}', "application/json"),
        ("XAPI-00235", b'{"car": "\xff"}', "application/json"),
    ],
)
def test_a_rejected_request_changes_nothing(
    documents: Lrs, resource: str, number: str, body: Any, content_type: str
) -> None:
    """XAPI-00182: what can't be merged is answered 400, and the document stays as it was."""
    named = about(resource)
    documents.call("PUT", resource, named, FORD)
    before = documents.etag(resource, named)
    assert documents.status("POST", resource, named, body, content_type=content_type) == 400
    assert documents.read(resource, named) == FORD
    assert documents.etag(resource, named) == before


@every
@pytest.mark.parametrize(
    ("number", "content", "content_type"),
    [
        ("XAPI-00229", b"[1]", "application/json"),
        ("XAPI-00232", b'{"car": 1}', "text/plain"),
    ],
)
def test_what_is_there_must_be_an_object(
    documents: Lrs, resource: str, number: str, content: bytes, content_type: str
) -> None:
    """XAPI-00278, XAPI-00281, XAPI-00309, XAPI-00313: a stored document that is no JSON object is
    not merged into.
    """
    named = about(resource)
    documents.call("PUT", resource, named, content, content_type=content_type)
    answer = documents.call("POST", resource, named, DODGE)
    assert answer.status == 400
    assert b"stored_document" in answer.body
    assert documents.call("GET", resource, named).body == content


@every
@covers("XAPI-00183", "XAPI-00184", "XAPI-00185", "XAPI-00186")
def test_merge(documents: Lrs, resource: str, number: str) -> None:
    """A merge replaces each top-level property as a whole, and keeps those that were not sent."""
    named = about(resource)
    assert documents.status("POST", resource, named, FORD) == 204
    assert documents.status("POST", resource, named, DODGE) == 204
    answer = documents.call("GET", resource, named)
    assert documents.read(resource, named) == {**DODGE, "driver": "Dale"}
    assert answer.media_type == "application/json"


@every
def test_json_with_parameters_is_json(documents: Lrs, resource: str) -> None:
    """XAPI-00234, XAPI-00279, XAPI-00308: a content type's parameters and case do not matter."""
    named = about(resource)
    kind = "Application/JSON; charset=UTF-8"
    documents.call("PUT", resource, named, {"a": "ä", "b": 1.5}, content_type=kind)
    assert documents.status("POST", resource, named, '{"c": "𝄞"}') == 204
    assert documents.read(resource, named) == {"a": "ä", "b": 1.5, "c": "𝄞"}


@pytest.mark.parametrize(
    ("number", "resource"),
    [("XAPI-00235", STATE), ("XAPI-00284", AGENT_PROFILE), ("XAPI-00314", ACTIVITY_PROFILE)],
)
@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_invalid_json(documents: Lrs, resource: str, number: str, method: str) -> None:
    """A new document that says that it is JSON, and is not, is answered 400."""
    for wrong in ("abc", "", '{"a": NaN}', "[" * 10_000):
        assert documents.status(method, resource, about(resource), wrong) == 400


@every
@pytest.mark.parametrize("body", [b"1", b"true", b'"text"', b"{}"])
def test_any_content_is_stored(documents: Lrs, resource: str, body: bytes) -> None:
    """Section 2.2.s4.b2: a document is not refused for its content, or because nothing is known
    of its activity or agent.
    """
    named = about(resource)
    assert documents.status("POST", resource, named, body) == 204
    assert documents.call("GET", resource, named).body == body


@every
def test_empty_documents(documents: Lrs, resource: str) -> None:
    """A document may be empty, if it does not say that it is JSON."""
    named = about(resource)
    assert documents.status("PUT", resource, named, b"", content_type="") == 204
    answer = documents.call("GET", resource, named)
    assert (answer.body, answer.media_type) == (b"", "application/octet-stream")


@every
def test_agents_are_equal_by_their_identifier(documents: Lrs, resource: str) -> None:
    """Part 2, section 2.4.2.3: an agent with another name, the same identifier, is the same."""
    named = about(resource)
    if "agent" not in named:
        return
    documents.call("PUT", resource, named, FORD)
    renamed = {**named, "agent": {"name": "Ana", **named["agent"]}}
    assert documents.read(resource, renamed) == FORD
