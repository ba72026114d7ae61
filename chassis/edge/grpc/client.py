"""The gRPC client for calls to other services.

Calls have a deadline, are repeated where the other side is away for a moment, are spread over its
replicas, and carry the trace, the request id and the service's token.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc

from chassis import ids
from chassis.context import deadline
from chassis.edge import spans
from chassis.edge.spans import Protocol
from chassis.operations import logs, tracing
from chassis.operations.settings import NO_FILE, Settings
from chassis.operations.tracing import Kind, Span

DEADLINE = 10.0

# grpc/doc/service_config.md. Commands carry request ids, so that a repeat is harmless.
SERVICE_CONFIG = {
    "loadBalancingConfig": [{"round_robin": {}}],
    "methodConfig": [
        {
            "name": [{}],
            "retryPolicy": {
                "maxAttempts": 4,
                "initialBackoff": "0.1s",
                "maxBackoff": "2s",
                "backoffMultiplier": 3,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ],
    # gRFC A6: no retries when many calls fail, because they would add load.
    "retryThrottling": {"maxTokens": 20, "tokenRatio": 0.1},
}
OPTIONS = (
    ("grpc.service_config", json.dumps(SERVICE_CONFIG)),
    ("grpc.enable_retries", 1),
    # Detects a dead connection within a minute.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
)

Token = Callable[[], str]


def channel(target: str, settings: Settings) -> grpc.Channel:
    """A channel to another service: "host:port", or "dns:///name:port" for all replicas of a name.

    The token is that of `settings.service_token_file`; where it names none, calls carry none.
    """
    plain = grpc.insecure_channel(target, options=OPTIONS)
    return calling_with(plain, TokenFile(settings.service_token_file))


def calling_with(plain: grpc.Channel, token: Token) -> grpc.Channel:
    """`plain`, whose calls carry the token (if any), the trace, the request id, and a deadline."""
    return grpc.intercept_channel(plain, _Outgoing(token))


class TokenFile:
    """A token in a file that another process renews. It is read again after each change."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp = -1
        self._token = ""

    def __call__(self) -> str:
        """Return the token. Raises OSError if there is no such file."""
        if self._path == NO_FILE:
            return ""
        stamp = self._path.stat().st_mtime_ns
        if stamp != self._stamp:
            self._token, self._stamp = self._path.read_text().strip(), stamp
        return self._token


class _Details(grpc.ClientCallDetails):
    """The details of a call. grpc reads these attributes and has no public constructor."""

    def __init__(self, given: Any, metadata: Any, timeout: float | None) -> None:
        self.method = given.method
        self.timeout = timeout
        self.metadata = metadata
        self.credentials = given.credentials
        self.wait_for_ready = given.wait_for_ready
        self.compression = given.compression


class _Outgoing(
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamUnaryClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):
    """Adds metadata and a deadline to every call. A stream gets no deadline.

    A call has no more time than the request that it is made for: who asked waits no longer.
    A call has a span of its own; a stream, of which nobody knows when it is used up, has none.
    """

    def __init__(self, token: Token) -> None:
        self._token = token

    def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        contract, _, method = _text(details.method).lstrip("/").partition("/")
        span = spans.begin(Protocol.GRPC, Kind.CLIENT, contract, method, tracing.current())
        timeout = min(details.timeout or DEADLINE, deadline.left())
        call = continuation(self._with(details, timeout, span.traceparent), request)
        call.add_done_callback(lambda done: _end(span, done))
        return call

    def intercept_unary_stream(self, continuation: Any, details: Any, request: Any) -> Any:
        return continuation(self._stream(details), request)

    def intercept_stream_unary(self, continuation: Any, details: Any, requests: Any) -> Any:
        return continuation(self._stream(details), requests)

    def intercept_stream_stream(self, continuation: Any, details: Any, requests: Any) -> Any:
        return continuation(self._stream(details), requests)

    def _stream(self, details: Any) -> _Details:
        return self._with(details, details.timeout, tracing.child_of(tracing.current()))

    def _with(self, details: Any, timeout: float | None, traceparent: str) -> _Details:
        given = tuple(details.metadata or ())
        names = {key for key, _ in given}
        more = [pair for pair in self._metadata(traceparent) if pair[0] not in names]
        return _Details(details, (*given, *more), timeout)

    def _metadata(self, traceparent: str) -> list[tuple[str, str]]:
        pairs = [
            ("x-request-id", logs.request_id.get() or ids.new_id()),
            ("traceparent", traceparent),
        ]
        token = self._token()
        return [*pairs, ("authorization", f"Bearer {token}")] if token else pairs


def _end(span: Span, call: Any) -> None:
    spans.end(Protocol.GRPC, span, call.code().name, Kind.CLIENT)


def _text(method: str | bytes) -> str:
    return method.decode() if isinstance(method, bytes) else method
