"""Devices: the browsers and the phone numbers at which people get messages, and how they come."""

import base64
import hmac
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from urllib.parse import SplitResult, urlsplit

from chassis.errors import FieldViolation
from services.notify.domain.enums import Channel

MOST_BROWSERS = 20
"""Browsers that a person may register."""
TRIES = 5
"""Wrong tries that a code survives, less one."""
VALID = timedelta(minutes=10)
"""How long a code can be used."""
DAY = timedelta(days=1)
CODES_OF_PERSON, CODES_TO_NUMBER = 5, 3
"""Codes that may be sent in a day: they cost money, and disturb who did not ask for them."""
LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
# It must never change: a browser or number that is registered again is the same device.
_NAMESPACE = uuid.UUID("0a8b6e0c-63f1-4f0e-9d57-8d1c5b7a9e42")
# P-256 (SP 800-186, section 3.2.1.3): y^2 = x^3 - 3x + B modulo P.
_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B


@dataclass(frozen=True, slots=True)
class PushEndpoint:
    """Where a browser gets notifications, and its keys in base64url (RFC 8291, section 2)."""

    endpoint: str = field(repr=False)
    p256dh: str = field(repr=False)
    auth: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class RegisterDevice:
    """Register a browser or a phone number, one of both."""

    person_id: str
    label: str = ""
    push: PushEndpoint | None = None
    phone_number: str = field(default="", repr=False)
    """By E.164; empty: it is a browser."""


@dataclass(frozen=True, slots=True)
class ConfirmDevice:
    """Confirm a phone number by the code that was sent to it."""

    person_id: str
    device_id: str
    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Device:
    """A browser or a phone number of a person."""

    id: str
    person_id: str
    channel: Channel
    label: str
    registered_at: datetime
    push: PushEndpoint | None = None
    """Of a browser."""
    number: str = field(default="", repr=False)
    """Of a phone, by E.164."""
    confirmed_at: datetime | None = None
    """Since when it gets messages; None: a number that is not confirmed."""
    code_id: str = ""
    """Names the code that was sent last; empty: none can be used."""
    code_until: datetime | None = None
    tries: int = 0
    """Wrong tries of that code."""

    @property
    def hint(self) -> str:
        """Return what tells the person's devices apart, without what a stranger could use."""
        if self.push is None:
            return f"…{self.number[-2:]}"
        return urlsplit(self.push.endpoint).hostname or ""


@dataclass(frozen=True, slots=True)
class Allowance:
    """When codes were sent in the last day, for a person or to a number."""

    id: str
    sent: tuple[datetime, ...] = ()

    def within(self, now: datetime) -> "Allowance":
        """Return it without what is a day old."""
        return replace(self, sent=tuple(each for each in self.sent if each > now - DAY))


@dataclass(frozen=True, slots=True)
class Codes:
    """The codes that confirm numbers: six digits of an HMAC-SHA-256 (RFC 2104) by a secret key, so
    that no code is stored.
    """

    key: str = field(repr=False)

    def code_of(self, device: Device) -> str:
        """Return the code that confirms a device now."""
        # The word keeps the codes apart from those of other uses of the same key.
        signed = f"devices:{device.id}:{device.code_id}".encode()
        number = int.from_bytes(hmac.digest(self.key.encode(), signed, "sha256"))
        return f"{number % 10**6:06}"

    def confirms(self, device: Device, code: str) -> bool:
        """Return whether a code is the device's; it takes the same time for any."""
        return hmac.compare_digest(code.encode(errors="replace"), self.code_of(device).encode())


@dataclass(frozen=True, slots=True)
class PushHosts:
    """The hosts of the push services to which notifications may go.

    A stranger tells an endpoint, and this system sends requests there: so only to hosts that its
    operators trust, and to none inside of their network.
    """

    names: tuple[str, ...] = ()
    """Host names; one that begins with a dot stands for all below it."""

    def allow(self, endpoint: str) -> bool:
        """Return whether notifications may be sent to an endpoint: by HTTPS at its own port, for at
        others a host may never answer; by HTTP to this machine, if it is among the hosts.
        """
        parts = _parts(endpoint)
        if parts is None or parts.username is not None or parts.fragment:
            return False
        host = parts.hostname or ""
        by_https = parts.scheme == "https" and parts.port in (None, 443)
        is_safe = by_https or (parts.scheme == "http" and host in LOCAL)
        return is_safe and bool(self._listed(host))

    def service(self, endpoint: str) -> str:
        """Return the name in the list that stands for an endpoint's host; empty: there is none."""
        parts = _parts(endpoint)
        return self._listed(parts.hostname or "") if parts else ""

    def _listed(self, host: str) -> str:
        return next(
            (
                name
                for name in self.names
                if (host.endswith(name) if name.startswith(".") else host == name)
            ),
            "",
        )

    def __str__(self) -> str:
        return ", ".join(self.names)


