"""A process that does nothing but jobs, in threads: for work that the worker role can't hold."""

import signal
import threading
from collections.abc import Sequence
from typing import Any

import structlog

from chassis.data.ping import is_answering
from chassis.data.store import Database
from chassis.jobs import Jobs
from chassis.jobs.runner import Runner
from chassis.operations import ops
from chassis.operations.settings import Settings

log = structlog.get_logger()


def serve(
    settings: Settings, service: str, database: Database[Any], jobs: Sequence[Jobs[Any]]
) -> None:
    """Work until SIGTERM or SIGINT; then finish, or give back, what is at hand, within
    `settings.drain`. What is not done by then is claimed by another process when its lease ends.
    """
    runners = [Runner(database, each) for each in jobs]
    watched = ops.serve(settings.ops_address, lambda: {"mongodb": is_answering(database.client)})
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    for runner in runners:
        runner.start()
    log.info("working", service=service, jobs=[each.name for each in jobs], ops_port=watched.port)
    stopped.wait()
    log.info("draining", seconds=settings.drain.total_seconds())
    ending = threading.Thread(target=_end, args=(runners,), daemon=True)
    ending.start()
    ending.join(settings.drain.total_seconds())
    watched.close()
    log.info("stopped")


def _end(runners: Sequence[Runner]) -> None:
    for runner in runners:
        runner.stop()
    for runner in runners:
        runner.join()
