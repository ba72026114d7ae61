"""Authentication by the scheme that the `Authorization` header names (RFC 9110, section 11.6.2)."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from chassis.context.principal import Principal


class Unauthenticated(Exception):
    """The request has no valid credentials: UNAUTHENTICATED."""


class Identity(NamedTuple):
    """An authenticated caller, and the time (Unix seconds) when its credentials expire."""

    principal: Principal
    until: float


class Scheme(Protocol):
    """An authentication scheme. `credentials` is the text after the scheme's name."""

    def authenticate(self, credentials: str) -> Identity:
        """Return the caller. This may take seconds.

        Raises Unauthenticated, and Unavailable if the credentials can't be checked now.
        """

    def known(self, credentials: str) -> Identity | None:
        """Return who used these credentials before, valid or not by now; else None. Never waits."""

    def valid_now(self, credentials: str) -> Identity | None:
        """Return who used these credentials before if they need not be checked again yet; else
        None. Never waits.
        """


class Authenticator:
    """Authenticates callers by several schemes; the keys are their names in lower case."""

    def __init__(self, schemes: Mapping[str, Scheme]) -> None:
        self._schemes = schemes

    def authenticate(self, authorization: str) -> Identity:
        """Return the caller who sent this `authorization`.

        Raises Unauthenticated, and Unavailable if the credentials can't be checked now.
        """
        scheme, credentials = self._read(authorization)
        if scheme is None:
            raise Unauthenticated(f"no credentials; `authorization: {self.wanted}` is needed")
        return scheme.authenticate(credentials)

    def known(self, authorization: str) -> Principal | None:
        """Return who sent this value before, valid or not by now; else None."""
        scheme, credentials = self._read(authorization)
        found = scheme.known(credentials) if scheme else None
        return found.principal if found else None

    def valid_now(self, authorization: str) -> Identity | None:
        """Return who sent this value before if it need not be checked again yet; else None."""
        scheme, credentials = self._read(authorization)
        return scheme.valid_now(credentials) if scheme else None

    def also(self, schemes: Mapping[str, Scheme]) -> "Authenticator":
        """Return one that knows these schemes, too."""
        return Authenticator({**self._schemes, **schemes})

    @property
    def wanted(self) -> str:
        """The value that a request should have."""
        return " or ".join(f"{name.capitalize()} <credentials>" for name in self._schemes)

    @property
    def challenge(self) -> str:
        """The value of `WWW-Authenticate` (RFC 9110, section 11.6.1)."""
        return ", ".join(f'{name.capitalize()} realm="tandem"' for name in self._schemes)

    def _read(self, authorization: str) -> tuple[Scheme | None, str]:
        name, _, credentials = authorization.partition(" ")
        return (self._schemes.get(name.lower()) if credentials else None), credentials
