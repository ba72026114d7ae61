"""Spans of RPCs, named as OpenTelemetry's semantic conventions for gRPC have it."""

from functools import cache

from google.rpc.code_pb2 import Code

from chassis.operations import tracing
from chassis.operations.tracing import Attributes, Kind, Span

# Codes that tell that the server failed, and not who called it.
FAULTS = (
    "UNKNOWN",
    "DEADLINE_EXCEEDED",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
)


def begin(kind: Kind, service: str, method: str, parent: str) -> Span:
    """Begin the span of a call of `service` (its contract's full name), on either side of it."""
    name, attributes = _named(service, method)
    return tracing.begin(name, kind, parent, attributes)


def end(span: Span, code: str, kind: Kind = Kind.SERVER) -> None:
    """The call is over with a status code. For who called, each but OK is an error."""
    faulty = code in FAULTS if kind is Kind.SERVER else code != "OK"
    span.end(code if faulty else "", {"rpc.grpc.status_code": Code.Value(code)})


@cache
def _named(service: str, method: str) -> tuple[str, Attributes]:
    parts: Attributes = {"rpc.system": "grpc", "rpc.service": service, "rpc.method": method}
    return f"{service}/{method}", parts
