"""The Connect protocol: messages, errors and headers."""

import base64
import json

import pytest
from google.rpc import error_details_pb2 as details
from tandem.notify.v1.resources_pb2 import Preferences

from chassis.context import deadline
from chassis.context.principal import Principal
from chassis.errors import (
    AlreadyExists,
    FailedPrecondition,
    FieldViolation,
    Invalid,
    NotFound,
    PermissionDenied,
)
from chassis.operations import tracing
from tests.integration.chassis.http.callers import ADA, PATH, Running, raising
from tests.integration.chassis.test_grpc_edge import detail, own, refusal, stub_of


def test_json_and_binary_say_the_same(running: Running) -> None:
    """A message comes and goes as JSON or in binary form, by the request's content type."""
    by_json = running.post()
    assert (by_json.status, by_json.headers["content-type"]) == (200, "application/json")
    assert by_json.json == {"personId": "ada"}
    binary = running.headers(content_type="application/proto")
    by_proto = running.post(own().SerializeToString(), binary)
    assert (by_proto.status, by_proto.headers["content-type"]) == (200, "application/proto")
    assert Preferences.FromString(by_proto.body) == Preferences(person_id="ada")


def test_a_charset_and_unknown_fields_are_taken(running: Running) -> None:
    """Newer versions of standard clients send them; this is no error."""
    body = json.dumps({"person_id": "ada", "laterField": [1]})
    assert running.post(body, running.headers(content_type="Application/JSON; charset=utf-8")).json


def test_the_service_knows_caller_trace_and_deadline(running: Running) -> None:
    """A service's code gets the same caller, trace and deadline by HTTP as by gRPC."""
    parent = f"00-{'a' * 32}-{'b' * 16}-01"
    answer = running.post(
        headers=running.headers(
            "ada", "learner", x_request_id="r-1", traceparent=parent, connect_timeout_ms="20000"
        )
    )
    assert answer.headers["x-request-id"] == "r-1"
    ((principal, traceparent, seconds),) = running.notify.seen
    assert principal == Principal("ada", frozenset({"learner"}))
    assert tracing.trace_id(traceparent) == "a" * 32
    assert 0 < seconds <= 20
    assert deadline.left() > 1e9


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Invalid([FieldViolation("a", "is b", "c"), FieldViolation("d", "is e")]), 400),
        (NotFound("no person ada"), 404),
        (AlreadyExists("a person ada"), 409),
        (PermissionDenied("not yours"), 403),
        (FailedPrecondition("not now", [FieldViolation("a", "b")]), 400),
        (RuntimeError("the password is swordfish"), 500),
    ],
)
def test_an_error_is_the_same_by_both_protocols(
    running: Running, error: Exception, status: int
) -> None:
    """Code, message and details by HTTP are the same as by gRPC; nothing else is shown."""
    running.notify.preferences = raising(error)
    named = running.headers(x_request_id="r-1")
    by_http = running.post(headers=named)
    with running.channel() as channel:
        by_grpc = refusal(
            lambda: stub_of(channel).GetPreferences(own(), metadata=[("x-request-id", "r-1")])
        )
    assert by_http.status == status
    assert by_http.headers["content-type"] == "application/json"
    assert by_http.json["code"] == by_grpc.code().name.lower()
    assert by_http.json["message"] == by_grpc.details()
    assert "swordfish" not in str(by_http)
    for each in by_http.json["details"]:
        kind = getattr(details, each["type"].rpartition(".")[2])
        value = kind.FromString(base64.b64decode(each["value"] + "=="))
        assert value == detail(by_grpc, kind)
        assert each["debug"]


def test_all_violations_are_told(running: Running) -> None:
    """A body has room for faults that a trailer has not."""
    violations = [
        FieldViolation(f"rows[{place}]", "is wrong " * 20, "right") for place in range(500)
    ]
    running.notify.preferences = raising(Invalid(violations))
    (bad,) = running.post().json["details"]
    shown = bad["debug"]["fieldViolations"]
    assert [each["field"] for each in shown] == [violation.field for violation in violations]


def test_field_rules_and_access_are_the_same(running: Running) -> None:
    """The edge refuses the same requests by HTTP as by gRPC, before the service gets them."""
    assert running.post(b'{"personId": "eve"}').json["code"] == "permission_denied"
    service = running.headers("mail", "service")
    answer = running.post(json.dumps({"personId": "x" * 129}), service)
    assert answer.json["code"] == "invalid_argument"
    violations = answer.json["details"][0]["debug"]["fieldViolations"]
    assert violations[0]["field"] == "person_id"
    assert running.notify.seen == []


@pytest.mark.parametrize("authorization", ["", "Bearer x", "Basic YTpi", "Bearer"])
def test_who_proves_nobody_is_told_how_to(running: Running, authorization: str) -> None:
    """401 names the schemes (RFC 9110, section 15.5.2)."""
    answer = running.post(headers=running.headers("", authorization=authorization))
    assert (answer.status, answer.json["code"]) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"] == 'Bearer realm="tandem"'


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"connect_protocol_version": "2"}, 400, "invalid_argument"),
        ({"connect_timeout_ms": "soon"}, 400, "invalid_argument"),
        ({"connect_timeout_ms": "12345678901"}, 400, "invalid_argument"),
        ({"connect_timeout_ms": "0"}, 504, "deadline_exceeded"),
        ({"content_encoding": "gzip"}, 501, "unimplemented"),
    ],
)
def test_a_header_that_is_not_right_is_told(
    running: Running, headers: dict[str, str], status: int, code: str
) -> None:
    """A header that is invalid in the protocol is refused with the protocol's own error."""
    answer = running.post(headers=running.headers(**headers))
    assert (answer.status, answer.json["code"]) == (status, code)
    assert running.notify.seen == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"personId": 7}',
        b"\xff",
        b'{"personId": "\\ud800"}',
        b"[" * 9999,
    ],
)
def test_a_body_that_is_no_message_is_told(running: Running, body: bytes) -> None:
    """Noise ends as invalid_argument, not as an internal error."""
    answer = running.post(body)
    assert (answer.status, answer.json["code"]) == (400, "invalid_argument")


@pytest.mark.parametrize(
    ("method", "path", "kind", "status"),
    [
        ("POST", "/tandem.notify.v1.NotifyService/Nothing", "application/json", 404),
        ("POST", "/tandem.notify.v1.NotifyService/StreamMessages", "application/json", 404),
        ("POST", "/", "application/json", 404),
        ("GET", PATH, "application/json", 405),
        ("PUT", PATH, "application/json", 405),
        ("GET", "/tandem.notify.v1.NotifyService/Nothing", "application/json", 404),
        ("GET", "/podcast/of-another-service", "application/json", 404),
        ("POST", PATH, "text/plain", 415),
        ("POST", PATH, "application/connect+json", 415),
    ],
)
def test_what_is_not_served_is_a_problem(
    running: Running, method: str, path: str, kind: str, status: int
) -> None:
    """Before there is an RPC, errors are problem details (RFC 9457)."""
    answer = running.send(method, path, ADA, running.headers(content_type=kind))
    assert answer.status == answer.json["status"] == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["title"]
