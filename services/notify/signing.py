"""Signs mails by DKIM (RFC 6376), so that their receivers know the domain that vouches for them."""

from dataclasses import dataclass, field
from pathlib import Path

import dkim
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from chassis.operations.settings import NO_FILE, SettingsError

# RFC 8058, section 4, asks for the two of unsubscribing. If a mail lacks one of these, that is
# signed: nobody adds an address for replies, either.
_SIGNED = (
    *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted"),
    *("MIME-Version", "Content-Type", "Content-Transfer-Encoding"),
    *("List-Unsubscribe", "List-Unsubscribe-Post", "Reply-To", "Cc"),
)
# Each twice, so that nobody can add a second one (RFC 6376, section 8.15).
_HEADERS = [name.encode() for name in (*_SIGNED, *_SIGNED)]
# Servers on the way fold headers anew, and may change spaces at the ends of lines.
_FORM = (b"relaxed", b"relaxed")


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs for a domain, as rsa-sha256. `key`: an RSA key in PEM, whose public half the DNS has at
    `<selector>._domainkey.<domain>`.
    """

    domain: str
    selector: str
    key: bytes = field(repr=False)

    def signed(self, mail: bytes) -> bytes:
        """Return a mail (RFC 5322, with CRLF) with its DKIM-Signature before it."""
        mark: bytes = dkim.sign(
            mail,
            self.selector.encode(),
            self.domain.encode(),
            self.key,
            canonicalize=_FORM,
            include_headers=_HEADERS,
        )
        return mark + mail


def signer(key_file: Path, selector: str, domain: str) -> Signer | None:
    """Return who signs mails with the key of a file; `NO_FILE`: None.

    Raises SettingsError unless it is a key that every verifier takes, of 1024 to 4096 bits, and
    that is long enough today, of 2048 (RFC 8301, section 3.2).
    """
    if key_file == NO_FILE:
        return None
    try:
        pem = key_file.read_bytes()
        key = load_pem_private_key(pem, password=None)
    except OSError as error:
        raise SettingsError(f"{_FAULT}; it can't be read: {error.strerror}") from error
    except (TypeError, ValueError, UnsupportedAlgorithm) as error:
        raise SettingsError(_FAULT) from error
    if not isinstance(key, RSAPrivateKey) or not 2048 <= key.key_size <= 4096:
        raise SettingsError(_FAULT)
    return Signer(domain, selector, pem)


_FAULT = (
    "TANDEM_DKIM_KEY_FILE is not right; wanted: an RSA key of 2048 to 4096 bits, in PEM without a"
    " password"
)
