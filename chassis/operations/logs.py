"""Logs: one JSON object a line on standard output, also for the standard library's log records.

Each line has `time` (UTC), `level`, `event`, `service`, `role`, and within a request or an event
`trace_id` and `request_id`. Log ids and numbers; never log tokens, mail addresses or names.
"""

import logging
import sys
from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from chassis.operations import tracing

LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
# SILENT: a closed channel is often the answer that we asked for, and else raises an error anyway.
# CHATTY: what these log at "info" is for their developers.
SILENT = ("pika.channel",)
CHATTY = ("pika", "kombu", "amqp", "nameko", "urllib3", "pymongo", "grpc", "asyncio")

request_id: ContextVar[str] = ContextVar("request_id", default="")


def configure(service: str, role: str, level: str = "info", stream: TextIO | None = None) -> None:
    """Log from `level` up, as `service` and `role`; readable lines if `stream` is a terminal."""
    out = stream or sys.stdout
    threshold = LEVELS.get(level, logging.INFO)
    shared = _shared(service, role)
    ending = _ending(out)
    structlog.configure(
        processors=[*shared, *ending],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.WriteLoggerFactory(out),
        cache_logger_on_first_use=True,
    )
    _route_standard_library(shared, ending, out, threshold)


def _route_standard_library(
    shared: Sequence[Processor], ending: Sequence[Processor], out: TextIO, threshold: int
) -> None:
    handler = logging.StreamHandler(out)
    strip = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[strip, *ending],
        )
    )
    logging.basicConfig(level=threshold, handlers=[handler], force=True)
    logging.captureWarnings(True)
    for name in CHATTY:
        logging.getLogger(name).setLevel(max(threshold, logging.WARNING))
    for name in SILENT:
        logging.getLogger(name).setLevel(logging.ERROR)


def _shared(service: str, role: str) -> list[Processor]:
    def where(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        return {**event, "service": service, "role": role, **_correlation()}

    return [
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        structlog.processors.add_log_level,
        where,
    ]


def _correlation() -> dict[str, Any]:
    """Return the ids of the present request or event."""
    traceparent, request = tracing.current(), request_id.get()
    found = {"trace_id": tracing.trace_id(traceparent), "request_id": request}
    return {key: value for key, value in found.items() if value}


def _ending(out: TextIO) -> list[Processor]:
    if out.isatty():
        return [structlog.dev.ConsoleRenderer(timestamp_key="time")]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=str)]
