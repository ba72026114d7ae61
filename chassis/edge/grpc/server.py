"""The gRPC server of a service's api role: put together, run, drained."""

import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import grpc
import structlog
from grpc_health.v1 import health, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from chassis.data.store import Database
from chassis.edge.admission import MOST_REQUESTS, Places
from chassis.edge.auth import authenticator
from chassis.edge.executor import BoundedExecutor
from chassis.edge.grpc.adapter import Edge
from chassis.edge.grpc.health import Health
from chassis.edge.grpc.streams import Streams
from chassis.operations import ops
from chassis.operations.settings import Settings

# Threads of those who ask what is served (reflection). Requests, streams and health have their own,
# so that none of them waits for another.
OTHERS = 4
# The last resort: beyond it grpc refuses whatever comes, health among it, as RESOURCE_EXHAUSTED.
MOST_CALLS = 10_000
# Seconds between two looks whether it is time to stop.
OFTEN = 0.5
# protobuf's type stubs know two unrelated classes for this
ServiceDescriptor = Any

OPTIONS = (
    # A second process on the same port is a mistake to be told, not a load balancer.
    ("grpc.so_reuseport", 0),
    # A token may carry many claims.
    ("grpc.max_metadata_size", 16 * 1024),
    # Callers keep idle connections alive by a ping every 30 s (chassis.edge.grpc.client).
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    # A body that waits for its thread stays with its caller but for 64 KB. grpc's probes would
    # widen that: 200 bodies of 4 MB that wait took 550 MB, and take 20 MB without (measured).
    ("grpc.http2.bdp_probe", 0),
    # Callers come back after ten minutes, so that a new replica gets its share of them.
    ("grpc.max_connection_age_ms", 600_000),
)

log = structlog.get_logger()


@dataclass(frozen=True)
class Servicer:
    """A gRPC service: the generated `add_..._to_server`, what implements it, and its contract."""

    add: Callable[[Any, grpc.Server], None]
    implementation: object
    descriptor: ServiceDescriptor


class Server:
    """A service's gRPC server with its edge, health and reflection; it listens once started."""

    def __init__(
        self,
        settings: Settings,
        service: str,
        database: Database[Any],
        servicers: Sequence[Servicer],
    ) -> None:
        """Raises SettingsError, and UndeclaredAccess for an RPC that doesn't say who may call."""
        names = [servicer.descriptor.full_name for servicer in servicers]
        self.health = Health(database.client, names)
        self._streams = Streams(service)
        self._requests, self._others = BoundedExecutor(), ThreadPoolExecutor(OTHERS, "other")
        edge = Edge(
            service,
            authenticator(settings),
            Places(MOST_REQUESTS, settings.person_requests, settings.service_requests),
            self._requests,
            self._streams,
            self.health.answers,
        )
        self._server = grpc.server(
            self._others, interceptors=[edge], options=OPTIONS, maximum_concurrent_rpcs=MOST_CALLS
        )
        for servicer in servicers:
            _add(servicer, edge, self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self.health.servicer, self._server)
        reflection.enable_server_reflection(
            (*names, health.SERVICE_NAME, reflection.SERVICE_NAME), self._server
        )
        # Raises RuntimeError where the address is taken.
        self.port: int = self._server.add_insecure_port(settings.grpc_address)
        """The port it listens on, also where the settings asked for port 0."""

    def start(self) -> None:
        """Take calls from now on."""
        self._server.start()
        self.health.start()
        self._streams.start()

    def ready(self) -> Mapping[str, bool]:
        """What /ready tells."""
        return {"mongodb": self.health.answers(), "serving": not self.health.draining}

    def drain(self, within: timedelta) -> None:
        """Tell that it stops, take no new calls, let those in hand end, cut off what is late."""
        self.health.drain()
        stopped = self._server.stop(within.total_seconds())
        self._streams.drain()
        stopped.wait()
        for threads in (self._requests, self._streams.threads, self._others, self.health.threads):
            threads.shutdown(wait=False)


def serve(
    settings: Settings, service: str, database: Database[Any], servicers: Sequence[Servicer]
) -> None:
    """Serve until SIGTERM or SIGINT, then drain within `settings.drain`.

    Raises SettingsError, and UndeclaredAccess for an RPC that doesn't say who may call.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    server = Server(settings, service, database, servicers)
    watched = ops.serve(settings.ops_address, server.ready)
    server.start()
    log.info("listening", address=settings.grpc_address, port=server.port, ops_port=watched.port)
    # Python runs handlers in the main thread. Linux may give the signal to another one, and then
    # nothing wakes this one but its own clock.
    while not stop.wait(OFTEN):
        pass
    log.info("draining", seconds=settings.drain.total_seconds())
    server.drain(settings.drain)
    watched.close()
    log.info("stopped")


class _Recorder:
    """Stands in for a server while the generated code tells the handlers that it would add."""

    def __init__(self) -> None:
        self.handlers: Mapping[str, Any] = {}

    def add_generic_rpc_handlers(self, _: Any) -> None:
        """The same handlers once more, for servers older than registered methods."""

    def add_registered_method_handlers(self, _: str, handlers: Mapping[str, Any]) -> None:
        """Keep what is to be added."""
        self.handlers = handlers


def _add(servicer: Servicer, edge: Edge, server: grpc.Server) -> None:
    recorder: Any = _Recorder()
    servicer.add(servicer.implementation, recorder)
    methods = servicer.descriptor.methods_by_name
    wrapped = {name: edge.wrap(methods[name], each) for name, each in recorder.handlers.items()}
    name = servicer.descriptor.full_name
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, wrapped),))
    server.add_registered_method_handlers(name, wrapped)
