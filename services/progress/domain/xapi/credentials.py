"""Credentials of the LRS: by which a system that is no person calls it (RFC 7617)."""

import hashlib
import hmac
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from chassis.errors import FieldViolation
from services.progress.domain.xapi.clients import Scope

OF_RUNS = (Scope.STATEMENTS_WRITE, Scope.STATEMENTS_READ_MINE, Scope.STATEMENTS_READ)
"""What a credential of some runs may be given: only statements tell to which run they belong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LrsCredential:
    """A credential; its id is the user-id, and its secret the password."""

    id: str
    name: str
    scopes: tuple[str, ...]
    """Names of scopes (xAPI 1.0.3, part 3, section 4.2)."""
    run_ids: tuple[str, ...] = ()
    """The runs of which only it may write and read statements; empty: all, and what is of none."""
    secret_hash: str
    """The SHA-256 of the secret, in hex."""
    created_at: datetime
    created_by: str
    revoked_at: datetime | None = None

    @property
    def granted(self) -> frozenset[Scope]:
        """Return its scopes; one that only a newer version knows grants nothing."""
        return frozenset(scope for scope in Scope if scope.value in self.scopes)

    def opens_with(self, secret: str) -> bool:
        """Return whether the secret is right and the credential was not revoked."""
        is_right = hmac.compare_digest(self.secret_hash, hash_of(secret))
        return is_right and self.revoked_at is None


def hash_of(secret: str) -> str:
    """Return what is stored of a secret: its SHA-256, in hex.

    The secret has 256 random bits, so nobody finds it by trying, and a slow hash would only slow
    each request (docs/decisions/0060).
    """
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


def credential_violations(
    scopes: Sequence[str], run_ids: Sequence[str], known: Iterable[str]
) -> Iterator[FieldViolation]:
    """Yield the faults of a new credential; `known`: those of its runs that exist."""
    if run_ids:
        allowed = [scope.value for scope in OF_RUNS]
        for place, scope in enumerate(scopes):
            if scope not in allowed:
                wrong = f"is {scope!r}, which is not of single runs"
                yield FieldViolation(f"scopes[{place}]", wrong, f"one of {', '.join(allowed)}")
    existing = set(known)
    for place, run_id in enumerate(run_ids):
        if run_id not in existing:
            wrong = f"is {run_id!r}, which is not known here"
            yield FieldViolation(f"run_ids[{place}]", wrong, "the id of a run")
