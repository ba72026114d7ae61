"""A local identity provider: one key and the tokens it signs, for development and tests.

Production points `TANDEM_JWKS_URL` at the university's own identity provider instead.
"""

import json
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.algorithms import ECAlgorithm

from campus.stack.concurrency import alone

ISSUER = "https://tandem.local"
AUDIENCE = "tandem"
ALGORITHM = "ES256"
HOUR = timedelta(hours=1)
SERVICE_LIFETIME = timedelta(days=30)
SERVICE_RENEWAL = timedelta(days=1)  # a service token that expires sooner is replaced


class IdentityProvider:
    """Signs tokens with the key of a data folder; the first use creates the key."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute() / "identity"

    def mint(self, subject: str, roles: Sequence[str], lifetime: timedelta = HOUR) -> str:
        """Return a signed JWT for a subject with lower-case roles such as "learner" (RFC 7519).

        A negative lifetime gives an expired token, for tests. Raises ValueError for an empty
        subject or a role that isn't lower-case.
        """
        _check(subject, roles)
        now = datetime.now(UTC)
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": subject,
            "roles": list(roles),
            "iat": now,
            "exp": now + lifetime,
            "jti": str(uuid.uuid4()),
        }
        return jwt.encode(claims, self._key, ALGORITHM, headers={"kid": self._public["kid"]})

    def jwks_file(self) -> Path:
        """Return the file with the public key as a JSON Web Key Set (RFC 7517)."""
        file = self._folder / "jwks.json"
        wanted = json.dumps({"keys": [self._public]}, indent=2)
        if not file.exists() or file.read_text() != wanted:
            _write(file, wanted, mode=0o644)
        return file

    def service_token_file(self) -> Path:
        """Return a file with a long-lived token of the role "service", renewed in time."""
        file = self._folder / "service.jwt"
        if not file.exists() or self._time_left(file.read_text()) < SERVICE_RENEWAL:
            _write(file, self.mint("service", ["service"], SERVICE_LIFETIME), mode=0o600)
        return file

    def let_others_read(self) -> None:
        """Let other users of this machine read the public key and the service's token.

        Containers run as another user. Only the owner can read the private key.
        """
        self.jwks_file()
        self.service_token_file().chmod(0o644)
        self._folder.chmod(0o711)

    def environment(self) -> dict[str, str]:
        """Return the settings with which services verify tokens, and call each other."""
        return {
            "TANDEM_JWKS_URL": self.jwks_file().as_uri(),
            "TANDEM_TOKEN_ISSUER": ISSUER,
            "TANDEM_TOKEN_AUDIENCE": AUDIENCE,
            "TANDEM_SERVICE_TOKEN_FILE": str(self.service_token_file()),
        }

    @cached_property
    def _key(self) -> ec.EllipticCurvePrivateKey:
        file = self._folder / "key.pem"
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with alone(self._folder / "lock"):  # so that two processes do not create two keys
            if not file.exists():
                _write(file, _new_key(), mode=0o600)
        key = load_pem_private_key(file.read_bytes(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError(
                f"{file} has no elliptic-curve key; delete the file, and a new key is created"
            )
        return key

    @cached_property
    def _public(self) -> dict[str, Any]:
        """Return the public key as a JWK; its id is its thumbprint, so a new key has a new id."""
        jwk = ECAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {**jwk, "kid": _thumbprint(jwk), "alg": ALGORITHM, "use": "sig"}

    def _time_left(self, token: str) -> timedelta:
        """Return how long the token is still valid; zero if this key did not sign it."""
        try:
            claims = jwt.decode(
                token, self._key.public_key(), [ALGORITHM], audience=AUDIENCE, issuer=ISSUER
            )
        except jwt.InvalidTokenError:
            return timedelta()
        return datetime.fromtimestamp(claims["exp"], UTC) - datetime.now(UTC)


def _check(subject: str, roles: Sequence[str]) -> None:
    if not subject:
        raise ValueError("a token needs a subject")
    wrong = [role for role in roles if not role or role != role.lower()]
    if wrong:
        raise ValueError(f"roles are lower-case words, not {', '.join(map(repr, wrong))}")


def _thumbprint(jwk: dict[str, Any]) -> str:
    """Return the SHA-256 thumbprint of an elliptic-curve key (RFC 7638)."""
    required = {member: jwk[member] for member in ("crv", "kty", "x", "y")}
    canonical = json.dumps(required, separators=(",", ":"), sort_keys=True).encode()
    return urlsafe_b64encode(sha256(canonical).digest()).rstrip(b"=").decode()


def _new_key() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _write(file: Path, text: str, mode: int) -> None:
    """Write the file completely or not at all; its permissions are never wider than `mode`."""
    draft = file.with_name(f".{file.name}.{uuid.uuid4().hex}")
    draft.touch(mode=mode)
    draft.write_text(text)
    draft.replace(file)
