"""Callers of a running platform."""

import grpc

from campus.platform import ROLES, Platform
from campus.services import Services, calling_with


class Campus:
    """Connections to a running platform, one a service, shared by all callers."""

    def __init__(self, platform: Platform) -> None:
        self._identity = platform.identity
        self._channels = {name: grpc.insecure_channel(platform.target(name)) for name in ROLES}

    def calling_as(self, subject: str, *roles: str) -> Services:
        """The services on behalf of `subject` with `roles` (lower case)."""
        return calling_with(self._identity.mint(subject, roles), self._channels)

    def close(self) -> None:
        """End the connections."""
        for channel in self._channels.values():
            channel.close()
