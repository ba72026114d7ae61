"""Capability URLs: who has one may do what it is for, without a token of the university's.

Domains and use cases may import this module: it needs only the standard library.
"""

import base64
import hmac
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CapabilityUrls:
    """The capability URLs of one kind of thing. `base`: this service's HTTP server as clients reach
    it; `key`: a secret; `path`: the path below which the pages are, such as podcast.

    The last part of a URL is a token: the thing's id, ".", and the id's HMAC-SHA-256 (RFC 2104) by
    the key in base64url (RFC 4648, section 5). So nothing that opens a thing is stored.
    """

    base: str
    key: str
    path: str

    def url_of(self, id_: str) -> str:
        """Return the secret URL of a thing."""
        code = signature(self._signed(id_), self.key.encode())
        return f"{self.base.rstrip('/')}/{self.path}/{id_}.{code}"

    def id_of(self, token: str) -> str | None:
        """Return the id of the thing that a token opens; None if it is not one of ours."""
        id_, _, code = token.rpartition(".")
        return id_ if is_signature(code, self._signed(id_), self.key.encode()) else None

    def _signed(self, id_: str) -> str:
        # The path keeps the codes apart from those of other uses of the same key.
        return f"{self.path}:{id_}"


def signature(text: str, key: bytes) -> str:
    """Return the HMAC-SHA-256 of a text in base64url."""
    return encoded(hmac.digest(key, text.encode(errors="replace"), "sha256"))


def is_signature(given: str, text: str, key: bytes) -> bool:
    """Return whether `given` is the signature of a text; it takes the same time for any."""
    # As bytes: compare_digest takes no other characters than ASCII's as a text.
    right = signature(text, key).encode()
    return hmac.compare_digest(given.encode(errors="replace"), right)


def encoded(value: bytes) -> str:
    """Return bytes in base64url, without padding."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
