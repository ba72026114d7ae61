"""One rendition to make, as the modules see it that make one (`maker.py` runs them)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from services.library.ranges import RangedFile


class Absent(Exception):
    """The file has nothing to make the rendition from; the text says what it lacks."""


@dataclass(frozen=True, slots=True)
class Task:
    """One rendition to make. `seconds`: the file's playing time, 0 if it is not known; `made` and
    `playlist`: the files to write; `tell` is told the share that is done.
    """

    name: str
    media_type: str
    seconds: float
    file: RangedFile
    made: BinaryIO
    playlist: BinaryIO
    tell: Callable[[float], None]
