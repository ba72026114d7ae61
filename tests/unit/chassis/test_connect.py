"""Messages and errors of HTTP."""

import json
from typing import Any

import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st
from tandem.notify.v1 import notify_pb2
from tandem.progress.v1 import progress_pb2

from chassis.edge import spans
from chassis.edge.http.connect import BINARY, JSON
from chassis.edge.http.problems import STATUSES, headers_of, problem
from chassis.edge.spans import Protocol
from chassis.edge.statuses import ROOM_IN_BODY, Exhausted, Malformed, status_of
from chassis.errors import FailedPrecondition, FieldViolation, Invalid
from chassis.operations import tracing
from chassis.operations.tracing import NONE, Attributes, Kind, Span

REQUEST = progress_pb2.RecordStatementsRequest
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["statements", "requestId", "id", "actor", "x"]), inner)
    ),
    max_leaves=12,
)


def read(body: bytes) -> Message | None:
    try:
        return JSON.read(REQUEST, body)
    except Malformed:
        return None


@given(st.binary(max_size=200))
def test_noise_is_malformed_or_a_message(body: bytes) -> None:
    """Reading any bytes as JSON gives a message or a malformed error."""
    read(body)


@given(values)
def test_foreign_json_is_malformed_or_a_message(value: object) -> None:
    """This holds for foreign JSON, with NaN and lone surrogates."""
    read(json.dumps({"statements": value}).encode())
    read(json.dumps(value).encode())


@given(texts)
def test_a_message_comes_back_as_it_was(text: str) -> None:
    """Both forms hold the same."""
    message = notify_pb2.GetPreferencesRequest(person_id=text)
    for codec in (JSON, BINARY):
        assert codec.read(notify_pb2.GetPreferencesRequest, codec.write(message)) == message


@pytest.mark.parametrize("body", [b'{"a":1,"a":2}', b"[1]", b"{" * 9, b'{"statements":1e999}'])
def test_what_two_readers_would_read_apart_is_malformed(body: bytes) -> None:
    """Names that are there twice, lists for messages, and numbers for texts."""
    assert read(body) is None


def test_a_problem_tells_all_violations() -> None:
    """Each fault is one of `errors`, beside the members of RFC 9457."""
    violations = [FieldViolation(f"rows[{place}]", "is wrong " * 20) for place in range(300)]
    answer = problem(status_of(Invalid(violations), "r-1", ROOM_IN_BODY), {})
    body = json.loads(bytes(answer.body))
    assert answer.media_type == "application/problem+json"
    assert (answer.status_code, body["status"], body["title"]) == (400, 400, "Bad Request")
    assert body["code"] == "invalid_argument"
    assert [each["field"] for each in body["errors"]] == [
        violation.field for violation in violations
    ]


def test_a_problem_of_the_state_tells_its_violations() -> None:
    """So do violations that only the state can cause."""
    refused = FailedPrecondition("not now", [FieldViolation("seats", "are taken")])
    body = json.loads(bytes(problem(status_of(refused, "r-1"), {}).body))
    assert body["errors"] == [{"field": "seats", "detail": "are taken"}]


def test_a_problem_says_when_to_try_again() -> None:
    """An error that may pass has Retry-After."""
    status = status_of(Exhausted("full", "places"), "r-1")
    headers = dict(headers_of(status, "Bearer"))
    answer = problem(status, headers)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")


@pytest.mark.parametrize(
    ("protocol", "service", "method", "name", "parts", "error"),
    [
        (
            Protocol.CONNECT,
            "a.B",
            "C",
            "a.B/C",
            {"rpc.system": "connect_rpc", "rpc.service": "a.B", "rpc.method": "C"},
            "rpc.connect_rpc.error_code",
        ),
        (Protocol.HTTP, "", "/a/{b}", "/a/{b}", {"http.route": "/a/{b}"}, "error.type"),
    ],
)
def test_a_span_names_its_protocol(
    monkeypatch: pytest.MonkeyPatch,
    protocol: Protocol,
    service: str,
    method: str,
    name: str,
    parts: Attributes,
    error: str,
) -> None:
    """By OpenTelemetry's conventions for Connect and HTTP; only our own errors mark the span."""
    begun: list[Any] = []
    ended: list[Any] = []

    class Recorded(Span):
        def end(self, violation: str = "", attributes: Attributes = NONE) -> None:
            ended.append((violation, attributes))

    def begin(name: str, kind: Kind, parent: str, attributes: Attributes) -> Span:
        begun.append((name, kind, attributes))
        return Recorded(parent)

    monkeypatch.setattr(tracing, "_begin", begin)
    for code in ("OK", "NOT_FOUND", "INTERNAL"):
        span = spans.begin(protocol, Kind.SERVER, service, method, "")
        spans.end(protocol, span, code)
    assert begun == [(name, Kind.SERVER, parts)] * 3
    assert ended == [
        ("", {}),
        ("", {error: "not_found"}),
        ("INTERNAL", {error: "internal"}),
    ]


def test_every_code_has_a_status() -> None:
    """The table is Connect's, whole."""
    assert len(STATUSES) == 16
    assert min(STATUSES.values()) >= 400
