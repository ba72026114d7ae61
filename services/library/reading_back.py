"""Reads pieces of stored files back by ranges: only what was read back is promised."""

from collections.abc import Mapping

from services.library.domain.files import content_id
from services.library.domain.items import Rendition
from services.library.ports import Files, NoSuchUpload
from services.library.store import LibraryStore

# Bytes at the beginning and at the end that are read back.
EDGE = 64 * 2**10


def reads_back(files: Files, key: str, edges: Mapping[int, bytes]) -> bool:
    """Return whether ranged reads give the same bytes. `edges`: pieces of the file by offset."""
    return all(files.read(key, offset, len(piece)) == piece for offset, piece in edges.items())


def lost_key(store: LibraryStore, files: Files, file: Rendition, key: str) -> str:
    """Return the key of the shared file with the bytes of a file if it can't be read any more, else
    "".

    `key`: the key of the file itself. Raises FilesAway, and NoSuchUpload if this one is lost.
    """
    shared = store.shared_file(content_id(file))
    if shared is None or shared.key == key:
        return ""
    edges = {offset: files.read(key, offset, EDGE) for offset in (0, max(0, file.size - EDGE))}
    try:
        return "" if reads_back(files, shared.key, edges) else shared.key
    except NoSuchUpload:
        return shared.key
