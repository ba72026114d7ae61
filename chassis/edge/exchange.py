"""One request from its first byte to its answer: its id, trace, metrics and log line."""

import re
import time
from collections.abc import Mapping

import structlog
from google.rpc.status_pb2 import Status
from prometheus_client import Counter

from chassis import ids
from chassis.data.store import is_away
from chassis.edge import spans
from chassis.edge.spans import Protocol
from chassis.edge.statuses import Exhausted, code_of, status_of
from chassis.operations import logs, metrics, tracing
from chassis.operations.tracing import Kind

# A request id from a caller: safe in a header and in a log.
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")

_METRICS = {
    Protocol.GRPC: metrics.GRPC,
    Protocol.CONNECT: metrics.HTTP,
    Protocol.HTTP: metrics.HTTP,
}

log = structlog.get_logger()


class Measures:
    """The metrics of one method by one protocol, of one page, or of one method of an
    endpoint. They are looked up once."""

    def __init__(self, protocol: Protocol, service: str, method: str) -> None:
        self.protocol, self.method = protocol, method
        self._service, self._metrics = service, _METRICS[protocol]
        self.seconds = self._metrics.seconds.labels(service, method)
        # Created at the start: a series that begins with the first request shows no rate for it.
        self._codes = {"OK": self._counter("OK")}

    def count(self, code: str) -> None:
        """Count a request that ended with `code`."""
        if code not in self._codes:
            self._codes[code] = self._counter(code)
        self._codes[code].inc()

    def _counter(self, code: str) -> Counter:
        return self._metrics.requests.labels(self._service, self.method, code)

    def count_exhausted(self, of: str) -> None:
        """Count a request that was refused because `of` is exhausted."""
        self._metrics.exhausted.labels(self._service, of).inc()


class Exchange:
    """The observability of one request. The keys of its headers are in lower case.

    Between `begin` and `leave`, log lines and events carry the request's id and trace.
    """

    def __init__(self, measures: Measures, headers: Mapping[str, str]) -> None:
        self._measures = measures
        self.authorization = headers.get("authorization", "")
        given = headers.get("x-request-id", "")
        self.request_id = given if _REQUEST_ID.fullmatch(given) else ids.new_id()
        self._parent = headers.get("traceparent", "")

    def begin(self) -> None:
        """Begin the span; set the request id and the trace of the current context."""
        self._begun = time.perf_counter()
        self._token = logs.request_id.set(self.request_id)
        protocol, method = self._measures.protocol, self._measures.method
        contract = ""
        if protocol is not Protocol.HTTP:
            contract, _, method = method.rpartition(".")
        self._span = spans.begin(protocol, Kind.SERVER, contract, method, self._parent)
        self._under = tracing.under(self._span.traceparent)
        self._under.__enter__()

    def leave(self) -> None:
        """Reset the request id and the trace of the current context."""
        self._under.__exit__(None, None, None)
        logs.request_id.reset(self._token)

    def refuse(self, error: BaseException, room: int) -> Status:
        """End with an error. Returns its status; the details take up to `room` bytes."""
        status = status_of(error, self.request_id, room)
        self.end(code_of(status), error)
        return status

    def end(self, code: str, error: BaseException | None = None) -> None:
        """Count, log and trace how the request ended."""
        seconds = time.perf_counter() - self._begun
        self._measures.seconds.observe(seconds)
        self._measures.count(code)
        if isinstance(error, Exhausted):
            self._measures.count_exhausted(error.of)
        spans.end(self._measures.protocol, self._span, code)
        facts = {"method": self._measures.method, "code": code, "ms": round(seconds * 1000, 1)}
        if code == "INTERNAL":
            log.error("call failed", **facts, exc_info=error)
        elif error is not None and is_away(error):
            log.warning("call", **facts, why=type(error).__name__)
        else:
            log.info("call", **facts)
