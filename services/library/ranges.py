"""A stored file as a seekable one, read by ranges, with a limit."""

import io
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from services.library.ports import FilesAway

# Bytes that are read at once: the first after a seek, and the most while reading on.
SHORTEST, LONGEST = 64 * 2**10, 2**20
KEPT = 16

Read = Callable[[int, int], bytes]
"""Reads bytes of the stored file: (offset, length)."""
NOTHING: Mapping[int, bytes] = {}


class TooMuch(OSError):
    """A parser wants to read more of the file than any normal file needs."""


class RangedFile(io.RawIOBase):
    """A seekable file that reads ranges, longer ones while it is read on, and keeps the last.

    `most`: how many bytes are read of it, before TooMuch is raised; `known`: bytes already known,
    by offset. What `read` raises is raised, and kept in `failure`, because a library between may
    catch it.
    """

    def __init__(
        self, read: Read, size: int, most: int, known: Mapping[int, bytes] = NOTHING
    ) -> None:
        self._read, self._size, self._left = read, size, most
        self._kept = OrderedDict(known)
        self._at, self._next, self._length = 0, 0, 0
        self.failure: Exception | None = None

    def readable(self) -> bool:
        """See io.IOBase."""
        return True

    def seekable(self) -> bool:
        """See io.IOBase."""
        return True

    def tell(self) -> int:
        """See io.IOBase."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """See io.IOBase."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise OSError("before the first byte")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer, and return how many bytes; 0 at the end (io.RawIOBase.readinto)."""
        if self._at >= self._size or not len(buffer):
            return 0
        piece = self._piece()[: len(buffer)]
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def _piece(self) -> bytes:
        """Return bytes from the position on, at least one."""
        for start, kept in self._kept.items():
            if start <= self._at < start + len(kept):
                self._kept.move_to_end(start)
                return kept[self._at - start :]
        return self._fetch()

    def _fetch(self) -> bytes:
        on = self._at == self._next
        self._length = min(self._length * 2, LONGEST) if on and self._length else SHORTEST
        length = min(self._length, self._size - self._at)
        self._left -= length
        if self._left < 0:
            raise TooMuch("more of the file is needed than of any normal file")
        try:
            piece = exactly(self._read, self._at, length)
        except Exception as error:
            self.failure = error
            raise
        self._kept[self._at] = piece
        self._next = self._at + length
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return piece


def exactly(read: Read, at: int, length: int) -> bytes:
    """Return a range of a file. Raises FilesAway if the S3 store sends fewer or more bytes."""
    piece = read(at, length)
    if len(piece) != length:
        raise FilesAway(f"the S3 store sent {len(piece)} bytes of a range of {length}")
    return piece
