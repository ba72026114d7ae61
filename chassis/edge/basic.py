"""The scheme `Basic` (RFC 7617): a user-id and a password, which a service checks."""

import base64
import binascii
import hashlib
import threading
import time
from collections.abc import Callable

from chassis.context.principal import Principal
from chassis.edge.auth import Identity, Unauthenticated

# Seconds for which an answer of the service counts: so soon does a revocation take effect.
KEEP = 5.0
LARGEST_CACHE = 10_000

Check = Callable[[str, str], Principal | None]
"""Returns who a user-id and a password authenticate; None if they are not right. Raises
Unavailable if they can't be checked now."""


class Basic:
    """Authenticates by user-ids and passwords; remembers those that were right for a moment.

    What it remembers is a hash, so that no dump of the process shows the passwords of callers who
    have left.
    """

    def __init__(
        self, check: Check, keep: float = KEEP, now: Callable[[], float] = time.time
    ) -> None:
        self._check, self._keep, self._now = check, keep, now
        self._lock = threading.Lock()
        self._known: dict[bytes, Identity] = {}

    def authenticate(self, credentials: str) -> Identity:
        """Return the caller. Raises Unauthenticated, and what the check raises."""
        known = self.valid_now(credentials)
        if known is not None:
            return known
        key = _key(credentials)
        principal = self._check(*_read(credentials))
        if principal is None:
            self._remember(key, None)
            raise Unauthenticated("there are no such credentials, or they were revoked")
        found = Identity(principal, self._now() + self._keep)
        self._remember(key, found)
        return found

    def known(self, credentials: str) -> Identity | None:
        """Return who used these credentials before, even a while ago; else None."""
        return self._known.get(_key(credentials))

    def valid_now(self, credentials: str) -> Identity | None:
        """Return who used these credentials in the last moment; else None."""
        known = self.known(credentials)
        is_valid = known is not None and 0 <= known.until - self._now() <= self._keep
        return known if is_valid else None

    def _remember(self, key: bytes, identity: Identity | None) -> None:
        with self._lock:
            if len(self._known) >= LARGEST_CACHE:
                self._known.clear()
            if identity is None:
                self._known.pop(key, None)
            else:
                self._known[key] = identity


def _key(credentials: str) -> bytes:
    return hashlib.sha256(credentials.encode(errors="replace")).digest()


def _read(credentials: str) -> tuple[str, str]:
    """Return user-id and password. Raises Unauthenticated if this is no pair of them."""
    try:
        text = base64.b64decode(credentials.strip(), validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise Unauthenticated("the credentials are not base64 of UTF-8 text") from error
    user, colon, password = text.partition(":")
    if not colon:
        raise Unauthenticated("the credentials are not user-id:password")
    return user, password
