"""Making and revoking credentials of the LRS."""

import secrets
from dataclasses import dataclass, replace

from chassis.errors import NotFound, check
from services.progress.domain.path import Run
from services.progress.domain.xapi.credentials import (
    LrsCredential,
    credential_violations,
    hash_of,
)
from services.progress.ports_credentials import Store

SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class CreateLrsCredential:
    """Make a credential."""

    name: str
    scopes: tuple[str, ...]
    run_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Created:
    """A new credential, and its secret, which is told this once."""

    credential: LrsCredential
    secret: str


def create_lrs_credential(store: Store, command: CreateLrsCredential, by: str) -> Created:
    """Make a credential with a secret of 256 random bits. Raises Invalid."""
    known = store.replicas(Run, command.run_ids)
    check(credential_violations(command.scopes, command.run_ids, known))
    secret = secrets.token_urlsafe(SECRET_BYTES)
    credential = LrsCredential(
        id=store.new_id(),
        name=command.name,
        scopes=tuple(dict.fromkeys(command.scopes)),
        run_ids=tuple(dict.fromkeys(command.run_ids)),
        secret_hash=hash_of(secret),
        created_at=store.now,
        created_by=by,
    )
    store.put_lrs_credential(credential)
    return Created(credential, secret)


def revoke_lrs_credential(store: Store, credential_id: str) -> LrsCredential:
    """Revoke a credential for good, and return it; a repeat changes nothing. Raises NotFound."""
    found = get_lrs_credential(store, credential_id)
    if found.revoked_at is None:
        found = replace(found, revoked_at=store.now)
        store.put_lrs_credential(found)
    return found


def get_lrs_credential(store: Store, credential_id: str) -> LrsCredential:
    """Return a credential. Raises NotFound."""
    found = store.lrs_credential(credential_id)
    if found is None:
        raise NotFound(f"there is no credential {credential_id!r}")
    return found
