"""A gRPC command: calls a second, beside a bare grpcio handler with the same MongoDB work."""

import itertools
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
from tandem.catalog.v1 import catalog_pb2
from tandem.catalog.v1.catalog_pb2_grpc import CatalogServiceStub

from bench import rig
from bench.figures import Figure, beside
from campus.identity import IdentityProvider
from campus.stack.ports import HOST, Ports

CALLS = 2_000
CALLERS = 8
ROUNDS = 3


def measure() -> Iterator[Figure]:
    """CreateCourse by eight callers: with and without the edge, the same four operations."""
    with _server("services.catalog", "api") as ours, _server("bench.grpc_peer") as peer:
        yield beside(
            "grpc command", "calls/s", 0.7, ROUNDS, lambda: _rate(ours), lambda: _rate(peer)
        )


@contextmanager
def _server(module: str, *role: str) -> Iterator[str]:
    """A server in a process of its own; yields where it is, once it answers."""
    port = Ports(rig.FOLDER / f"{module}.json").claim("grpc", "ops")
    environment = {
        **os.environ,
        **rig.environment(),
        **IdentityProvider(rig.FOLDER).environment(),
        "TANDEM_MONGO_DATABASE": module.replace(".", "_"),
        "TANDEM_GRPC_ADDRESS": f"{HOST}:{port['grpc']}",
        "TANDEM_OPS_ADDRESS": f"{HOST}:{port['ops']}",
        "TANDEM_LIBRARY_TARGET": f"{HOST}:1",
        "TANDEM_LOG_LEVEL": "warning",
    }
    child = subprocess.Popen([sys.executable, "-m", module, *role], env=environment)
    target = f"{HOST}:{port['grpc']}"
    try:
        with grpc.insecure_channel(target) as channel:
            grpc.channel_ready_future(channel).result(60)
        yield target
    finally:
        child.terminate()
        child.wait(30)


def _rate(target: str) -> float:
    token = IdentityProvider(rig.FOLDER).mint("registrar", ["registrar"])
    metadata = [("authorization", f"Bearer {token}")]
    numbers = itertools.count()
    run = uuid.uuid4().hex

    def caller(_: int) -> None:
        with grpc.insecure_channel(target, [("grpc.use_local_subchannel_pool", 1)]) as channel:
            create: Callable[..., Any] = CatalogServiceStub(channel).CreateCourse
            while (number := next(numbers)) < CALLS:
                key = f"{run}-{number}"
                request = catalog_pb2.CreateCourseRequest(request_id=key, code=key, title="Course")
                create(request, metadata=metadata, timeout=30)

    began = time.perf_counter()
    with ThreadPoolExecutor(CALLERS) as pool:
        list(pool.map(caller, range(CALLERS)))
    return CALLS / (time.perf_counter() - began)
