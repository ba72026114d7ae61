"""Files in the S3 store: all items with the same bytes share one."""

import mimetypes
from dataclasses import dataclass

from services.library.domain.items import Rendition


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedFile:
    """The file of all items whose bytes were verified to be the same."""

    id: str
    """The identity of its bytes; see `content_id`."""
    key: str
    """Its key in the S3 store: the id of the item with which it was uploaded; that and the name of
    the rendition, if the library made it.
    """


def made_key(item_id: str, file: Rendition) -> str:
    """Return the key of a file that was made for an item: never the same for other bytes.

    It ends as files of its type do, because some players look at the end of a URL's path.
    """
    return f"{item_id}/{file.name}-{file.sha256[:16]}{mimetypes.guess_extension(file.media_type)}"


def content_id(file: Rendition) -> str:
    """Return the identity of a file's bytes: their SHA-256 and how many there are."""
    return f"{file.sha256}-{file.size}"
