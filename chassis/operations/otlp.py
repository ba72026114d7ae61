"""Export of spans by OTLP over HTTP (OpenTelemetry Protocol 1), with OpenTelemetry's SDK.

Over HTTP, because a worker must not load grpc (docs/decisions/0001). It is imported only if traces
are wanted. The SDK's variables work too: OTEL_TRACES_SAMPLER, OTEL_EXPORTER_OTLP_HEADERS,
OTEL_BSP_...

A slow or missing collector loses spans, but never delays requests: spans wait in a bounded queue
for a thread of its own.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Thread

import structlog
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from chassis.operations import metrics, tracing
from chassis.operations.tracing import NONE, Attributes, Kind, Span

PATH = "/v1/traces"
# Seconds: for one export with its retries, and for the last one before a process ends.
TIMEOUT, SHUTDOWN_TIMEOUT = 5, 3

log = structlog.get_logger()


@contextmanager
def exporting(endpoint: str, service: str, role: str) -> Iterator[None]:
    """Export spans that begin within this context to `endpoint`, for a service and role."""
    # The SDK logs each failed attempt; we log once that the collector is away, and that it is back.
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    provider = TracerProvider(resource=_resource(service, role), shutdown_on_exit=False)
    exporter = OTLPSpanExporter(endpoint.rstrip("/") + PATH, timeout=TIMEOUT)
    provider.add_span_processor(BatchSpanProcessor(_Telling(exporter)))
    tracing.export_with(_Tracer(provider.get_tracer("tandem")).begin)
    try:
        yield
    finally:
        tracing.export_with(None)
        _end(provider)


def _resource(service: str, role: str) -> Resource:
    return Resource.create(
        {
            "service.namespace": "tandem",
            "service.name": f"tandem-{service}",
            "service.version": metrics.build(),
            "tandem.role": role,
        }
    )


def _end(provider: TracerProvider) -> None:
    """Export the remaining spans, for a limited time."""
    ending = Thread(target=provider.shutdown, daemon=True)
    ending.start()
    ending.join(SHUTDOWN_TIMEOUT)


class _Tracer:
    """Begins OpenTelemetry spans for our trace contexts."""

    def __init__(self, tracer: trace.Tracer) -> None:
        self._tracer = tracer
        self._w3c = TraceContextTextMapPropagator()

    def begin(self, name: str, kind: Kind, parent: str, attributes: Attributes) -> Span:
        context = self._w3c.extract({"traceparent": parent}) if parent else None
        kinds = trace.SpanKind[kind.name]
        return _Exported(self._tracer.start_span(name, context, kinds, attributes))


class _Exported(Span):
    """A span that is exported when it has ended."""

    __slots__ = ("_span",)

    def __init__(self, span: trace.Span) -> None:
        at = span.get_span_context()
        super().__init__(f"00-{at.trace_id:032x}-{at.span_id:016x}-{at.trace_flags:02x}")
        self._span = span

    def end(self, fault: str = "", attributes: Attributes = NONE) -> None:
        self._span.set_attributes(attributes)
        if fault:
            self._span.set_status(trace.StatusCode.ERROR, fault)
        self._span.end()


class _Telling(SpanExporter):
    """Logs when the collector stops accepting spans, and when it accepts them again."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._fails = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        fails = result is not SpanExportResult.SUCCESS
        if fails and not self._fails:
            log.warning("the collector accepts no traces; they are dropped", lost=len(spans))
        elif self._fails and not fails:
            log.info("the collector accepts traces again")
        self._fails = fails
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)
