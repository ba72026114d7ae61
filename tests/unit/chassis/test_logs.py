"""Log lines."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from chassis.operations import logs, tracing


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    logs.configure("little", "api", "info", stream)
    yield stream
    logging.basicConfig(force=True)
    structlog.reset_defaults()


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_line_says_when_who_and_what(out: io.StringIO) -> None:
    """Each line is one JSON object with time, level, event, service and role."""
    structlog.get_logger().info("listening", port=7)
    (line,) = lines(out)
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "info",
        "event": "listening",
        "service": "little",
        "role": "api",
        "port": 7,
    }


def test_a_line_belongs_to_its_request(out: io.StringIO) -> None:
    """Inside of a request each line has the trace and the request id."""
    token = logs.request_id.set("r-1")
    with tracing.under(f"00-{'a' * 32}-{'b' * 16}-01"):
        structlog.get_logger().info("call")
    logs.request_id.reset(token)
    assert lines(out)[0]["trace_id"] == "a" * 32
    assert lines(out)[0]["request_id"] == "r-1"


def test_the_standard_library_logs_the_same_way(out: io.StringIO) -> None:
    """Records of libraries become lines of the same shape, exceptions in one line."""
    logging.getLogger("a.library").warning("odd %s", "thing")
    try:
        raise ValueError("multi\nline")
    except ValueError:
        logging.getLogger("a.library").exception("failed")
    first, second = lines(out)
    assert (first["event"], first["level"], first["service"]) == ("odd thing", "warning", "little")
    assert "ValueError: multi\nline" in second["exception"]


def test_the_level_counts_for_all(out: io.StringIO) -> None:
    """Below the level nothing is written, and chatty libraries speak up from warnings on."""
    structlog.get_logger().debug("no")
    logging.getLogger("pika").info("no")
    logging.getLogger("a.library").debug("no")
    assert lines(out) == []
