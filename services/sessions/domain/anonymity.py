"""What keeps answers anonymous: they are shown in groups, and stored under keyed hashes.

One person has one answer, which can be changed. So something must say whose it is, until nobody
can answer any more: a hash of the person's id with a secret key of the poll or session (HMAC, RFC
2104). Then the key is deleted. A hash without a key would not do, because ids can be guessed.
"""

import hmac

SMALLEST = 5
"""Answers that are shown together at least."""


def pseudonym(secret: str, person_id: str) -> str:
    """Return what an answer of a person is stored under; `secret`: the key, in hex."""
    return hmac.digest(bytes.fromhex(secret), person_id.encode(), "sha256").hex()
