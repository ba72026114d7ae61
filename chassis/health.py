"""Health that is true (grpc.health.v1): SERVING only while the database answers."""

import threading
from collections.abc import Iterable
from typing import Any

import pymongo
import structlog
from grpc_health.v1 import health
from grpc_health.v1.health_pb2 import HealthCheckResponse
from pymongo.errors import PyMongoError

EVERY = 1.0
PATIENCE = 2.0
# The empty name stands for the whole server (grpc/doc/health-checking.md).
WHOLE_SERVER = ""

log = structlog.get_logger()


class Health:
    """Asks the database every second, and tells whoever checks or watches."""

    def __init__(self, client: "pymongo.MongoClient[Any]", names: Iterable[str]) -> None:
        self.servicer = health.HealthServicer()
        self._answers = True  # it did a moment ago, when it was prepared
        self._client = client
        self._names = (WHOLE_SERVER, *names)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="health", daemon=True)
        self._tell()

    def answers(self) -> bool:
        """Whether the database answered when it was last asked."""
        return self._answers

    @property
    def draining(self) -> bool:
        """Whether the server is on its way down."""
        return self._stop.is_set()

    def start(self) -> None:
        """Keep asking from now on."""
        self._thread.start()

    def drain(self) -> None:
        """NOT_SERVING from now on, whatever the database does."""
        self._stop.set()
        self.servicer.enter_graceful_shutdown()

    def _watch(self) -> None:
        while not self._stop.wait(EVERY):
            answers = answering(self._client)
            if answers != self._answers:
                self._answers = answers
                self._tell()
                log.warning("MongoDB answers again" if answers else "MongoDB does not answer")

    def _tell(self) -> None:
        serving = self._answers
        state = HealthCheckResponse.SERVING if serving else HealthCheckResponse.NOT_SERVING
        for name in self._names:
            self.servicer.set(name, state)


def answering(client: "pymongo.MongoClient[Any]") -> bool:
    """Whether the database's primary answers within two seconds."""
    try:
        with pymongo.timeout(PATIENCE):
            client.admin.command("ping")
    except PyMongoError:
        return False
    return True
