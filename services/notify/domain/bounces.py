"""Bounces: what a mail server reports of a mail that it had accepted, and what follows from it."""

import base64
import hashlib
import hmac
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

# What a permanent failure says of something else than the recipient's address, so that another mail
# may arrive (RFC 3463, sections 3.2 to 3.8): the sender's address; a mailbox or a system that is
# full; a system that takes nothing for now, or could not be reached in time; the mail's size, its
# content, its sender's reputation.
_NOT_OF_THE_ADDRESS = (
    *("5.1.7", "5.1.8", "5.2.2", "5.3.1", "5.3.2", "5.3.4", "5.4.7"),
    *("5.6.", "5.7."),
)
_CODE_BYTES = 16
_TOKEN = 52
"""Letters and digits of a token: 26 for a UUID, 26 for its code."""
LONGEST_LOCAL = 64 - 1 - _TOKEN
"""Of the address that gets tokens: a local part has at most 64 (RFC 5321, section 4.5.3.1.1)."""


class BounceOutcome(StrEnum):
    """What followed from a bounce."""

    IGNORED = "IGNORED"
    """It tells of no trouble."""
    DELAYED = "DELAYED"
    """It was noted: the server goes on trying."""
    FAILED = "FAILED"
    """The delivery has failed."""
    SUPPRESSED = "SUPPRESSED"
    """The delivery has failed, and its address gets no more mail."""


_GRAVITY = (*BounceOutcome,)


@dataclass(frozen=True, slots=True)
class Report:
    """What a server reports of one recipient (RFC 3464, section 2.3)."""

    action: str
    """failed, delayed, delivered, relayed or expanded."""
    status: str
    """Such as 5.1.1 (RFC 3463)."""

    @property
    def outcome(self) -> BounceOutcome:
        """Return what follows from it."""
        if self.action == "delayed":
            return BounceOutcome.DELAYED
        if self.action != "failed":
            return BounceOutcome.IGNORED
        of_address = self.status.startswith("5.") and not self.status.startswith(
            _NOT_OF_THE_ADDRESS
        )
        return BounceOutcome.SUPPRESSED if of_address else BounceOutcome.FAILED


@dataclass(frozen=True, slots=True)
class Bounce:
    """A report of a mail, by the id of its delivery or digest."""

    mail_id: str
    report: Report


@dataclass(frozen=True, slots=True)
class Suppression:
    """An address at which mail does not arrive, by its hash: it gets no more mail."""

    id: str
    person_id: str
    """Whose address it was."""
    delivery_id: str
    """Whose mail came back."""
    code: str
    """Such as 5.1.1 (RFC 3463)."""
    since: datetime


def gravest(reports: Sequence[Report]) -> Report:
    """Return the report from which most follows: a mail that was forwarded has several."""
    return max(reports, key=lambda each: _GRAVITY.index(each.outcome))


def address_hash(address: str) -> str:
    """Return the name under which an address is suppressed; upper case makes no difference."""
    return hashlib.sha256(address.strip().casefold().encode(errors="replace")).hexdigest()


@dataclass(frozen=True, slots=True)
class BounceAddresses:
    """The senders of mails' envelopes: one for each mail, so that what comes back names it
    whatever the mail server writes ("variable envelope return paths").

    `address`: bounces@university.example gets bounces+<token>@university.example. `key`: a secret.
    A token is the UUID of the mail's delivery or digest and 128 bits of an HMAC-SHA-256 (RFC 2104),
    so that no stranger suppresses an address; in base32 (RFC 4648) and lower case, because servers
    may change case.
    """

    address: str
    key: str

    def of_mail(self, mail_id: str) -> str:
        """Return the sender of a mail's envelope."""
        local, _, domain = self.address.rpartition("@")
        return f"{local}+{self._token(uuid.UUID(mail_id).bytes)}@{domain}"

    def mail_id(self, recipient: str) -> str | None:
        """Return the mail of which a bounce came to `recipient`; None if it is none of ours."""
        token = recipient.rpartition("@")[0].rpartition("+")[2].lower()
        id_ = _decoded(token[: _TOKEN // 2])
        # As texts, because a last letter of base32 has bits that mean nothing.
        if len(id_) != _CODE_BYTES or not hmac.compare_digest(
            token.encode(errors="replace"), self._token(id_).encode()
        ):
            return None
        return str(uuid.UUID(bytes=id_))

    def _token(self, id_: bytes) -> str:
        return _encoded(id_) + _encoded(self._code(id_))

    def _code(self, id_: bytes) -> bytes:
        # The word keeps the codes apart from those of other uses of the same key.
        return hmac.digest(self.key.encode(), b"bounces:" + id_, "sha256")[:_CODE_BYTES]


def _encoded(value: bytes) -> str:
    return base64.b32encode(value).decode().rstrip("=").lower()


def _decoded(text: str) -> bytes:
    """Return the bytes of base32; none if it is not."""
    try:
        return base64.b32decode(text.upper() + "=" * (-len(text) % 8))
    except ValueError:
        return b""
