"""Which modules import which: the tree keeps the layers, and the checker finds violations."""

import runpy
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
violations: Callable[[Path], list[str]] = runpy.run_path(str(ROOT / "scripts" / "import_rules.py"))[
    "violations"
]


def test_the_tree_keeps_the_layers() -> None:
    """No module imports what its layer may not."""
    assert violations(ROOT) == []


def tree(folder: Path, files: dict[str, str]) -> Path:
    """A source tree of these modules, with the packages around them."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        for parent in list(path.relative_to(folder).parents)[:-1]:
            (folder / parent / "__init__.py").touch()
    return folder


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("services/catalog/domain.py", "import pymongo"),
        ("services/catalog/domain/paths.py", "from chassis.data.store import Store"),
        ("services/catalog/domain/paths.py", "from tandem.types.v1 import types_pb2"),
        ("services/catalog/domain/paths.py", "from services.catalog import usecases"),
        ("services/catalog/domain/paths.py", "from .. import store"),
        ("services/catalog/usecases/enrol.py", "from chassis.data.commands import execute"),
        ("services/catalog/usecases.py", "from services.catalog.store import CatalogStore"),
        ("services/catalog/ports.py", "def f():\n    import pymongo"),
        ("services/catalog/api.py", "from services.library import domain"),
        ("services/catalog/api.py", "import services.library"),
        ("services/catalog/store.py", "from campus.identity import IdentityProvider"),
        ("services/catalog/settings.py", "import structlog"),
        ("services/catalog/__main__.py", "from chassis.edge.grpc import server"),
        ("chassis/data/pages.py", "from services.catalog import domain"),
        ("chassis/data/pages.py", "from tandem.catalog.v1 import catalog_pb2"),
        ("chassis/errors.py", "import grpc"),
        ("chassis/ids.py", "from chassis.operations import metrics"),
        ("chassis/context/deadline.py", "from chassis.data.store import Store"),
        ("chassis/contracts/mapping.py", "def f():\n    from chassis.operations import logs"),
        ("chassis/data/store.py", "from chassis.messaging import topology"),
        ("chassis/data/store.py", "import chassis.edge.auth"),
        ("chassis/messaging/relay.py", "from chassis import jobs"),
        ("chassis/messaging/relay.py", "from chassis.edge import auth"),
        ("chassis/edge/auth.py", "from chassis import roles"),
        ("chassis/jobs/runner.py", "from chassis.messaging.timers import Timer"),
        ("chassis/roles.py", "import structlog"),
        ("campus/cli.py", "def f():\n    from tests.conftest import FakeClock"),
    ],
)
def test_a_broken_layer_is_seen(tmp_path: Path, module: str, source: str) -> None:
    """Each kind of forbidden import is found, at the top and inside of functions."""
    found = violations(tree(tmp_path, {module: source}))
    assert len(found) == 1
    assert found[0].startswith(module.removesuffix(".py").replace("/", "."))


@pytest.mark.parametrize(
    ("module", "source"),
    [
        (
            "services/catalog/domain/paths.py",
            "import re\nfrom chassis.errors import FieldViolation",
        ),
        ("services/catalog/domain/paths.py", "from services.catalog.domain.enums import Kind"),
        ("services/catalog/usecases.py", "from services.catalog.ports import Store"),
        ("services/catalog/worker.py", "from tandem.library.v1 import events_pb2"),
        ("services/catalog/__main__.py", "def api(s):\n    from chassis.edge.grpc import server"),
        ("chassis/edge/access.py", "from tandem.options.v1 import options_pb2"),
        ("chassis/roles.py", "def f():\n    import eventlet"),
        ("chassis/data/store.py", "from chassis import ids\nfrom chassis.context import deadline"),
        ("chassis/jobs/runner.py", "from chassis.data.store import Store"),
        ("chassis/worker.py", "from chassis.jobs import Jobs\nfrom chassis.messaging import batch"),
    ],
)
def test_a_kept_layer_is_fine(tmp_path: Path, module: str, source: str) -> None:
    """The imports that a layer may have are accepted."""
    assert violations(tree(tmp_path, {module: source})) == []


def test_grpc_and_eventlet_meet_nowhere(tmp_path: Path) -> None:
    """A module that loads both, through however many others, is found."""
    files = {
        "chassis/server.py": "import grpc",
        "chassis/bus.py": "from nameko.runners import ServiceRunner",
        "services/catalog/api.py": "from chassis import server",
        "services/catalog/bad.py": "from services.catalog import api\nfrom chassis.bus import run",
        "services/catalog/good.py": "def f():\n    import chassis.bus\ndef g():\n    import grpc",
    }
    found = violations(tree(tmp_path, files))
    assert found == ["services.catalog.bad: loads grpc and nameko into one process"]


@pytest.mark.parametrize(
    ("source", "place"),
    [
        (
            "def worker(s):\n    from chassis import bus\n    from services.catalog import api",
            ".worker",
        ),
        ("import chassis.server\ndef f():\n    import chassis.bus", ".f"),
        ("import kombu\nfrom tandem.catalog.v1 import catalog_pb2_grpc", ""),
        ("import tandem.catalog.v1.catalog_pb2_grpc as stubs\nfrom chassis import bus", ""),
        ("import eventlet\nfrom grpc_health.v1 import health", ""),
        ("async def f():\n    import nameko\n    from grpc_status import rpc_status", ".f"),
    ],
)
def test_grpc_and_eventlet_meet_in_no_function(tmp_path: Path, source: str, place: str) -> None:
    """No function of a role loads both either, directly or through other modules."""
    files = {
        "chassis/server.py": "import grpc",
        "chassis/bus.py": "from nameko.runners import ServiceRunner",
        "services/catalog/api.py": "from chassis import server",
        "services/catalog/__main__.py": source,
    }
    allowed = "; allowed are the standard library"
    found = [each for each in violations(tree(tmp_path, files)) if allowed not in each]
    [violation] = found
    assert violation.startswith(f"services.catalog.__main__{place}: loads grpc and ")
