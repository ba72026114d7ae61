"""One gRPC call: an exception becomes the call's status."""

from types import TracebackType
from typing import Any

import grpc
from grpc_status import rpc_status

from chassis.edge.exchange import Exchange, Measures
from chassis.edge.statuses import ROOM_IN_TRAILER


class Call:
    """The context of a call's handling. An exception that leaves it becomes the call's status."""

    def __init__(self, measures: Measures, context: grpc.ServicerContext) -> None:
        self._context: Any = context  # grpc's type stubs leave out what it can do
        metadata: dict[str, Any] = dict(context.invocation_metadata() or ())
        self._exchange = Exchange(measures, metadata)
        self.authorization = self._exchange.authorization

    def __enter__(self) -> "Call":
        self._exchange.begin()
        return self

    def open(self) -> None:
        """Send the initial metadata, so that the caller knows that the stream is open."""
        self._context.send_initial_metadata(self._answered())

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        """End the call. Suppresses the error if the caller has already gone."""
        over = not self._context.is_active()
        try:
            self._end(over, error)
        finally:
            self._exchange.leave()
        return over

    def _end(self, over: bool, error: BaseException | None) -> None:
        if over:
            self._exchange.end("DEADLINE_EXCEEDED" if self._late() else "CANCELLED", error)
        elif error is None:
            self._context.set_trailing_metadata(self._answered())
            self._exchange.end("OK")
        else:
            self._refuse(error)

    def _refuse(self, error: BaseException) -> None:
        status = self._exchange.refuse(error, ROOM_IN_TRAILER)
        refused: Any = rpc_status.to_status(status)
        metadata = (*refused.trailing_metadata, *self._answered())
        self._context.abort_with_status(refused._replace(trailing_metadata=metadata))

    def _answered(self) -> tuple[tuple[str, str], ...]:
        """The metadata of every answer. It is a trailer: initial metadata would be a message of
        its own, which costs 5 % of the throughput (measured).
        """
        return (("x-request-id", self._exchange.request_id),)

    def _late(self) -> bool:
        return bool(self._context.time_remaining() <= 0)
