"""Start a role by its real composition root, stop at its runtime's door, and say what is loaded.

Usage: role_probe.py SERVICE ROLE   (prints JSON; needs no server)
"""

import json
import os
import runpy
import sys
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from chassis import roles

LIBRARIES = ("grpc", "nameko", "eventlet", "kombu", "amqp", "pika")
# Where each role would block: the module and the function.
DOORS = {
    "api": ("chassis.edge.server", "serve"),
    "live": ("services.sessions.live.server", "serve"),
    "worker": ("chassis.worker", "serve"),
    "solver": ("chassis.jobs.process", "serve"),
    "meetings": ("chassis.jobs.process", "serve"),
    "archiver": ("chassis.archive.process", "serve"),
    "auditor": ("services.catalog.auditing", "serve"),
    "webhooks": ("chassis.jobs.process", "serve"),
    "relay": ("chassis.messaging.relay", "serve"),
    "migrate": ("chassis.data.bootstrap", "migrate"),
    "declare": ("chassis.messaging.topology", "declare"),
}


def main(service: str, role: str) -> None:
    """Run the role as `python -m services.<service> <role>` does."""
    module: Any = roles
    real = module.main

    def watched(name: str, settings: Any, given: Mapping[str, Callable[[Any], None]]) -> None:
        def start(values: Any) -> None:
            _close_the_door(role)
            given[role](values)

        real(name, settings, {**given, role: start})

    module.main, module.open_database = watched, _open
    sys.argv = [service, role]
    runpy.run_module(f"services.{service}", run_name="__main__", alter_sys=False)


def _close_the_door(role: str) -> None:
    """By now the process is patched, if it is to be."""
    module, function = DOORS[role]
    __import__(module)
    setattr(sys.modules[module], function, _report)


def _report(*_: object, **__: object) -> NoReturn:
    loaded = [name for name in LIBRARIES if name in sys.modules]
    print(json.dumps({"loaded": loaded, "patched": _patched()}), flush=True)
    os._exit(0)


def _patched() -> bool:
    patcher = sys.modules.get("eventlet.patcher")
    return patcher is not None and all(map(patcher.is_monkey_patched, ("socket", "thread", "time")))


def _open(settings: Any, service: str, store: Any) -> Any:
    """A database that nobody asks, opened by the modules that really open it."""
    from chassis.clock import SystemClock
    from chassis.data import bootstrap
    from chassis.data.store import Database, connect

    assert bootstrap
    return Database(connect(settings.mongo_url, service), "none", store, SystemClock())


if __name__ == "__main__":
    main(*sys.argv[1:])
