"""Executing a command: one unit of work, and the same answer to a repeated request."""

from collections.abc import Callable
from typing import Any, TypeVar

from google.protobuf.message import Message

from chassis.context import principal
from chassis.contracts.mapping import to_message
from chassis.data.store import Database, Store

S = TypeVar("S", bound=Store)
M = TypeVar("M", bound=Message)


def execute(
    database: Database[S],
    request: Any,
    answer: type[M],
    work: Callable[[S], object],
    *,
    chunk: int = 0,
) -> M:
    """Do `work` in a transaction and return its result as a message of type `answer`.

    `work` returns a dataclass with the answer's field names, or the message itself. If the caller
    used the request's `request_id` before, the first answer is returned and nothing else is done.
    A request that is done in several units of work numbers their answers by `chunk`.
    """
    scope = f"{request.DESCRIPTOR.full_name}:{principal.current().subject}"

    def respond(store: S) -> bytes:
        result = work(store)
        message = result if isinstance(result, answer) else to_message(result, answer)
        return message.SerializeToString()

    def attempt(store: S) -> bytes:
        return store.idempotent(
            f"{scope}:{chunk}" if chunk else scope,
            getattr(request, "request_id", ""),
            request.SerializeToString(deterministic=True),
            lambda: respond(store),
        )

    return answer.FromString(database.transact(attempt))
