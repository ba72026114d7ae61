"""Executing a command: one unit of work, and the same answer to a repeated request."""

from collections.abc import Callable, Hashable, Sequence
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message

from chassis.context import principal
from chassis.contracts.mapping import to_message
from chassis.data.group_commit import GroupCommit
from chassis.data.idempotency import Asked, Outcome
from chassis.data.store import Database, Store
from chassis.errors import DomainError

S = TypeVar("S", bound=Store)
M = TypeVar("M", bound=Message)
C = TypeVar("C")


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
    scope = _scope(request)

    def respond(store: S) -> bytes:
        result = work(store)
        message = result if isinstance(result, answer) else to_message(result, answer)
        return message.SerializeToString()

    def attempt(store: S) -> bytes:
        return store.idempotent(
            f"{scope}:{chunk}" if chunk else scope,
            getattr(request, "request_id", ""),
            _bytes_of(request),
            lambda: respond(store),
        )

    return answer.FromString(database.transact(attempt))


class GroupedCommands(Generic[S, C, M]):
    """Executes commands of one kind as `execute` does, those that come at once in one unit of
    work.
    """

    def __init__(
        self,
        database: Database[S],
        answer: type[M],
        work: Callable[[S, Sequence[C]], Sequence[object]],
    ) -> None:
        """`work` returns for each command its result, as that of `execute`, or the DomainError for
        which it is refused. It runs outside of the callers' context: without their principal.
        """
        self._database, self._answer, self._work = database, answer, work
        self._group: GroupCommit[tuple[Asked, C], bytes] = GroupCommit(self._execute)

    def execute(self, request: Any, command: C, key: Hashable) -> M:
        """Execute a command. `key`: what it changes; commands with the same key are executed one
        after the other. Raises as `execute` does.
        """
        asked = Asked(_scope(request), getattr(request, "request_id", ""), _bytes_of(request))
        keys = {key, asked.key} if asked.id else {key}
        return self._answer.FromString(self._group.do((asked, command), keys))

    def _execute(self, items: Sequence[tuple[Asked, C]]) -> Sequence[Outcome]:
        asked, commands = zip(*items, strict=True)

        def respond(store: S, places: Sequence[int]) -> list[Outcome]:
            results = self._work(store, [commands[place] for place in places])
            return [self._outcome(each) for each in results]

        return self._database.transact(
            lambda store: store.idempotent_all(asked, lambda places: respond(store, places))
        )

    def _outcome(self, result: object) -> Outcome:
        if isinstance(result, DomainError):
            return result
        message = result if isinstance(result, self._answer) else to_message(result, self._answer)
        return message.SerializeToString()


def _scope(request: Any) -> str:
    return f"{request.DESCRIPTOR.full_name}:{principal.current().subject}"


def _bytes_of(request: Any) -> bytes:
    return bytes(request.SerializeToString(deterministic=True))
