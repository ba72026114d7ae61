"""Describes a file of this machine for its upload: size, hash, media type and kind."""

import hashlib
import mimetypes
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from campus.upload import Read, Tell, UploadError
from services.library.domain.enums import ItemKind
from services.library.domain.types import TEXT, is_of_type, kind_violations
from services.library.inspection import MOST_READ, types_of
from services.library.ranges import RangedFile

CHUNK = 2**20
# A file is of the first of these kinds that its type allows.
KINDS = (
    ItemKind.PDF,
    ItemKind.EBOOK,
    ItemKind.VIDEO,
    ItemKind.AUDIO,
    ItemKind.JOURNAL,
    ItemKind.SLIDES,
    ItemKind.CAPTIONS,
    ItemKind.DATASET,
)
# Without the tables of the machine: the same file has the same type everywhere.
_names = mimetypes.MimeTypes()


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file of this machine. `size` in bytes, `sha256` in lower-case hex."""

    size: int
    sha256: str
    media_type: str
    kind: ItemKind


@contextmanager
def reading(path: Path) -> Iterator[Read]:
    """Yield a function that reads ranges of a file, from any thread."""
    with path.open("rb") as file:
        yield lambda offset, length: os.pread(file.fileno(), length, offset)


def describe(path: Path, read: Read, kind: ItemKind | None, tell: Tell) -> LocalFile:
    """Return what a file is. `kind`: None if its type decides.

    Raises UploadError if the file is empty, or if no item can have it.
    """
    size = path.stat().st_size
    if not size:
        raise UploadError("the file is empty")
    found = types_of(RangedFile(read, size, MOST_READ))
    named, _ = _names.guess_type(path.name)
    kind, media_type = _choose(found, named or "", [kind] if kind else KINDS)
    return LocalFile(size, sha256_of(read, size, tell), media_type, kind)


def sha256_of(read: Read, size: int, tell: Tell) -> str:
    """Return the SHA-256 of a file in lower-case hex, read in chunks."""
    digest = hashlib.sha256()
    for offset in range(0, size, CHUNK):
        digest.update(read(offset, CHUNK))
        tell(min(offset + CHUNK, size))
    return digest.hexdigest()


def _choose(
    found: Collection[str], named: str, kinds: Collection[ItemKind]
) -> tuple[ItemKind, str]:
    """Return a kind and a media type for bytes of the types `found`: the type that the file's name
    tells, if its bytes are of this type.
    """
    fitting = [named] if named and is_of_type(named, found) else []
    # bytes of another type may be a text, too
    for media_type in (*fitting, *sorted(found, key=lambda each: (each == TEXT, each))):
        for kind in kinds:
            if not any(kind_violations(kind, media_type)):
                return kind, media_type
    looks = " or ".join(sorted(found)[:4]) or "of no known type"
    raise UploadError(f"its bytes are {looks}; no {' or '.join(kinds)} can have them")
