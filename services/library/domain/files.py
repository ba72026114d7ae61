"""Files in the S3 store: all items with the same bytes share one."""

from dataclasses import dataclass

from services.library.domain.items import Rendition


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedFile:
    """The file of all items whose bytes were verified to be the same."""

    id: str
    """The identity of its bytes; see `content_id`."""
    key: str
    """Its key in the S3 store: the id of the item with which it was uploaded."""


def content_id(file: Rendition) -> str:
    """Return the identity of a file's bytes: their SHA-256 and how many there are."""
    return f"{file.sha256}-{file.size}"
