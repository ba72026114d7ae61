"""The gRPC and HTTP servers of a service's api role: composition, start and drain."""

import signal
import threading
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import structlog

from chassis.data.store import Database
from chassis.edge.admission import MOST_REQUESTS, AdmissionControl
from chassis.edge.auth import Authenticator
from chassis.edge.bearer import bearer_tokens
from chassis.edge.executor import BoundedExecutor
from chassis.edge.grpc.adapter import Adapter
from chassis.edge.grpc.following import Followers
from chassis.edge.grpc.health import Health
from chassis.edge.grpc.server import GrpcServer
from chassis.edge.grpc.streams import Streams
from chassis.edge.http.app import app_of
from chassis.edge.http.endpoints import Endpoint
from chassis.edge.http.pages import Page
from chassis.edge.http.server import HttpServer
from chassis.edge.methods import Servicer, contracts_of
from chassis.edge.pipeline import Pipeline
from chassis.operations import ops
from chassis.operations.settings import Settings

# Seconds between two checks of the stop flag.
FAST_POLL = 0.5

log = structlog.get_logger()


class Server:
    """Both servers of a service, with one pipeline. They listen after `start`."""

    def __init__(
        self,
        settings: Settings,
        service: str,
        database: Database[Any],
        servicers: Sequence[Servicer],
        pages: Sequence[Page] = (),
        endpoints: Sequence[Endpoint] = (),
    ) -> None:
        """Raises SettingsError, UndeclaredAccess for an RPC without access rule, and OSError or
        RuntimeError if an address is in use.
        """
        contracts = contracts_of(servicers)
        self.health = Health(database.client, [each.full_name for each in contracts])
        self._streams, self._followers = Streams(service), Followers(service)
        self.pipeline = Pipeline(
            Authenticator({"bearer": bearer_tokens(settings)}),
            AdmissionControl(MOST_REQUESTS, settings.person_requests, settings.service_requests),
            BoundedExecutor(),
            self.health.answers,
        )
        adapter = Adapter(service, self.pipeline, self._streams, self._followers)
        self._grpc = GrpcServer(settings.grpc_address, adapter, contracts, self.health)
        origins = settings.http_origins
        app = app_of(service, self.pipeline, contracts, self.ready, origins, pages, endpoints)
        self._http = HttpServer(settings.http_address, app)
        self.port, self.http_port = self._grpc.port, self._http.port

    def start(self) -> None:
        """Accept requests from now on."""
        self._grpc.start()
        self._http.start()
        self.health.start()
        self._streams.start()
        self._followers.start()

    def ready(self) -> Mapping[str, bool]:
        """Return the parts that /ready reports."""
        return {"mongodb": self.health.answers(), "serving": not self.health.draining}

    def drain(self, within: timedelta) -> None:
        """Report NOT_SERVING, accept no new requests, let the others end, cancel late ones."""
        seconds = within.total_seconds()
        self.health.drain()
        self._http.stop(seconds)
        stopped = self._grpc.stop(seconds)
        self._streams.drain()
        self._followers.drain()
        self.pipeline.admission.bodies.end_all()
        self._http.join()
        stopped.wait()
        self._grpc.close()
        for threads in (
            self.pipeline.executor,
            self._streams.threads,
            self._followers.threads,
            self.health.threads,
        ):
            threads.shutdown(wait=False)


def serve(
    settings: Settings,
    service: str,
    database: Database[Any],
    servicers: Sequence[Servicer],
    pages: Sequence[Page] = (),
    endpoints: Sequence[Endpoint] = (),
) -> None:
    """Serve until SIGTERM or SIGINT, then drain within `settings.drain`. Raises as Server does."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    server = Server(settings, service, database, servicers, pages, endpoints)
    watched = ops.serve(settings.ops_address, server.ready)
    server.start()
    ports = {"port": server.port, "http_port": server.http_port, "ops_port": watched.port}
    log.info("listening", address=settings.grpc_address, **ports)
    # Python runs signal handlers in the main thread. Linux may deliver the signal to another
    # thread; then only this timeout wakes the main thread.
    while not stop.wait(FAST_POLL):
        pass
    log.info("draining", seconds=settings.drain.total_seconds())
    server.drain(settings.drain)
    watched.close()
    log.info("stopped")
