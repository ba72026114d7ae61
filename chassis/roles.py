"""The start of every process: `python -m services.<name> <role>`.

This module imports only the standard library, and nothing that would import more: the worker role
patches it for eventlet, and modules that were imported earlier would keep the unpatched parts.
"""

import ctypes
import dataclasses
import gc
import os
import signal
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from chassis.operations.settings import WORKER, Settings, SettingsError, load, variable_of

if TYPE_CHECKING:
    from chassis.data.store import Database, Store

    S = TypeVar("S", bound=Store)

Role = Callable[[Any], None]
# Exit codes of sysexits.h, so that an init system or a person can tell the causes apart.
BAD_USAGE, BAD_SETTINGS = 64, 78
GREEN_ROLE = WORKER
# Every role collects garbage cycles after so many new objects. A batch of 500 events makes some
# 50,000 objects that live until its end, a request with 100 statements of xAPI 8,000; with Python's
# default of 700 the collector scans them, and all older objects, again and again, which takes a
# sixth of a worker's time and a fifth of the LRS's.
GARBAGE = 50_000
# glibc gives threads up to eight heaps for each processor, and each keeps what was freed there: an
# api that had answered 200 requests of 4 MB kept 260 MiB, and keeps 160 with two heaps.
HEAPS, M_ARENA_MAX = 2, -8


def main(service: str, settings: type[Settings], roles: Mapping[str, Role]) -> None:
    """Run the role that the command line names, until it ends.

    Exits with 64 for an unknown role, and with 78 if settings are missing or wrong; every fault of
    the settings is printed on standard error.
    """
    arguments = sys.argv[1:]
    if arguments and arguments[0] in {"-h", "--help", "help"}:
        print(help_text(service, settings, roles))
        return
    if len(arguments) != 1 or arguments[0] not in roles:
        _fail(BAD_USAGE, f"usage: python -m services.{service} {'|'.join(roles)} | --help")
    _run(service, arguments[0], _settings(settings, arguments[0]), roles[arguments[0]])


def help_text(service: str, settings: type[Settings], roles: Mapping[str, Role]) -> str:
    """Return the roles that can be run, and every setting with its meaning and its default."""
    lines = [f"usage: python -m services.{service} {'|'.join(roles)}", "", "settings:"]
    for field in dataclasses.fields(settings):
        about = field.metadata
        readers = [role for role in roles if role in about["roles"]]
        if readers:
            who = "" if len(readers) == len(roles) else f" ({', '.join(readers)})"
            default = "required" if about["required"] else f"default: {_shown(field.default)}"
            lines += [f"  {variable_of(field)}{who}", f"      {about['doc']} ({default})"]
    return "\n".join(lines)


def open_database(settings: Settings, service: str, store: "type[S]") -> "Database[S]":
    """Return the service's database. Waits until MongoDB answers and the database is migrated."""
    # Imported late, because this module must import the standard library only.
    from chassis.data import bootstrap

    return bootstrap.open_database(settings, service, store)


def wait_for_database(settings: Settings, service: str, store: "type[Store]") -> None:
    """Wait as `open_database` does, for a role that has its own client."""
    open_database(settings, service, store).client.close()


def migrate(settings: Settings, service: str, store: "type[Store]") -> None:
    """Migrate the service's database to this version. Waits while MongoDB is away."""
    from chassis.data import bootstrap

    bootstrap.migrate(settings, service, store)


def _run(service: str, name: str, settings: Settings, role: Role) -> None:
    if name == GREEN_ROLE:
        with warnings.catch_warnings():
            # eventlet is in maintenance mode and warns at each import; nameko has no other runtime.
            warnings.simplefilter("ignore", DeprecationWarning)
            import eventlet
        eventlet.monkey_patch()
    _share_heaps()
    gc.set_threshold(GARBAGE)
    from chassis.operations import logs, metrics

    logs.configure(service, name, settings.log_level)
    metrics.report_build(service, name)
    # As a container's first process we would ignore SIGTERM without a handler. A runtime that has
    # something to drain replaces this handler.
    signal.signal(signal.SIGTERM, _leave)
    try:
        with _exporting(settings.traces, service, name):
            role(settings)
    except SettingsError as error:
        _fail(BAD_SETTINGS, *str(error).splitlines())
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)


def _exporting(traces: str, service: str, role: str) -> AbstractContextManager[None]:
    if not traces:
        return nullcontext()
    from chassis.operations import otlp

    return otlp.exporting(traces, service, role)


def _share_heaps() -> None:
    """All threads share a few heaps (mallopt(3)); another C library has none to share."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_ARENA_MAX, HEAPS)


def _leave(*_: object) -> NoReturn:
    # Not sys.exit: in a patched process its exception would end up in eventlet's hub. Nothing is
    # lost, because log lines are flushed one by one.
    os._exit(0)


def _settings(cls: type[Settings], role: str) -> Settings:
    try:
        return load(cls, os.environ, role)
    except SettingsError as error:
        _fail(BAD_SETTINGS, *str(error).splitlines(), "`--help` lists every setting")


def _fail(code: int, *lines: str) -> NoReturn:
    print("\n".join(lines), file=sys.stderr)
    sys.exit(code)


def _shown(value: Any) -> str:
    seconds: Sequence[Any] = [value.total_seconds()] if hasattr(value, "total_seconds") else []
    return f"{seconds[0]:g}" if seconds else str(value) or "empty"
