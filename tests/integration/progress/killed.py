"""A worker that is killed in the middle of a transaction."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.integration.processes import eventually, role
from tests.integration.progress.classroom import Classroom
from tests.integration.progress.held import Held
from tests.mongo import end_leases, end_transactions, long_transactions


@contextmanager
def killed(classroom: Classroom, environment: dict[str, str], held: Held) -> Iterator[None]:
    """A worker is killed in a transaction; within the block MongoDB still has that transaction
    open, and after it a new worker meets neither transactions nor leases.
    """
    held.open()
    with long_transactions(classroom.database.client):
        with role("progress", "worker", {**environment, "TANDEM_MONGO_URL": held.url}) as worker:
            eventually(lambda: open_transactions(classroom, held))
            worker.send_signal(signal.SIGKILL)
            worker.wait()
        assert open_transactions(classroom, held)
        yield
        end_transactions(classroom.database.client, "progress")
    end_leases(classroom.database.mongo)


def open_transactions(classroom: Classroom, held: Held) -> list[dict[str, Any]]:
    """The transactions of which the server waits for what is held."""
    waited_for = [
        {"lsid.id": each["lsid"]["id"], "transaction.parameters.txnNumber": each["txnNumber"]}
        for each in list(held.commands)
    ]
    if not waited_for:
        return []
    all_sessions: dict[str, Any] = {"$currentOp": {"allUsers": True, "idleSessions": True}}
    stages = [all_sessions, {"$match": {"$or": waited_for}}]
    return list(classroom.database.client.admin.aggregate(stages))
