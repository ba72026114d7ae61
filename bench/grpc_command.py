"""gRPC commands that publish an event: calls a second, beside bare grpcio with the same work."""

import subprocess
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import grpc
import psutil

from bench import catalog, rig
from bench.figures import Figure, beside
from campus.identity import IdentityProvider
from campus.stack.ports import HOST, Ports
from campus.stack.process import python_command

CALLS = 2_000
FEW, MANY = 8, 32
ROUNDS = 3
# Seconds in which a server answers, also on a busy machine.
STARTING = 300.0


def measure() -> Iterator[Figure]:
    """OpenRun by eight callers, and Enrol in one run without a capacity by 32."""
    for module in ("services.catalog", "bench.grpc_peer"):
        catalog.prepare(database_of(module), CALLS)
    with serving("services.catalog", "api") as ours, serving("bench.grpc_peer") as peer:
        for name, command, callers in (
            ("grpc command", "OpenRun", FEW),
            ("grpc enrol in one run", "Enrol", MANY),
        ):
            yield beside(
                name,
                "calls/s",
                0.7,
                ROUNDS,
                partial(rate, ours.grpc, "services.catalog", command, callers),
                partial(rate, peer.grpc, "bench.grpc_peer", command, callers),
            )


class Targets(NamedTuple):
    """Where a server is, and its process."""

    grpc: str
    http: str
    process: psutil.Process


@contextmanager
def serving(module: str, *role: str, settings: Mapping[str, str] = rig.NONE) -> Iterator[Targets]:
    """A server in a process of its own; yields where it is, once it answers."""
    port = Ports(rig.FOLDER / f"{module}.json").claim("grpc", "http", "ops")
    address = {name: f"{HOST}:{number}" for name, number in port.items()}
    told = {
        **IdentityProvider(rig.FOLDER).environment(),
        "TANDEM_MONGO_DATABASE": database_of(module),
        "TANDEM_GRPC_ADDRESS": address["grpc"],
        "TANDEM_HTTP_ADDRESS": address["http"],
        "TANDEM_OPS_ADDRESS": address["ops"],
        "TANDEM_LIBRARY_TARGET": f"{HOST}:1",
        "TANDEM_LOG_LEVEL": "warning",
        **settings,
    }
    with (
        rig.running(module, *role, settings=told) as process,
        grpc.insecure_channel(address["grpc"]) as channel,
    ):
        grpc.channel_ready_future(channel).result(STARTING)
        yield Targets(address["grpc"], address["http"], process)


def database_of(module: str) -> str:
    """The database of a server."""
    return module.replace(".", "_")


def rate(target: str, module: str, command: str, callers: int, protocol: str = "grpc") -> float:
    """How many commands a second it does, of callers in a process of their own."""
    token = IdentityProvider(rig.FOLDER).mint("registrar", ["registrar"])
    run = uuid.uuid4().hex
    catalog.add_run(database_of(module), run)
    told = [protocol, command, target, token, run, str(callers), str(CALLS)]
    found = subprocess.run(
        python_command("bench.callers", *told), stdout=subprocess.PIPE, text=True, check=True
    )
    return float(found.stdout)
