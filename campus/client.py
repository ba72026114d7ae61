"""The five services as a caller sees them: typed stubs with a token of the caller's."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
from tandem.catalog.v1.catalog_pb2_grpc import CatalogServiceStub
from tandem.library.v1.library_pb2_grpc import LibraryServiceStub
from tandem.notify.v1.notify_pb2_grpc import NotifyServiceStub
from tandem.progress.v1.progress_pb2_grpc import ProgressServiceStub
from tandem.sessions.v1.sessions_pb2_grpc import SessionsServiceStub

from campus.platform import ROLES, Platform

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


class Campus:
    """Connections to a running platform, one a service, shared by all callers."""

    def __init__(self, platform: Platform) -> None:
        self._identity = platform.identity
        self._channels = {name: grpc.insecure_channel(platform.target(name)) for name in ROLES}

    def calling_as(self, subject: str, *roles: str) -> Services:
        """The services on behalf of `subject` with `roles` (lower case)."""
        token = self._identity.mint(subject, roles)
        on_behalf = _OnBehalf([("authorization", f"Bearer {token}")])
        channels = {
            name: grpc.intercept_channel(channel, on_behalf)
            for name, channel in self._channels.items()
        }
        return Services(
            CatalogServiceStub(channels["catalog"]),
            LibraryServiceStub(channels["library"]),
            SessionsServiceStub(channels["sessions"]),
            ProgressServiceStub(channels["progress"]),
            NotifyServiceStub(channels["notify"]),
        )

    def close(self) -> None:
        """End the connections."""
        for channel in self._channels.values():
            channel.close()


class _Details(grpc.ClientCallDetails):
    """What a call is made with; grpc asks for these attributes and gives no constructor."""

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
    """Adds metadata to every call, and a deadline where there is none."""

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
