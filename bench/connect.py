"""A call by the Connect protocol as JSON, beside the same call by gRPC of the same server."""

from collections.abc import Iterator
from functools import partial

from bench import catalog
from bench.figures import Figure, beside
from bench.grpc_command import CALLS, FEW, ROUNDS, database_of, rate, serving

MODULE = "services.catalog"


def measure() -> Iterator[Figure]:
    """GetRun, which hardly works in the database, and OpenRun, by eight callers."""
    catalog.prepare(database_of(MODULE), CALLS)
    with serving(MODULE, "api") as ours:
        for command in ("GetRun", "OpenRun"):
            yield beside(
                f"connect json {command}",
                "calls/s",
                0.5,
                ROUNDS,
                partial(rate, ours.http, MODULE, command, FEW, "connect"),
                partial(rate, ours.grpc, MODULE, command, FEW),
            )
