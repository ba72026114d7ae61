"""The version of the IANA zone data by which this process reads clocks."""

import zoneinfo
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import tzdata

# The head of the system's source file, which Debian installs: "# version 2026b".
_SOURCE, _HEAD = "tzdata.zi", "# version "


@cache
def version() -> str:
    """Return the version, such as 2026b; later ones are greater. Empty if it is unknown.

    `zoneinfo` reads the system's data, and those of the package `tzdata` where the system has none
    (PEP 615).
    """
    return next(_of_system(), tzdata.IANA_VERSION)


def _of_system() -> Iterator[str]:
    """Yield the version of each folder with the system's data, of which the first counts."""
    for folder in map(Path, zoneinfo.TZPATH):
        if (folder / _SOURCE).is_file():
            with (folder / _SOURCE).open(encoding="utf-8") as source:
                head = source.readline()
            yield head.removeprefix(_HEAD).strip() if head.startswith(_HEAD) else ""
        elif folder.is_dir():
            yield ""