def browser(wanted: RegisterDevice, push: PushEndpoint, now: datetime) -> Device:
    """Return a browser that gets messages from now on. It has one id, whoever registers it."""
    return Device(
        id=str(uuid.uuid5(_NAMESPACE, f"push:{push.endpoint}")),
        person_id=wanted.person_id,
        channel=Channel.PUSH,
        label=wanted.label,
        registered_at=now,
        push=push,
        confirmed_at=now,
    )


def phone(wanted: RegisterDevice, before: Device | None, code_id: str, now: datetime) -> Device:
    """Return a number to which a code is sent now. One that was confirmed before stays so."""
    return Device(
        id=phone_id(wanted.person_id, wanted.phone_number),
        person_id=wanted.person_id,
        channel=Channel.SMS,
        label=wanted.label,
        registered_at=now,
        number=wanted.phone_number,
        confirmed_at=before.confirmed_at if before else None,
        code_id=code_id,
        code_until=now + VALID,
    )


def phone_id(person_id: str, number: str) -> str:
    """Return the id of a person's phone number."""
    return str(uuid.uuid5(_NAMESPACE, f"sms:{number}:{person_id}"))


def is_awaited(device: Device, now: datetime) -> bool:
    """Return whether a device can be confirmed by the code that was sent last."""
    return bool(device.code_id) and device.code_until is not None and now < device.code_until


def tried(device: Device, code: str, codes: Codes, now: datetime) -> tuple[Device, str]:
    """Return a device after a code was tried, and why that did not confirm it; empty: it did."""
    if not is_awaited(device, now):
        return device, "no code is awaited any more: register the number again"
    if codes.confirms(device, code):
        return replace(device, code_id="", code_until=None, tries=0, confirmed_at=now), ""
    tries = device.tries + 1
    if tries < TRIES:
        return replace(device, tries=tries), "the code is wrong"
    wrong = "the code is wrong, and was tried too often: register the number again"
    return replace(device, tries=tries, code_id=""), wrong


def violations_of(wanted: RegisterDevice, hosts: PushHosts, prefixes: Sequence[str]) -> list[
    FieldViolation
]:  # fmt: skip
    """Return the violations of a registration. `prefixes`: how numbers may begin."""
    if (wanted.push is None) == (wanted.phone_number == ""):
        both = "both are given" if wanted.push else "neither is given"
        return [FieldViolation("push", f"{both}, it and phone_number", "one of both")]
    if wanted.push is None:
        return [*_of_number(wanted.phone_number, prefixes)]
    return [*_of_push(wanted.push, hosts)]


def _of_number(number: str, prefixes: Sequence[str]) -> Iterator[FieldViolation]:
    if not number.startswith(tuple(prefixes)):
        yield FieldViolation(
            "phone_number",
            "no messages are sent to such numbers from here",
            f"one that begins with {', '.join(prefixes)}",
        )


def _of_push(push: PushEndpoint, hosts: PushHosts) -> Iterator[FieldViolation]:
    if not hosts.allow(push.endpoint):
        yield FieldViolation(
            "push.endpoint",
            "it is no URL of a push service that is allowed here",
            f"https:// and one of {hosts}",
        )
    if not is_point(decoded(push.p256dh)):
        yield FieldViolation(
            "push.p256dh", "it is no public key", "a point of P-256 in base64url, 65 bytes"
        )
    if len(decoded(push.auth)) != 16:
        yield FieldViolation("push.auth", "it is no secret", "16 bytes in base64url")


def is_point(key: bytes) -> bool:
    """Return whether bytes are a point of P-256, uncompressed (SEC 1, section 2.3.3)."""
    if len(key) != 65 or key[0] != 4:
        return False
    x, y = int.from_bytes(key[1:33]), int.from_bytes(key[33:])
    return max(x, y) < _P and (y * y - (x * x * x - 3 * x + _B)) % _P == 0


def decoded(text: str) -> bytes:
    """Return the bytes of base64url (RFC 4648, section 5), with padding or without; none if it is
    not.
    """
    try:
        plain = text.rstrip("=").translate({ord("-"): "+", ord("_"): "/"})
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except ValueError:
        return b""


def _parts(url: str) -> SplitResult | None:
    """Return the parts of a URL; None if it is none."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts if url.isascii() and url.isprintable() and " " not in url else None
