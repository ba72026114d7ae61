"""Real servers, started once a run; each test gets a database and a vhost of its own."""

import gc
import itertools
import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from shutil import disk_usage
from tempfile import TemporaryDirectory
from typing import Any

import hypothesis
import pymongo
import pytest
import structlog
from xdist.scheduler import LoadScopeScheduling

from campus.stack.stack import Stack
from chassis.data.store import Database, Store, connect
from tests.databases import Databases
from tests.deep import DEEP, deep
from tests.management import manage

# No test asserts a time, and hypothesis' deadline and its check of slow examples do: a busy machine
# is late. CI judges every change by the same examples; who works on the code tries new ones with
# every run.
hypothesis.settings.register_profile(
    "tandem",
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
    max_examples=200 if DEEP else 40,
    derandomize=bool(os.environ.get("CI")),
)
hypothesis.settings.load_profile("tandem")
# structlog's default would draw each traceback with all variables, by rich: that takes a second.
structlog.dev.ConsoleRenderer.get_active().exception_formatter = structlog.dev.plain_traceback
_numbers = itertools.count(1)
SYSTEM = "tests/system"
SHORT = ("tests/contract/", "tests/unit/")
"""The shortest come last."""
# Linux's file system in memory, and the bytes that must be free there; a container often has less.
IN_MEMORY, LEAST_FREE = Path("/dev/shm"), 6 * 2**30
TRANSACTION = 60
"""Seconds until MongoDB ends a test's transaction."""
_RUN = uuid.uuid4().hex[:6]


class ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """Where tests run in several processes: a file stays together, and all of the system tests.

    xdist's own groups would do, but pytest 9.2 does not let it see them.
    """

    def _split_scope(self, nodeid: str) -> str:
        file, _, _ = nodeid.partition("::")
        return SYSTEM if file.startswith(f"{SYSTEM}/") else file


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Each process collects all tests, and keeps them: nothing of that is garbage, and to look for
    it took an eighth of the time.
    """
    gc.disable()
    found = yield
    gc.freeze()
    gc.enable()
    return found


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Property tests go on longer in `make test-deep`. Where tests run in several processes, files
    of short tests come last, so that at the end no process is left with a long one.
    """
    if hasattr(config, "workerinput"):
        items.sort(key=_shortness)
    for item in items:
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker(deep)


def _shortness(item: pytest.Item) -> int:
    folders = (place for place, folder in enumerate(SHORT, 1) if item.nodeid.startswith(folder))
    return next(folders, 0)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Spread the tests so, in their order; xdist would begin with the files of the most tests."""
    config.option.loadscopereorder = False
    return ByFile(config, log)


class FakeClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, at: datetime = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)) -> None:
        self.at = at

    def now(self) -> datetime:
        """The instant it stands at."""
        return self.at

    def forward(self, **step: float) -> None:
        """Move on by `timedelta(**step)`."""
        self.at += timedelta(**step)


@pytest.fixture
def clock() -> FakeClock:
    """A clock at Monday, 2 March 2026, 08:00 UTC."""
    return FakeClock()


@pytest.fixture(scope="session")
def outer_environment() -> Mapping[str, str]:
    """The environment in which the tests were started: it may name servers, which then last."""
    return dict(os.environ)


@pytest.fixture(scope="session")
def stack(
    outer_environment: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """The environment (TANDEM_*) of running real servers."""
    given = outer_environment
    if given.get("TANDEM_AMQP_URL") and not given.get("TANDEM_AMQP_MANAGEMENT_URL"):
        pytest.fail(
            "with TANDEM_AMQP_URL the tests need TANDEM_AMQP_MANAGEMENT_URL too (such as "
            "http://host:15672), for each makes a virtual host of its own; or set neither",
            pytrace=False,
        )
    with _scratch(tmp_path_factory) as folder:
        local = Stack(folder)
        environment = local.up().environment()
        if not given.get("TANDEM_MONGO_URL"):
            _be_patient(environment["TANDEM_MONGO_URL"])
        os.environ.update(environment)
        yield environment
        os.environ.clear()
        os.environ.update(given)
        for part in local.parts.values():  # the data are not needed; RabbitMQ takes long to save
            part.kill()


def _be_patient(mongo_url: str) -> None:
    """Let MongoDB remove nothing by age: the tests' clock is far behind its own, so that once a
    minute it would remove what a test has just stored. And let a transaction last for MongoDB's
    usual time instead of the local stack's 10 s: on a busy machine the largest take longer.
    """
    with connect(mongo_url, "tests") as client:
        client.admin.command("setParameter", 1, ttlMonitorEnabled=False)
        client.admin.command("setParameter", 1, transactionLifetimeLimitSeconds=TRANSACTION)


@contextmanager
def _scratch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for the servers' data: in memory where there is much of it, else on the disk.

    Each test prepares databases: in memory these take two thirds of the time.
    """
    if not IN_MEMORY.is_dir() or disk_usage(IN_MEMORY).free < LEAST_FREE:
        yield tmp_path_factory.mktemp("stack")
        return
    with TemporaryDirectory(prefix="tandem-", dir=IN_MEMORY, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def mongo(stack: dict[str, str]) -> Iterator["pymongo.MongoClient[dict[str, Any]]"]:
    """A client of the real MongoDB."""
    with connect(stack["TANDEM_MONGO_URL"], "tests") as client:
        yield client


Aside = Callable[[Callable[[], object]], None]


@pytest.fixture(scope="session")
def aside(mongo: "pymongo.MongoClient[dict[str, Any]]") -> Iterator[Aside]:
    """Runs what no test must wait for, one call after the other; reports failures at the end."""
    with ThreadPoolExecutor(1) as pool:
        done: list[Future[object]] = []
        yield lambda act: done.append(pool.submit(act))
    for each in done:
        each.result()


MakeDatabase = Callable[[type[Store]], Database[Any]]


@pytest.fixture(scope="session")
def databases(mongo: "pymongo.MongoClient[dict[str, Any]]") -> Databases:
    """The databases of this process's tests."""
    return Databases(mongo, f"t_{_RUN}")


@pytest.fixture
def make_database(databases: Databases, clock: FakeClock, aside: Aside) -> Iterator[MakeDatabase]:
    """Gives prepared databases of the test's own, on the test's clock."""
    taken: list[tuple[type[Store], str]] = []

    def make(store: type[Store]) -> Database[Any]:
        database = databases.take(store, clock)
        taken.append((store, database.mongo.name))
        return database

    yield make
    for store, name in taken:
        aside(partial(databases.give_back, store, name))


@pytest.fixture
def vhost(stack: dict[str, str], aside: Aside) -> Iterator[str]:
    """The AMQP URL of a virtual host of the test's own."""
    with ExitStack() as ending:
        yield ending.enter_context(virtual_host(stack))
        aside(ending.pop_all().close)


@contextmanager
def virtual_host(stack: dict[str, str]) -> Iterator[str]:
    """The AMQP URL of a new virtual host, which is gone afterwards."""
    name = f"t-{_RUN}-{next(_numbers)}"
    manage(stack, "PUT", f"vhosts/{name}")
    try:
        yield stack["TANDEM_AMQP_URL"].rpartition("/")[0] + f"/{name}"
    finally:
        manage(stack, "DELETE", f"vhosts/{name}")
