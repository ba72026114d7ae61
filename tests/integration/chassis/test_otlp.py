"""Spans to a real collector, and to one that is away."""

from collections.abc import Iterator
from functools import partial

import pytest
from structlog.testing import capture_logs

from chassis.operations import otlp, tracing
from chassis.operations.tracing import Kind
from tests.collector import Collector
from tests.deep import only_deep
from tests.integration.processes import eventually

PARENT = f"00-{'a' * 32}-{'b' * 16}"


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector of the test's own."""
    with Collector().running() as collector:
        yield collector


def test_a_span_comes_as_it_was(collector: Collector) -> None:
    """It keeps its parent, kind, attributes and resource, also when a process ends."""
    with otlp.exporting(collector.url, "catalog", "relay"):
        span = tracing.begin("send", Kind.PRODUCER, f"{PARENT}-01", {"n": 1})
        span.end("refused", {"m": "x"})
    [seen] = eventually(collector.spans)
    assert span.traceparent == f"00-{seen.trace_id}-{seen.id}-01"
    assert (seen.trace_id, seen.parent_id) == ("a" * 32, "b" * 16)
    assert (seen.name, seen.kind, seen.fault) == ("send", "PRODUCER", "refused")
    assert seen.attributes == {"n": 1, "m": "x"}
    assert (seen.service, seen.role) == ("tandem-catalog", "relay")
    assert not tracing.is_exporting()


@pytest.mark.parametrize("parent", ["", "nonsense", f"00-{'0' * 32}-{'b' * 16}-01"])
def test_a_malformed_parent_begins_a_trace(collector: Collector, parent: str) -> None:
    """A stranger's header is no reason to fail."""
    with otlp.exporting(collector.url, "catalog", "api"):
        tracing.begin("call", Kind.SERVER, parent).end()
    assert [seen.parent_id for seen in eventually(collector.spans)] == [""]


def test_who_wants_no_trace_gets_none(collector: Collector) -> None:
    """A caller that did not sample is followed in that, and its ids go on all the same."""
    with otlp.exporting(collector.url, "catalog", "api"):
        span = tracing.begin("call", Kind.SERVER, f"{PARENT}-00")
        span.end()
    assert (tracing.trace_id(span.traceparent), span.traceparent[-2:]) == ("a" * 32, "00")
    assert collector.spans() == []


def test_a_collector_that_fails_is_told_of_once(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line when it takes nothing, one when it takes again; what was sent meanwhile is lost."""
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
    collector.status = 400
    with capture_logs() as lines, otlp.exporting(collector.url, "catalog", "api"):
        for calls in (1, 2):
            tracing.begin("lost", Kind.SERVER, "").end()
            eventually(partial(collector.was_called, calls))
        collector.status = 200
        tracing.begin("kept", Kind.SERVER, "").end()
        eventually(collector.spans)
        eventually(lambda: len(lines) == 2)
    assert [line["log_level"] for line in lines] == ["warning", "info"]
    assert [seen.name for seen in collector.spans()] == ["kept"]


@only_deep
def test_a_collector_that_is_away_costs_spans_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """More spans than the queue holds are begun and ended as if nothing were."""
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "64")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "32")
    with Collector().running() as gone:
        pass
    with otlp.exporting(gone.url, "catalog", "api"):
        spans = [tracing.begin("call", Kind.SERVER, f"{PARENT}-01") for _ in range(5_000)]
        for span in spans:
            span.end()
    assert len({span.traceparent for span in spans}) == 5_000
