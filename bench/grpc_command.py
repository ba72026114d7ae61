"""A gRPC command: calls a second, beside a bare grpcio handler with the same MongoDB work."""

import itertools
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
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
from chassis.settings import MIGRATE

CALLS = 2_000
CALLERS = 8
ROUNDS = 3


def measure() -> Iterator[Figure]:
    """CreateCourse by eight callers: with and without the edge, the same four operations."""
    with serving("services.catalog", "api") as ours, serving("bench.grpc_peer") as peer:
        yield beside("grpc command", "calls/s", 0.7, ROUNDS, lambda: rate(ours), lambda: rate(peer))


@contextmanager
def serving(module: str, *role: str, settings: Mapping[str, str] = rig.NONE) -> Iterator[str]:
    """A server in a process of its own; yields where it is, once it answers.

    A service's database is made first: its api waits for that.
    """
    port = Ports(rig.FOLDER / f"{module}.json").claim("grpc", "ops")
    target = f"{HOST}:{port['grpc']}"
    told = {
        **IdentityProvider(rig.FOLDER).environment(),
        "TANDEM_MONGO_DATABASE": module.replace(".", "_"),
        "TANDEM_GRPC_ADDRESS": target,
        "TANDEM_OPS_ADDRESS": f"{HOST}:{port['ops']}",
        "TANDEM_LIBRARY_TARGET": f"{HOST}:1",
        "TANDEM_LOG_LEVEL": "warning",
        **settings,
    }
    if role:
        rig.run(module, MIGRATE, settings=told)
    with rig.running(module, *role, settings=told), grpc.insecure_channel(target) as channel:
        grpc.channel_ready_future(channel).result(60)
        yield target


def rate(target: str) -> float:
    """How many courses a second it makes."""
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
