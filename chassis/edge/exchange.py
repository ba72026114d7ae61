"""One RPC from its first byte to its status: named, measured, logged, and refused properly."""

import re
import time
from types import TracebackType
from typing import Any

import grpc
import structlog
from google.rpc.code_pb2 import Code
from grpc_status import rpc_status
from prometheus_client import Counter

from chassis import ids
from chassis.data.store import is_away
from chassis.edge import spans
from chassis.edge.statuses import Exhausted, status_of
from chassis.operations import logs, metrics, tracing
from chassis.operations.tracing import Kind

# What callers may name a request: safe in a header and in a log.
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")

log = structlog.get_logger()


class Measures:
    """A method's metrics, looked up once."""

    def __init__(self, service: str, method: str) -> None:
        self.service, self.method = service, method
        self.seconds = metrics.GRPC_SECONDS.labels(service, method)
        self._codes: dict[str, Counter] = {}

    def count(self, code: str) -> None:
        """One more call that ended with `code`."""
        if code not in self._codes:
            self._codes[code] = metrics.GRPC_REQUESTS.labels(self.service, self.method, code)
        self._codes[code].inc()


class Call:
    """The context in which a call is handled; an exception that leaves it becomes a status."""

    def __init__(self, measures: Measures, context: grpc.ServicerContext) -> None:
        self._measures = measures
        self._context: Any = context  # grpc's type stubs leave out what it can do
        metadata = dict(context.invocation_metadata() or ())
        self.authorization = str(metadata.get("authorization", ""))
        given = str(metadata.get("x-request-id", ""))
        self.request_id = given if _REQUEST_ID.fullmatch(given) else ids.new_id()
        self._parent = str(metadata.get("traceparent", ""))

    def __enter__(self) -> "Call":
        self._begun = time.perf_counter()
        self._token = logs.request_id.set(self.request_id)
        contract, _, method = self._measures.method.rpartition(".")
        self._span = spans.begin(Kind.SERVER, contract, method, self._parent)
        self._under = tracing.under(self._span.traceparent)
        self._under.__enter__()
        return self

    def open(self) -> None:
        """Tell the caller of a stream that it is let in, before there is anything to answer."""
        self._context.send_initial_metadata(self._answered())

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._end(error)
        finally:
            self._under.__exit__(None, None, None)
            logs.request_id.reset(self._token)

    def _end(self, error: BaseException | None) -> None:
        if not self._context.is_active():
            self._tell("DEADLINE_EXCEEDED" if self._late() else "CANCELLED", None)
        elif error is None:
            self._context.set_trailing_metadata(self._answered())
            self._tell("OK", None)
        else:
            self._refuse(error)

    def _refuse(self, error: BaseException) -> None:
        if isinstance(error, Exhausted):
            metrics.GRPC_EXHAUSTED.labels(self._measures.service, error.of).inc()
        status = status_of(error, self.request_id)
        self._tell(Code.Name(status.code), error)
        refused: Any = rpc_status.to_status(status)
        metadata = (*refused.trailing_metadata, *self._answered())
        self._context.abort_with_status(refused._replace(trailing_metadata=metadata))

    def _answered(self) -> tuple[tuple[str, str], ...]:
        """What every answer carries. In the trailer, for initial metadata would be a message of
        its own, and one call in twenty fewer each second (measured).
        """
        return (("x-request-id", self.request_id),)

    def _late(self) -> bool:
        return bool(self._context.time_remaining() <= 0)

    def _tell(self, code: str, error: BaseException | None) -> None:
        seconds = time.perf_counter() - self._begun
        self._measures.seconds.observe(seconds)
        self._measures.count(code)
        spans.end(self._span, code)
        facts = {"method": self._measures.method, "code": code, "ms": round(seconds * 1000, 1)}
        if code == "INTERNAL":
            log.error("call failed", **facts, exc_info=error)
        elif error is not None and is_away(error):
            log.warning("call", **facts, why=type(error).__name__)
        else:
            log.info("call", **facts)
