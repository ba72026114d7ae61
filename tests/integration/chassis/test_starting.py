"""Roles and jobs start before their servers, wait for them, and report what they wait for."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import urlsplit

import pytest

from services.catalog.store import CatalogStore
from services.notify.store import NotifyStore
from tests.conftest import MakeDatabase
from tests.deep import only_deep
from tests.integration.chassis.proxy import Proxy, hold_port
from tests.integration.processes import RoleProcess, eventually

NOWHERE = "127.0.0.1:1"
STORES = {"catalog": CatalogStore, "notify": NotifyStore}
# What no start may need: the identity provider, another service, mail, a collector of traces.
AWAY = {
    "TANDEM_JWKS_URL": f"https://{NOWHERE}/jwks",
    "TANDEM_TOKEN_ISSUER": "https://identity.example.edu",
    "TANDEM_LIBRARY_TARGET": NOWHERE,
    "TANDEM_SMTP_URL": f"smtp://{NOWHERE}",
    "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{NOWHERE}",
}


class Started(RoleProcess):
    """A service's role as a process, and what its operations' server says."""

    def __init__(self, service: str, role: str, environment: Mapping[str, str]) -> None:
        self._held = hold_port()
        self.ops = f"127.0.0.1:{self._held.getsockname()[1]}"
        command = ["-m", f"services.{service}", role]
        super().__init__(command, {**environment, "TANDEM_OPS_ADDRESS": self.ops})

    def get(self, path: str) -> tuple[int, dict[str, bool]]:
        """Status and body; (0, {}) while nobody listens."""
        try:
            with urllib.request.urlopen(f"http://{self.ops}/{path}", timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)
        except OSError:
            return 0, {}

    def metrics(self) -> str:
        """The role's metrics."""
        with urllib.request.urlopen(f"http://{self.ops}/metrics", timeout=10) as answer:
            return str(answer.read().decode())

    def becomes(self, status: int, **parts: bool) -> None:
        """Wait until /ready says so; it is live then, ready or not."""
        eventually(lambda: self.get("ready") == (status, parts))
        assert self.get("live") == (200, {"live": True})

    def waits_for(self, server: str) -> None:
        """Its log says what it waits for."""
        assert eventually(lambda: self.logged(f"waiting for {server}"))["level"] == "warning"


Start = Callable[[str, str], Started]


@pytest.fixture
def mongodb(stack: dict[str, str]) -> Iterator[Proxy]:
    """The way to MongoDB, still closed."""
    proxy = Proxy(stack["TANDEM_MONGO_URL"])
    yield proxy
    proxy.cut()


@pytest.fixture
def rabbitmq(vhost: str) -> Iterator[Proxy]:
    """The way to RabbitMQ, still closed."""
    proxy = Proxy(vhost)
    yield proxy
    proxy.cut()


@pytest.fixture
def start(
    mongodb: Proxy, rabbitmq: Proxy, vhost: str, make_database: MakeDatabase
) -> Iterator[Start]:
    """Starts a service's role, which can reach nothing yet."""
    broker = urlsplit(vhost)
    user = broker.netloc.rpartition("@")[0]
    common = {
        "TANDEM_ENVIRONMENT": "development",
        "TANDEM_MONGO_URL": mongodb.url,
        "TANDEM_AMQP_URL": f"amqp://{user}@{urlsplit(rabbitmq.url).netloc}{broker.path}",
    }
    started: list[Started] = []

    def run(service: str, role: str) -> Started:
        database = make_database(STORES[service]).mongo.name
        environment = {**common, **AWAY, "TANDEM_MONGO_DATABASE": database}
        started.append(Started(service, role, environment))
        return started[-1]

    yield run
    for process in started:
        process.kill()


@only_deep
def test_the_servers_come_one_after_the_other(
    start: Start, mongodb: Proxy, rabbitmq: Proxy
) -> None:
    """Roles are live and not ready, name what is missing, and work when the last server has come.

    Jobs also report what they wait for, and succeed when it is there.
    """
    roles = start("notify", "worker"), start("catalog", "relay")
    migrate, declare = start("catalog", "migrate"), start("notify", "declare")
    declare.waits_for("RabbitMQ")
    for each in (*roles, migrate):
        each.waits_for("MongoDB")
    for role in roles:
        role.becomes(503, mongodb=False)
    mongodb.open()
    for role in roles:
        role.becomes(503, mongodb=True, rabbitmq=False)
    assert migrate.process.wait(150) == 0
    assert declare.process.poll() is None
    rabbitmq.open()
    for role in roles:
        role.becomes(200, mongodb=True, rabbitmq=True)
    assert declare.process.wait(150) == 0


@only_deep
def test_a_frozen_server_is_no_server(start: Start, mongodb: Proxy, rabbitmq: Proxy) -> None:
    """If MongoDB accepts connections and does not answer, roles report it; later they are ready."""
    mongodb.open()
    rabbitmq.open()
    assert start("notify", "declare").process.wait(150) == 0
    roles = start("notify", "worker"), start("catalog", "relay")
    for role in roles:
        role.becomes(200, mongodb=True, rabbitmq=True)
    mongodb.freeze()
    for role in roles:
        role.becomes(503, mongodb=False, rabbitmq=True)
    relay = roles[1]
    eventually(lambda: 'tandem_relay_lanes{service="catalog"} 0.0' in relay.metrics())
    mongodb.thaw()
    for role in roles:
        role.becomes(200, mongodb=True, rabbitmq=True)
    eventually(lambda: 'tandem_relay_lanes{service="catalog"} 16.0' in relay.metrics())


def test_an_api_needs_its_database_only(start: Start, mongodb: Proxy) -> None:
    """It is ready without identity provider, other services, broker and collector."""
    mongodb.open()
    start("catalog", "api").becomes(200, mongodb=True, serving=True)
