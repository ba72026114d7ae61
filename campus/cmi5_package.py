"""Finding the course structure in what a publisher delivers (cmi5, section 14)."""

import zlib
from pathlib import Path
from zipfile import BadZipFile, ZipFile, is_zipfile

from campus.cmi5_structure import LARGEST
from chassis.errors import FieldViolation, Invalid

NAME = "cmi5.xml"
"""Of the course structure, at the root of a package."""
_UNREADABLE = (BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError)
"""What a damaged, encrypted or unknown ZIP raises."""


def structure_of(file: Path) -> bytes:
    """Return the course structure of a file, which is it, or a ZIP with it; of one that is too
    large no more than it takes to see that. Raises Invalid.
    """
    if not is_zipfile(file):
        return file.read_bytes()
    try:
        with ZipFile(file) as package, package.open(NAME) as found:
            return found.read(LARGEST + 1)
    except KeyError as error:
        raise _invalid(f"has no {NAME}", f"{NAME} at its root (section 14.1)") from error
    except _UNREADABLE as error:
        raise _invalid(f"can't be read: {error}", "a ZIP without encryption") from error


def _invalid(wrong: str, right: str) -> Invalid:
    return Invalid([FieldViolation("file", wrong, right)])
