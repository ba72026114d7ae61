"""Who calls: by the scheme that the request's `Authorization` names (RFC 9110, section 11.6.2)."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from chassis.context.principal import Principal


class Unauthenticated(Exception):
    """The call proves no caller: UNAUTHENTICATED."""


class Identity(NamedTuple):
    """Who calls, and until when (Unix seconds) that is proven."""

    principal: Principal
    until: float


class Scheme(Protocol):
    """One way to prove who calls. `credentials` is what follows the scheme's name."""

    def authenticate(self, credentials: str) -> Identity:
        """It may take a while.

        Raises Unauthenticated, and Unavailable where nobody can tell now.
        """

    def known(self, credentials: str) -> Identity | None:
        """Who proved this before, though it may not hold any more; else None. It never waits."""


class Authenticator:
    """Tells who calls, by the schemes that it is given under their names in lower case."""

    def __init__(self, schemes: Mapping[str, Scheme]) -> None:
        self._schemes = schemes

    def authenticate(self, authorization: str) -> Identity:
        """Who sends this `authorization`.

        Raises Unauthenticated, and Unavailable where nobody can tell now.
        """
        scheme, credentials = self._read(authorization)
        if scheme is None:
            raise Unauthenticated(f"no credentials; `authorization: {self.wanted}` is needed")
        return scheme.authenticate(credentials)

    def known(self, authorization: str) -> Principal | None:
        """Who sent this before, though it may not hold any more; else None."""
        scheme, credentials = self._read(authorization)
        found = scheme.known(credentials) if scheme else None
        return found.principal if found else None

    @property
    def wanted(self) -> str:
        """What a request should have sent."""
        return " or ".join(f"{name.capitalize()} <credentials>" for name in self._schemes)

    @property
    def challenge(self) -> str:
        """The value of `WWW-Authenticate` (RFC 9110, section 11.6.1)."""
        return ", ".join(f'{name.capitalize()} realm="tandem"' for name in self._schemes)

    def _read(self, authorization: str) -> tuple[Scheme | None, str]:
        name, _, credentials = authorization.partition(" ")
        return (self._schemes.get(name.lower()) if credentials else None), credentials
