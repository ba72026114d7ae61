"""The five services as a caller sees them: typed stubs, and a token on every call."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
from tandem.catalog.v1.catalog_pb2_grpc import CatalogServiceStub
from tandem.library.v1.library_pb2_grpc import LibraryServiceStub
from tandem.notify.v1.notify_pb2_grpc import NotifyServiceStub
from tandem.progress.v1.progress_pb2_grpc import ProgressServiceStub
from tandem.sessions.v1.sessions_pb2_grpc import SessionsServiceStub

# Local calls answer in milliseconds; a machine that is busy with a demo may take longer.
DEADLINE = 30.0


@dataclass(frozen=True)
class Services:
    """Stubs of all services, on behalf of one caller."""

    catalog: CatalogServiceStub
    library: LibraryServiceStub
    sessions: SessionsServiceStub
    progress: ProgressServiceStub
    notify: NotifyServiceStub


def calling_with(token: str, channels: Mapping[str, grpc.Channel]) -> Services:
    """Return the services on behalf of the subject of `token`; `channels` by service."""
    on_behalf = _OnBehalf([("authorization", f"Bearer {token}")])
    ours = {name: grpc.intercept_channel(each, on_behalf) for name, each in channels.items()}
    return Services(
        CatalogServiceStub(ours["catalog"]),
        LibraryServiceStub(ours["library"]),
        SessionsServiceStub(ours["sessions"]),
        ProgressServiceStub(ours["progress"]),
        NotifyServiceStub(ours["notify"]),
    )


class _Details(grpc.ClientCallDetails):
    """The details of a call; grpc reads these attributes, but has no constructor for them."""

    def __init__(self, details: Any, metadata: Sequence[tuple[str, str]]) -> None:
        self.method = details.method
        self.timeout = details.timeout or DEADLINE
        self.metadata = (*(details.metadata or ()), *metadata)
        self.credentials = details.credentials
        self.wait_for_ready = True
        self.compression = details.compression


class _OnBehalf(
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):
    """Adds metadata to every call, and a deadline to a call without one."""

    def __init__(self, metadata: Sequence[tuple[str, str]]) -> None:
        self._metadata = metadata

    def intercept_unary_unary(
        self, continuation: Callable[..., Any], call: Any, request: Any
    ) -> Any:
        return continuation(_Details(call, self._metadata), request)

    def intercept_unary_stream(
        self, continuation: Callable[..., Any], call: Any, request: Any
    ) -> Any:
        return continuation(_Details(call, self._metadata), request)

    def intercept_stream_stream(
        self, continuation: Callable[..., Any], call: Any, requests: Any
    ) -> Any:
        return continuation(_Details(call, self._metadata), requests)
