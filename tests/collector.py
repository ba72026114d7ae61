"""A collector of traces: OTLP over HTTP, as OpenTelemetry's would take it."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status


@dataclass(frozen=True)
class Seen:
    """A span that came."""

    trace_id: str
    id: str
    parent_id: str
    name: str
    kind: str
    service: str
    role: str
    attributes: dict[str, Any]
    fault: str


class Collector:
    """Keeps what it is sent; answers with `status`."""

    def __init__(self) -> None:
        self.status = 200
        self._calls = 0
        self._spans: list[Seen] = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def spans(self, trace_id: str = "") -> list[Seen]:
        """The spans that have arrived, of one trace or of all."""
        with self._lock:
            return [span for span in self._spans if trace_id in ("", span.trace_id)]

    def was_called(self, times: int) -> bool:
        """Whether this many requests arrived, whatever was answered."""
        with self._lock:
            return self._calls == times

    def take(self, path: str, body: bytes) -> int:
        """Take a request; answers the status."""
        with self._lock:
            self._calls += 1
            if path != "/v1/traces":
                return 404
            if self.status == 200:
                self._spans += _spans(ExportTraceServiceRequest.FromString(body))
            return self.status

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                answer = ExportTraceServiceResponse().SerializeToString()
                self.send_response(collector.take(self.path, body))
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                """The tests' output is not for this."""

        return Handler

    @contextmanager
    def running(self) -> Iterator["Collector"]:
        """It answers meanwhile."""
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()


def _spans(request: ExportTraceServiceRequest) -> Iterator[Seen]:
    for resource in request.resource_spans:
        about = _plain(resource.resource.attributes)
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield Seen(
                    trace_id=span.trace_id.hex(),
                    id=span.span_id.hex(),
                    parent_id=span.parent_span_id.hex(),
                    name=span.name,
                    kind=Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
                    service=about["service.name"],
                    role=about["tandem.role"],
                    attributes=_plain(span.attributes),
                    fault=span.status.message
                    if span.status.code == Status.STATUS_CODE_ERROR
                    else "",
                )


def _plain(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}
