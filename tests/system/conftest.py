"""The whole platform, started once; tests kill parts of it and leave it whole.

Its fixtures last as long as this package, not the session: some thirty processes that look for work
while the other tests run take half a processor from them.
"""

from collections.abc import Iterator
from functools import partial

import pytest

from campus.client import Campus
from campus.platform import Platform
from campus.services import Services
from campus.stack.concurrency import all_at_once
from chassis.messaging import queue_figures
from tests.collector import Collector
from tests.system.classes import Class, Demo, MakeClass, play_demo


@pytest.fixture(scope="package")
def collector() -> Iterator[Collector]:
    """The collector of the platform's traces."""
    with Collector().running() as collector:
        yield collector


@pytest.fixture(scope="package")
def platform(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[Platform]:
    """A platform of the tests' own: servers too, for tests stop and kill them."""
    traced = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
    running = Platform(tmp_path_factory.mktemp("platform"), given=traced)
    running.up()
    yield running
    running.down()


@pytest.fixture(scope="package")
def campus(platform: Platform) -> Iterator[Campus]:
    """Connections to it."""
    connections = Campus(platform)
    yield connections
    connections.close()


@pytest.fixture(scope="package")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The demo, run once for all tests of its outcome."""
    return play_demo(tmp_path_factory.mktemp("demo"))


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy broker may take its time with its figures."""
    monkeypatch.setattr(queue_figures, "TRIES", 500)


@pytest.fixture
def staff(campus: Campus) -> Services:
    """The services on behalf of staff."""
    return campus.calling_as("registrar", "registrar", "instructor", "service", "operator")


@pytest.fixture
def whole(platform: Platform) -> Iterator[Platform]:
    """The platform, every part and role of which runs again after the test."""
    yield platform
    platform.stack.up()
    all_at_once((partial(platform.restart, name) for name in platform.roles), most=6)


@pytest.fixture
def make_class(staff: Services) -> MakeClass:
    """Makes a run and its learners."""
    return lambda learners: Class(staff, learners)
