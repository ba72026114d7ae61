"""Sends notifications to browsers by their push services (RFC 8030), encrypted for the browser (RFC
8291), and signed by this installation's key (VAPID, RFC 8292).
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import jwt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from chassis.capabilities import encoded
from chassis.edge.calls import LATER, Answer, Caller, CallFailed, Calling, Limits
from services.notify.domain.devices import Device, PushEndpoint, PushHosts, decoded
from services.notify.domain.messages import Outcome, SendResult
from services.notify.domain.short import Push, combined

LIMITS = Limits(connect=3, read=5, total=10, size=64 * 1024)
RECORD = 4096
"""Bytes of a record, which holds all (RFC 8188, section 2.1; RFC 8291, section 4)."""
LARGEST = RECORD - 16 - 1 - 86
"""Bytes of a payload that every push service takes (RFC 8030, section 7.2): 4096 less the tag, the
delimiter and the header.
"""
TOKEN_LIFE = 12 * 3600  # seconds; at most a day (RFC 8292, section 2)
LONGEST_WAIT = 3600.0  # seconds that a push service may put off by Retry-After
_GONE = frozenset({404, 410})  # RFC 8030, sections 5 and 7.3


class BadKey(ValueError):
    """A file that holds no private key on P-256 in PEM."""


@dataclass(frozen=True)
class Vapid:
    """This installation's key for push services, and who answers for it."""

    key: ec.EllipticCurvePrivateKey
    subject: str
    """mailto: or https: (RFC 8292, section 2.1)."""

    @property
    def public_key(self) -> str:
        """Return the public key in base64url, as browsers subscribe with it."""
        return encoded(_bytes_of(self.key.public_key()))

    def token(self, audience: str, now: float) -> str:
        """Return a token for a push service, by its origin, from an instant in seconds (POSIX)."""
        claims = {"aud": audience, "exp": int(now) + TOKEN_LIFE, "sub": self.subject}
        return jwt.encode(claims, self.key, "ES256")


def vapid(file: Path, sender: str) -> Vapid:
    """Return the key in a file. `sender`: the address of who answers for it. Raises BadKey."""
    try:
        key = load_pem_private_key(file.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise BadKey(f"{file}: {error}") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
        raise BadKey(f"{file}: not a private key on P-256")
    return Vapid(key, f"mailto:{sender}")


def write_key(file: Path) -> str:
    """Write a new key to a file, which its owner alone may read, and return the public key in
    base64url. Raises FileExistsError, and other OSErrors.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(pem)
    return encoded(_bytes_of(key.public_key()))


class PushClient(Calling):
    """A client of the push services of browsers. Use it in a `with`."""

    def __init__(self, signer: Vapid, hosts: PushHosts, limits: Limits = LIMITS) -> None:
        self._vapid, self._hosts = signer, hosts
        self._caller = Caller(limits)
        self._tokens: dict[str, tuple[float, str]] = {}

    def send(self, push: Push, /) -> SendResult:
        """Send a notification to each browser of its person, and return the result."""
        results = {device.id: self._send_to(device, push) for device in push.devices}
        return combined(list(results.values()))

    def _send_to(self, device: Device, push: Push) -> SendResult:
        if device.push is None or not self._hosts.allow(device.push.endpoint):
            return SendResult(Outcome.REFUSED, "its push service is not allowed here")
        url = device.push.endpoint
        headers = {
            "content-encoding": "aes128gcm",
            "content-type": "application/octet-stream",
            "ttl": str(push.ttl),
            "urgency": push.urgency,
            "topic": push.topic,
            "authorization": f"vapid t={self._token(url)}, k={self._vapid.public_key}",
        }
        try:
            answer = self._caller.call("POST", url, headers, encrypted(push.payload, device.push))
        except CallFailed:
            # Twice is harmless: the browser shows a message once, by its id.
            return SendResult(Outcome.PUT_OFF, "its push service does not answer")
        return _result(device, answer)

    def _token(self, url: str) -> str:
        """Return the token for the push service of an endpoint; each is used for half its life."""
        parts = urlsplit(url)
        audience, now = f"{parts.scheme}://{parts.netloc}", time.time()
        until, token = self._tokens.get(audience, (0.0, ""))
        if now >= until:
            token = self._vapid.token(audience, now)
            self._tokens[audience] = now + TOKEN_LIFE / 2, token
        return token


def _result(device: Device, answer: Answer) -> SendResult:
    """Return what an answer means, by its status alone (RFC 8030)."""
    if 200 <= answer.status < 300:
        return SendResult(Outcome.ACCEPTED)
    reason = f"the push service answered {answer.status}"
    if answer.status in _GONE:
        return SendResult(Outcome.REFUSED, reason, gone=(device.id,))
    if answer.status >= 500 or answer.status in LATER:
        wait = min(answer.retry_after, LONGEST_WAIT)
        return SendResult(Outcome.PUT_OFF, reason, retry_after=wait)
    return SendResult(Outcome.REFUSED, reason)


def encrypted(
    payload: bytes,
    to: PushEndpoint,
    key: ec.EllipticCurvePrivateKey | None = None,
    salt: bytes = b"",
) -> bytes:
    """Return a payload of up to LARGEST bytes as one record of aes128gcm for a browser (RFC 8188,
    RFC 8291).

    `key`, `salt`: of this message alone; without them they are random, as they must be.
    """
    browser = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decoded(to.p256dh))
    key, salt = key or ec.generate_private_key(ec.SECP256R1()), salt or os.urandom(16)
    ours, theirs = _bytes_of(key.public_key()), _bytes_of(browser)
    info = b"WebPush: info\0" + theirs + ours
    secret = _derived(32, decoded(to.auth), info, key.exchange(ec.ECDH(), browser))
    content_key = _derived(16, salt, b"Content-Encoding: aes128gcm\0", secret)
    nonce = _derived(12, salt, b"Content-Encoding: nonce\0", secret)
    # The delimiter of the last record is 2.
    sealed = AESGCM(content_key).encrypt(nonce, payload + b"\2", None)
    return salt + RECORD.to_bytes(4) + bytes([len(ours)]) + ours + sealed


def _derived(length: int, salt: bytes, info: bytes, secret: bytes) -> bytes:
    return HKDF(hashes.SHA256(), length, salt, info).derive(secret)


def _bytes_of(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
