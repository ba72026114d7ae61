"""Reads pieces of stored files back by ranges: only what was read back is promised."""

import os
from collections.abc import Mapping
from typing import BinaryIO

from services.library.domain.files import content_id
from services.library.domain.items import Rendition
from services.library.ports import Files, NoSuchUpload
from services.library.store import LibraryStore

# Bytes at the beginning and at the end that are read back.
EDGE = 64 * 2**10


class NotStored(Exception):
    """The S3 store did not keep what it was given; the next attempt makes it anew."""


def put(files: Files, key: str, content: BinaryIO, size: int, media_type: str) -> None:
    """Store a file of this machine and read it back. Raises FilesAway and NotStored."""
    content.seek(0)
    files.put(key, content, size, media_type)
    edges = {at: os.pread(content.fileno(), EDGE, at) for at in (0, max(0, size - EDGE))}
    try:
        if not reads_back(files, key, edges):
            raise NotStored(f"the S3 store gives other bytes of {key} than it was given")
    except NoSuchUpload as error:
        raise NotStored(f"the S3 store does not have {key}, which it was given") from error


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
