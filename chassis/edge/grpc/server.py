"""The gRPC server: a service's RPCs, health and reflection."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import grpc
from grpc_health.v1 import health as health_protocol
from grpc_health.v1 import health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from chassis.edge.grpc.adapter import Adapter
from chassis.edge.grpc.health import Health
from chassis.edge.methods import Contract

# Threads of reflection. Requests, streams and health have threads of their own, so that none waits
# for another.
OTHERS = 4
# The last limit: above it grpc refuses every call as RESOURCE_EXHAUSTED, health checks included.
MOST_CALLS = 10_000

OPTIONS = (
    # By default grpc drops calls at random from 1,000 on that wait to be accepted: thousands of
    # streams come at one moment when a replica has stopped.
    ("grpc.server.max_pending_requests", MOST_CALLS),
    ("grpc.server.max_pending_requests_hard_limit", MOST_CALLS),
    # Without this, a second process on the same port would silently share the load.
    ("grpc.so_reuseport", 0),
    # A token may carry many claims.
    ("grpc.max_metadata_size", 16 * 1024),
    # Our clients ping idle connections every 30 s (chassis.edge.grpc.client).
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    # The server buffers 64 KB of a body that waits. grpc's bandwidth probes would raise that: 200
    # waiting bodies of 4 MB took 550 MB, and take 20 MB without probes (measured).
    ("grpc.http2.bdp_probe", 0),
    # The stream of a caller whose network is gone ends, and takes no place.
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    # Clients reconnect after ten minutes, so that a new replica gets its share of them.
    ("grpc.max_connection_age_ms", 600_000),
)


class GrpcServer:
    """A gRPC server with health and reflection. It listens after `start`."""

    def __init__(
        self, address: str, adapter: Adapter, contracts: Sequence[Contract], health: Health
    ) -> None:
        """Raises RuntimeError if the address is in use."""
        self._others = ThreadPoolExecutor(OTHERS, "other")
        self._server = grpc.server(
            self._others,
            interceptors=[adapter],
            options=OPTIONS,
            maximum_concurrent_rpcs=MOST_CALLS,
        )
        names = [contract.full_name for contract in contracts]
        for contract in contracts:
            self._add(contract, adapter)
        health_pb2_grpc.add_HealthServicer_to_server(health.servicer, self._server)
        reflection.enable_server_reflection(
            (*names, health_protocol.SERVICE_NAME, reflection.SERVICE_NAME), self._server
        )
        self.port: int = self._server.add_insecure_port(address)
        """The port of the server, also if the address asked for port 0."""

    def start(self) -> None:
        """Accept calls from now on."""
        self._server.start()

    def stop(self, seconds: float) -> threading.Event:
        """Accept no new calls; cancel those that last longer. The event is set at the end."""
        return self._server.stop(seconds)

    def close(self) -> None:
        """Free its threads."""
        self._others.shutdown(wait=False)

    def _add(self, contract: Contract, adapter: Adapter) -> None:
        handlers = {method.name: adapter.handler(method) for method in contract.methods}
        name = contract.full_name
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(name, handlers),)
        )
        self._server.add_registered_method_handlers(name, handlers)
