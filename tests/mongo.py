"""MongoDB's patience with a test."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def long_transactions(client: Any) -> Iterator[None]:
    """The local server ends a transaction after 10 s; meanwhile it waits for what a test does."""
    name = "transactionLifetimeLimitSeconds"
    usual = client.admin.command({"getParameter": 1, name: 1})[name]
    client.admin.command({"setParameter": 1, name: 600})
    try:
        yield
    finally:
        client.admin.command({"setParameter": 1, name: usual})
