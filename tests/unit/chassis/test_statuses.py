"""Errors as gRPC statuses."""

from typing import Any

import pytest
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2 as details
from google.rpc.code_pb2 import Code
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    ConfigurationError,
    DuplicateKeyError,
    ExecutionTimeout,
    OperationFailure,
    ServerSelectionTimeoutError,
)

from chassis import errors
from chassis.edge.auth import Unauthenticated
from chassis.edge.statuses import DeadlinePassed, Draining, Exhausted, status_of
from chassis.errors import FieldViolation

CONFLICT = OperationFailure("write conflict", 112)
CONFLICT._add_error_label("TransientTransactionError")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.Invalid([FieldViolation("a", "b")]), "INVALID_ARGUMENT"),
        (errors.NotFound("none"), "NOT_FOUND"),
        (errors.AlreadyExists("taken"), "ALREADY_EXISTS"),
        (errors.FailedPrecondition("no"), "FAILED_PRECONDITION"),
        (errors.PermissionDenied("no"), "PERMISSION_DENIED"),
        (Unauthenticated("who?"), "UNAUTHENTICATED"),
        (DeadlinePassed("late"), "DEADLINE_EXCEEDED"),
        (Exhausted("full", "places"), "RESOURCE_EXHAUSTED"),
        (Draining("bye"), "UNAVAILABLE"),
        (ServerSelectionTimeoutError("away"), "UNAVAILABLE"),
        (AutoReconnect("away"), "UNAVAILABLE"),
        (ExecutionTimeout("slow"), "UNAVAILABLE"),
        (CONFLICT, "UNAVAILABLE"),
        (OperationFailure("not authorized", 13), "UNAVAILABLE"),
        (OperationFailure("wrong password", 18), "UNAVAILABLE"),
        (OperationFailure("disk full", 14031), "UNAVAILABLE"),
        (BulkWriteError({"writeErrors": [{"code": 14031}]}), "UNAVAILABLE"),
        (BulkWriteError({"writeErrors": [{"code": 11000}]}), "INTERNAL"),
        (ConfigurationError("no such name"), "UNAVAILABLE"),
        (DecodeError("noise"), "INVALID_ARGUMENT"),
        (DuplicateKeyError("twice"), "INTERNAL"),
        (ValueError("oops"), "INTERNAL"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_each_error_has_its_code(error: Exception, code: str) -> None:
    """The status says who can do something about it: the caller, or time, or we."""
    assert Code.Name(status_of(error, "r").code) == code


def unpacked(error: Exception, kind: type[Any]) -> Any:
    found = kind()
    assert status_of(error, "r").details[0].Unpack(found)
    return found


def test_what_can_be_tried_again_says_when() -> None:
    """UNAVAILABLE and RESOURCE_EXHAUSTED carry google.rpc.RetryInfo."""
    for error in (Draining("bye"), Exhausted("full", "places"), AutoReconnect("away")):
        assert unpacked(error, details.RetryInfo).retry_delay.seconds >= 1


def test_preconditions_list_every_violation() -> None:
    """FAILED_PRECONDITION carries google.rpc.PreconditionFailure with each fault."""
    error = errors.FailedPrecondition(
        "busy", [FieldViolation("room", "is taken", "room B"), FieldViolation("x", "y")]
    )
    found = unpacked(error, details.PreconditionFailure).violations
    assert [(each.subject, each.description) for each in found] == [
        ("room", "is taken; room B"),
        ("x", "y"),
    ]


def test_the_text_names_the_violations_for_people() -> None:
    """The text alone says what was wrong."""
    text = status_of(errors.Invalid([FieldViolation("a", "is b", "c")]), "r").message
    assert text == "the request is not valid: a: is b; c"


def test_texts_stay_short() -> None:
    """A status fits into a trailer of 8 KiB whatever its faults hold."""
    error = errors.Invalid([FieldViolation("f" * 100, "w" * 10_000, "r" * 10_000)] * 1000)
    assert status_of(error, "r").ByteSize() < 5_000


def test_a_database_error_tells_nothing_of_the_inside() -> None:
    """Hosts and queries in a driver's text stay with us."""
    status = status_of(ServerSelectionTimeoutError("mongo-7.internal:27017: refused"), "r")
    assert "mongo-7" not in str(status)
