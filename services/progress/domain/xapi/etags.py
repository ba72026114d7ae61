"""Entity tags and preconditions of documents (RFC 9110, sections 8.8.3 and 13)."""

import hashlib
import re
from dataclasses import dataclass

from chassis.errors import DomainError

_TAG = re.compile(r'(W/)?("[\x21\x23-\x7e\x80-\xff]*")')


class PreconditionFailed(DomainError):
    """A precondition that came with the request does not hold: 412 Precondition Failed."""


def etag_of(content: bytes) -> str:
    """Return a content's entity tag: its SHA-1 in hexadecimal, in quotes.

    1.0.3 asks for it (part 3, section 3.1); of 2.0.0 it is right too. It protects nothing: who
    makes two contents with one tag deceives only those who share the document anyway.
    """
    return f'"{hashlib.sha1(content, usedforsecurity=False).hexdigest()}"'


@dataclass(frozen=True, slots=True)
class Preconditions:
    """The headers If-Match and If-None-Match of a request; empty where there is none."""

    if_match: str = ""
    if_none_match: str = ""

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self.if_match or self.if_none_match)

    def check(self, etag: str | None) -> None:
        """Raise PreconditionFailed unless they hold for what has this entity tag now; None: for
        what does not exist.
        """
        if self.if_match and not _names(self.if_match, etag, weakly=False):
            raise PreconditionFailed(
                f"If-Match does not name what is there now: {etag or 'nothing'}"
            )
        if self.is_current(etag):
            raise PreconditionFailed(f"If-None-Match names what is there now: {etag}")

    def is_current(self, etag: str | None) -> bool:
        """Return whether If-None-Match names what is there now, so that a GET is answered 304."""
        return bool(self.if_none_match) and _names(self.if_none_match, etag, weakly=True)


def _names(header: str, etag: str | None, *, weakly: bool) -> bool:
    """Return whether a list of tags, or *, names this one; a weak tag does so only `weakly`."""
    if etag is None:
        return False
    named = [tag for weak, tag in _TAG.findall(header) if weakly or not weak]
    return header.strip() == "*" or etag in named
