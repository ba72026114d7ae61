"""MongoDB's patience with a test, and what a client asks of it."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from pymongo.monitoring import (
    CommandFailedEvent,
    CommandListener,
    CommandStartedEvent,
    CommandSucceededEvent,
)


@contextmanager
def long_transactions(client: Any) -> Iterator[None]:
    """The server ends transactions after `TRANSACTION`; meanwhile it waits for what a test does."""
    name = "transactionLifetimeLimitSeconds"
    usual = client.admin.command({"getParameter": 1, name: 1})[name]
    client.admin.command({"setParameter": 1, name: 600})
    try:
        yield
    finally:
        client.admin.command({"setParameter": 1, name: usual})


def end_leases(database: Any) -> None:
    """What workers held that were killed, all of them, is free: by itself 15 s later."""
    workers = database["leases"].distinct("holder", {"member_of": {"$regex": "^queues:"}})
    database["leases"].delete_many({"holder": {"$in": workers}})


def end_transactions(client: Any, service: str, ports: Collection[int] = ()) -> None:
    """Roll back the open transactions of killed processes of a service, whose timers have some too;
    where others of it live on, only those that came from some local `ports`.

    MongoDB itself would do so after the time that held when they began: `TRANSACTION`, or 600 s
    within `long_transactions`. Until then even the removal of their database waits.
    """
    wanted: dict[str, Any] = {"appName": f"tandem-{service}", "transaction": {"$exists": True}}
    if ports:
        wanted["client"] = {"$in": [f"127.0.0.1:{port}" for port in ports]}
    stages = [{"$currentOp": {"idleSessions": True}}, {"$match": wanted}]
    while sessions := [{"id": each["lsid"]["id"]} for each in client.admin.aggregate(stages)]:
        client.admin.command("killSessions", sessions)


class Commands(CommandListener):
    """The commands that a client sent, the first one first."""

    def __init__(self) -> None:
        self._commands: list[dict[str, Any]] = []

    def started(self, event: CommandStartedEvent) -> None:
        """Note a command."""
        self._commands.append(dict(event.command))

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Its answer is not looked at."""

    def failed(self, event: CommandFailedEvent) -> None:
        """The test fails of it anyway."""

    def take(self, name: str) -> list[dict[str, Any]]:
        """Those of a name since these were taken last."""
        taken = [each for each in self._commands if name in each]
        self._commands = [each for each in self._commands if name not in each]
        return taken
