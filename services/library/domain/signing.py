"""Signs what is part of a URL, by HMAC-SHA-256 (RFC 2104) in base64url (RFC 4648, section 5)."""

import base64
import hmac


def signature(text: str, key: bytes) -> str:
    """Return the signature of a text."""
    return encoded(hmac.digest(key, text.encode(errors="replace"), "sha256"))


def is_signature(given: str, text: str, key: bytes) -> bool:
    """Return whether `given` is the signature of a text; it takes the same time for any."""
    # As bytes: compare_digest takes no other characters than ASCII's as a text.
    right = signature(text, key).encode()
    return hmac.compare_digest(given.encode(errors="replace"), right)


def encoded(value: bytes) -> str:
    """Return bytes in base64url, without padding."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
