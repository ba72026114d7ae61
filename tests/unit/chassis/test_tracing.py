"""Trace context, where spans go nowhere."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.operations import tracing
from chassis.operations.tracing import Kind

PARENT = f"00-{'a' * 32}-{'b' * 16}-01"


@pytest.mark.parametrize("flags", ["00", "01"])
def test_a_child_is_of_its_parents_trace(flags: str) -> None:
    """It has its own span id, and its parent's sampling decision."""
    parent = PARENT[:-2] + flags
    span = tracing.begin("call", Kind.SERVER, parent)
    span.end("nothing comes of it", {"n": 1})
    assert tracing.trace_id(span.traceparent) == "a" * 32
    assert span.traceparent[36:52] != "b" * 16
    assert span.traceparent[-2:] == flags


@given(st.text())
def test_whatever_strangers_send_there_is_a_trace(text: str) -> None:
    """Text that is no traceparent begins a new one, and is never passed on."""
    with tracing.under(text):
        assert len(tracing.trace_id(tracing.current())) == 32
        assert tracing.current() != text or text.startswith("00-")
    assert tracing.current() == ""


def test_work_is_under_the_innermost_span() -> None:
    """After it the outer span counts again, even if the work failed."""
    inner = PARENT.replace("b", "c")
    with tracing.under(PARENT):
        with pytest.raises(KeyError, match=inner), tracing.under(inner):
            raise KeyError(tracing.current())
        assert tracing.current() == PARENT
    assert tracing.current() == ""


@pytest.mark.parametrize(("module", "absent"), [("otlp", "grpc"), ("tracing", "opentelemetry")])
def test_what_is_not_wanted_is_not_loaded(module: str, absent: str) -> None:
    """The exporter takes no grpc into a worker; without exporter there is no SDK."""
    code = f"import sys, chassis.operations.{module}; sys.exit({absent!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=False).returncode == 0
