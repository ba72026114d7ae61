"""Spans of requests, by OpenTelemetry's semantic conventions for gRPC, Connect and HTTP."""

from enum import Enum
from functools import cache

from google.rpc.code_pb2 import Code

from chassis.operations import tracing
from chassis.operations.tracing import Attributes, Kind, Span

# Status codes of errors that are the server's fault.
FAULTS = (
    "UNKNOWN",
    "DEADLINE_EXCEEDED",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
)


class Protocol(Enum):
    """The protocol of a request; of an RPC, the value of `rpc.system`."""

    GRPC = "grpc"
    CONNECT = "connect_rpc"
    HTTP = "http"
    """A public page or an endpoint. Its service is empty, and its method is the route; of an
    endpoint the HTTP method, a space, and the route."""


def begin(protocol: Protocol, kind: Kind, service: str, method: str, parent: str) -> Span:
    """Begin the span of a call of `service` (the contract's full name), of server or client."""
    name, attributes = _named(protocol, service, method)
    return tracing.begin(name, kind, parent, attributes)


def end(protocol: Protocol, span: Span, code: str, kind: Kind = Kind.SERVER) -> None:
    """End the span with a status code. On the client's side every code but OK is an error."""
    faulty = code in FAULTS if kind is Kind.SERVER else code != "OK"
    span.end(code if faulty else "", _outcome(protocol, code))


@cache
def _named(protocol: Protocol, service: str, method: str) -> tuple[str, Attributes]:
    if protocol is Protocol.HTTP:
        verb, _, route = method.rpartition(" ")
        named: Attributes = {"http.request.method": verb} if verb else {}
        return method, {**named, "http.route": route}
    system = protocol.value
    parts: Attributes = {"rpc.system": system, "rpc.service": service, "rpc.method": method}
    return f"{service}/{method}", parts


def _outcome(protocol: Protocol, code: str) -> Attributes:
    if protocol is Protocol.GRPC:
        return {"rpc.grpc.status_code": Code.Value(code)}
    if code == "OK":
        return {}
    if protocol is Protocol.HTTP:
        return {"error.type": connect_code(code)}
    return {"rpc.connect_rpc.error_code": connect_code(code)}


def connect_code(code: str) -> str:
    """Return the code in Connect's spelling (connectrpc.com/docs/protocol, Error Codes)."""
    return "canceled" if code == "CANCELLED" else code.lower()
