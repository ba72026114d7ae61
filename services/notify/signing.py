"""Signs mails by DKIM (RFC 6376), so that their receivers know the domain that vouches for them."""

from dataclasses import dataclass, field

import dkim

# From comes twice, so that nobody can add a second one (RFC 6376, section 8.15); RFC 8058, section
# 4, asks for the two of unsubscribing. One that a mail lacks is signed as missing.
_SIGNED = (
    *("From", "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted"),
    *("MIME-Version", "Content-Type", "Content-Transfer-Encoding"),
    *("List-Unsubscribe", "List-Unsubscribe-Post"),
)
_HEADERS = [name.encode() for name in _SIGNED]
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
