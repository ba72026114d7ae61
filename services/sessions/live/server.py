"""The role `live`: puts the channel, both servers and the exchange together, and drains them."""

import asyncio
import contextlib
import signal
from collections.abc import Mapping
from functools import partial
from typing import Any

import structlog
from tandem.sessions.v1 import live_pb2, sessions_pb2

from chassis.data.store import Database
from chassis.edge.admission import MOST_REQUESTS, AdmissionControl
from chassis.edge.auth import Authenticator
from chassis.edge.bearer import bearer_tokens
from chassis.edge.executor import BoundedExecutor
from chassis.edge.methods import Servicer, contracts_of
from chassis.edge.pipeline import Pipeline
from chassis.operations import ops
from services.sessions import rights
from services.sessions.api import SessionsApi
from services.sessions.domain.class_log import ClassEntry
from services.sessions.live.announcing import Heard, announcing
from services.sessions.live.channel import Channel
from services.sessions.live.exchange import Exchange
from services.sessions.live.grpc_edge import GrpcEdge
from services.sessions.live.log_reader import LogReader
from services.sessions.live.log_stream import LogStream
from services.sessions.live.websocket import SocketEdge
from services.sessions.settings import Settings
from services.sessions.store import SessionsStore

# Seconds between two reports of health.
REPORT = 1.0

log = structlog.get_logger()


class Announcer:
    """Hands what was committed on a thread to the event loop."""

    def __init__(self) -> None:
        self.store = announcing(self._hear)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._heard: Heard | None = None

    def to(self, heard: Heard) -> None:
        """Call `heard` on the running loop from now on."""
        self._heard, self._loop = heard, asyncio.get_running_loop()

    def _hear(self, entry: ClassEntry) -> None:
        if self._loop is not None and self._heard is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: who reads on finds it
                self._loop.call_soon_threadsafe(self._heard, entry)


class Live:
    """One replica of the role."""

    def __init__(
        self, settings: Settings, database: Database[SessionsStore], announcer: Announcer
    ) -> None:
        """Must be made on the running loop. Raises SettingsError, and OSError or RuntimeError if an
        address is in use.
        """
        self._settings = settings
        self._reader = LogReader(settings.mongo_url, database.mongo.name)
        self.pipeline = Pipeline(
            Authenticator({"bearer": bearer_tokens(settings)}),
            AdmissionControl(MOST_REQUESTS, settings.person_requests, settings.service_requests),
            BoundedExecutor(),
            self._reader.answers,
        )
        self.channel = _channel(settings, database, self.pipeline, self._reader)
        self.exchange = Exchange(settings.amqp_url, self.channel.rooms.hear)
        self.channel.rooms.exchange = self.exchange
        self.stream = LogStream(self._reader.log, self.channel.rooms.take)
        announcer.to(self.channel.rooms.announce)
        self._grpc = GrpcEdge(settings.grpc_address, self.channel, settings.live_members)
        self._http = SocketEdge(
            settings.http_address,
            self.channel,
            self.ready,
            settings.http_origins,
            settings.live_members,
        )
        self.port, self.http_port = self._grpc.port, self._http.port
        self._draining = False
        self._tasks: list[asyncio.Task[Any]] = []

    def ready(self) -> Mapping[str, bool]:
        """Return the parts that /ready reports. Classes go on without RabbitMQ."""
        return {"mongodb": self._reader.answers(), "serving": not self._draining}

    async def start(self) -> None:
        """Accept streams from now on."""
        works = (self.channel.run(), self.exchange.run(), self.stream.run(), self._report())
        self._tasks = [asyncio.create_task(work) for work in works]
        await self._grpc.start()
        self._http.start()

    async def drain(self) -> None:
        """Tell all members to join elsewhere, and stop when they have left."""
        self._draining = True
        await self._grpc.report(False)
        seconds = self._settings.drain.total_seconds()
        await self.channel.drain(seconds)
        await self._grpc.stop(1.0)
        await self._http.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.exchange.close()
        await self._reader.close()
        self.pipeline.executor.shutdown(wait=False)

    async def _report(self) -> None:
        while not self._draining:
            await self._grpc.report(all(self.ready().values()))
            await asyncio.sleep(REPORT)


def _channel(
    settings: Settings,
    database: Database[SessionsStore],
    pipeline: Pipeline,
    reader: LogReader,
) -> Channel:
    servicer = Servicer(
        SessionsApi(database, None, settings.online_seats),
        sessions_pb2.DESCRIPTOR.services_by_name["SessionsService"],
        partial(rights.relation, database),
    )
    stream = Servicer(_Streamed(), live_pb2.DESCRIPTOR.services_by_name["LiveService"])
    commands, attend = contracts_of([servicer, stream])
    fields = live_pb2.AttendRequest.DESCRIPTOR.oneofs_by_name["what"].fields
    taken = {field.message_type.full_name for field in fields if field.message_type}
    methods = [each for each in commands.methods if each.request.DESCRIPTOR.full_name in taken]
    return Channel(pipeline, database, reader, attend.methods[0], methods, settings.live_members)


class _Streamed:
    """The stream's RPC for its contract; the edges answer it."""

    Attend = None


def serve(settings: Settings, database: Database[SessionsStore], announcer: Announcer) -> None:
    """Serve until SIGTERM or SIGINT, then drain within `settings.drain`. Raises as Live does."""
    asyncio.run(_serve(settings, database, announcer))


async def _serve(
    settings: Settings, database: Database[SessionsStore], announcer: Announcer
) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    live = Live(settings, database, announcer)
    watched = ops.serve(settings.ops_address, live.ready)
    await live.start()
    ports = {"port": live.port, "http_port": live.http_port, "ops_port": watched.port}
    log.info("listening", address=settings.grpc_address, **ports)
    await stop.wait()
    log.info("draining", seconds=settings.drain.total_seconds())
    await live.drain()
    watched.close()
    log.info("stopped")
