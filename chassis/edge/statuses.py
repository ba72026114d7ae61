"""Errors as gRPC statuses with google.rpc details (AIP-193)."""

from collections.abc import Sequence
from typing import Any

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2 as details
from google.rpc.code_pb2 import Code
from google.rpc.status_pb2 import Status

from chassis import errors
from chassis.data.store import is_away
from chassis.edge.auth import Unauthenticated
from chassis.errors import DomainError, FieldViolation, Unavailable

AWAY = "the database does not answer; try again"
RETRY_AFTER = Duration(seconds=1)
# In bytes. gRPC sends details in a trailer, and clients accept 8 KiB of trailers by default
# (grpc.max_metadata_size). A text of 300 characters may be nine times as long percent-encoded.
ROOM_IN_TRAILER = 4_000
ROOM_IN_BODY = 256_000
LONGEST_VIOLATION = 500
LONGEST_MESSAGE = 300


class DeadlinePassed(Exception):
    """The deadline of the request has passed: DEADLINE_EXCEEDED."""


class Malformed(Exception):
    """The request does not follow its protocol: INVALID_ARGUMENT."""


class Unimplemented(Exception):
    """The request needs something that this server does not support: UNIMPLEMENTED."""


class TooLarge(Exception):
    """The request is too large: RESOURCE_EXHAUSTED, as in gRPC."""

    def __init__(self, most: int) -> None:
        super().__init__(f"the request has more than {most} bytes")


class Exhausted(Exception):
    """This replica can't accept the request now: RESOURCE_EXHAUSTED."""

    def __init__(self, message: str, of: str) -> None:
        """`of` is the metric's label: places, caller, bodies, turns, streams, readers."""
        super().__init__(f"{message}; call again, or another replica")
        self.of = of


class Draining(Exception):
    """This replica stops: UNAVAILABLE. Another replica answers."""


class DatabaseAway(Exception):
    """The database is known to be down: UNAVAILABLE at once, not after a timeout."""


_DOMAIN_ERRORS: dict[type[DomainError], int] = {
    errors.Invalid: Code.INVALID_ARGUMENT,
    errors.NotFound: Code.NOT_FOUND,
    errors.AlreadyExists: Code.ALREADY_EXISTS,
    errors.FailedPrecondition: Code.FAILED_PRECONDITION,
    errors.PermissionDenied: Code.PERMISSION_DENIED,
    errors.Unavailable: Code.UNAVAILABLE,
}
_CALLS: dict[type[Exception], int] = {
    Unauthenticated: Code.UNAUTHENTICATED,
    DeadlinePassed: Code.DEADLINE_EXCEEDED,
    Malformed: Code.INVALID_ARGUMENT,
    Unimplemented: Code.UNIMPLEMENTED,
    TooLarge: Code.RESOURCE_EXHAUSTED,
}
_AGAIN: dict[type[Exception], int] = {
    Exhausted: Code.RESOURCE_EXHAUSTED,
    Draining: Code.UNAVAILABLE,
    DatabaseAway: Code.UNAVAILABLE,
}


def code_of(status: Status) -> str:
    """Return the name of a status's code."""
    name: str = Code.Name(status.code)
    return name


def status_of(error: BaseException, request_id: str, room: int = ROOM_IN_TRAILER) -> Status:
    """Return the status of `error`; for an unexpected error it holds only the request id.

    The details take up to about `room` bytes.
    """
    if isinstance(error, DomainError):
        return _refused(error, room)
    for kind, code in _CALLS.items():
        if isinstance(error, kind):
            return _status(code, str(error))
    for kind, code in _AGAIN.items():
        if isinstance(error, kind):
            return _status(code, str(error), _retry())
    if isinstance(error, DecodeError):
        return _status(Code.INVALID_ARGUMENT, "the request is no message of its contract")
    if is_away(error):
        return _status(Code.UNAVAILABLE, AWAY, _retry())
    info = details.RequestInfo(request_id=request_id)
    return _status(Code.INTERNAL, f"internal error; the request id is {request_id}", info)


def _refused(error: DomainError, room: int) -> Status:
    code = next((c for kind, c in _DOMAIN_ERRORS.items() if isinstance(error, kind)), Code.UNKNOWN)
    if isinstance(error, Unavailable):
        return _status(code, str(error), _retry())
    if not error.violations:
        return _status(code, str(error))
    kind = _precondition if code == Code.FAILED_PRECONDITION else _bad_request
    return _status(code, str(error), kind(_fitting(error.violations, room)))


def _bad_request(violations: Sequence[FieldViolation]) -> Any:
    return details.BadRequest(
        field_violations=[
            details.BadRequest.FieldViolation(
                field=violation.field, description=_describe(violation)
            )
            for violation in violations
        ]
    )


def _precondition(violations: Sequence[FieldViolation]) -> Any:
    return details.PreconditionFailure(
        violations=[
            details.PreconditionFailure.Violation(
                type="STATE", subject=violation.field, description=_describe(violation)
            )
            for violation in violations
        ]
    )


def _describe(violation: FieldViolation) -> str:
    text = f"{violation.wrong}; {violation.right}" if violation.right else violation.wrong
    return _cut(text, LONGEST_VIOLATION)


def _fitting(violations: Sequence[FieldViolation], room: int) -> list[FieldViolation]:
    """Return as many violations as fit; the last one then says how many more there are."""
    for place, violation in enumerate(violations):
        # 20: tags and lengths of a violation in its list, and the type of a precondition
        room -= len(violation.field.encode()) + len(_describe(violation).encode()) + 20
        if room < 0:
            return [
                *violations[:place],
                FieldViolation("", f"and {len(violations) - place} more faults"),
            ]
    return list(violations)


def _retry() -> Any:
    return details.RetryInfo(retry_delay=RETRY_AFTER)


def _status(code: int, message: str, *more: Any) -> Status:
    status = Status(code=code, message=_cut(message, LONGEST_MESSAGE))
    for detail in more:
        packed = AnyMessage()
        packed.Pack(detail)
        status.details.append(packed)
    return status


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 3] + "..."
