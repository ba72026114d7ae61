"""Statements of requests are stored: those of small requests together, a large one alone."""

from collections.abc import Sequence
from functools import partial

from chassis.data.group_commit import GroupCommit
from chassis.data.store import Database
from chassis.errors import DomainError
from services.progress.domain.xapi.storing import StoreStatements
from services.progress.store import ProgressStore
from services.progress.store_announcements import StoringInTurn, storing
from services.progress.usecases.xapi_statements import store_statements

SMALL_SINGLE, SMALL_BATCH = 64 << 10, 256 << 10
"""Bytes of a request whose statements are stored together with those of others."""
MOST_TOGETHER = 1_000
"""Statements of one unit of work that stores those of several requests."""


class StatementStoring:
    """Stores the statements of requests.

    A unit of work costs several round trips, whatever it stores. Single statements come from
    players, where a person waits; so they don't wait for batches, which have a group of their own.
    """

    def __init__(self, database: Database[ProgressStore], base: str) -> None:
        """`base`: the LRS's public URL."""
        self._database, self._base = database, base
        self._singles, self._batches = _Group(database, base), _Group(database, base)

    def store(self, command: StoreStatements, size: int) -> None:
        """Store the statements of a request of `size` bytes. Raises why it is refused."""
        is_single = len(command.sent) == 1
        if size <= (SMALL_SINGLE if is_single else SMALL_BATCH):
            (self._singles if is_single else self._batches).store(command)
        else:
            work = partial(store_statements, commands=[command], base=self._base)
            (refusal,) = storing(self._database, work)
            if refusal:
                raise refusal


class _Group:
    """Requests that come while others are stored are stored together after them."""

    def __init__(self, database: Database[ProgressStore], base: str) -> None:
        self._base = base
        self._in_turn = StoringInTurn(database, lambda: self._group.has_waiting())
        self._group: GroupCommit[StoreStatements, None] = GroupCommit(
            self._store_all, self._in_turn.end, MOST_TOGETHER
        )

    def store(self, command: StoreStatements) -> None:
        self._group.do(command, [each.id for each in command.sent])

    def _store_all(self, commands: Sequence[StoreStatements]) -> list[DomainError | None]:
        return self._in_turn.do(partial(store_statements, commands=commands, base=self._base))
