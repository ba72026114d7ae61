"""A map from the identity provider's ids of people to the platform's ids.

A CSV file (RFC 4180) of two columns without a header: the value of the token's claim, and the
person's id. It is read again when it has changed; a new one that is faulty changes nothing.
"""

import csv
import os
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import structlog

from chassis.operations.settings import SettingsError

# Seconds between two checks whether the file has changed.
POLL_INTERVAL = 1.0
SHOWN_FAULTS = 20

log = structlog.get_logger()


class PersonMap:
    """The ids of people, by the value of the token's claim."""

    def __init__(self, path: Path, look: float = POLL_INTERVAL) -> None:
        """Read the file. Raises SettingsError that lists every faulty row."""
        self._path, self._look = path, look
        self._lock = threading.Lock()
        self._looked = time.monotonic()
        self.generation = 0
        """Grows when the file changes: then each token must be checked again."""
        try:
            self._stamp = _stamp(path)
            self._people = _read(path)
        except (OSError, ValueError) as error:
            raise SettingsError(f"TANDEM_PERSON_MAP_FILE: {error}") from error

    def get(self, claim: str) -> str | None:
        """Return the person's id for the value of a claim; None if the file does not have it."""
        return self._people.get(claim)

    def refresh(self) -> None:
        """Read the file again if it has changed. Other callers don't wait for the one who reads."""
        if time.monotonic() - self._looked < self._look or not self._lock.acquire(blocking=False):
            return
        try:
            self._looked = time.monotonic()
            self._read_changes()
        finally:
            self._lock.release()

    def _read_changes(self) -> None:
        try:
            stamp = _stamp(self._path)
            if stamp == self._stamp:
                return
            self._stamp = stamp
            self._people = _read(self._path)
            self.generation += 1
        except (OSError, ValueError) as error:
            log.warning("the new file of people is not used", path=str(self._path), why=str(error))


def _stamp(path: Path) -> tuple[int, int, int]:
    """Return what changes when the file is rewritten or replaced."""
    status = os.stat(path)
    return status.st_mtime_ns, status.st_size, status.st_ino


def _read(path: Path) -> Mapping[str, str]:
    """Return the rows of the file. Raises OSError, and ValueError that lists the faulty rows."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.reader(file))
    faults = list(_faults(rows))
    if faults:
        more = len(faults) - SHOWN_FAULTS
        listed = [*faults[:SHOWN_FAULTS], *([f"and {more} more"] if more > 0 else [])]
        raise ValueError("\n".join(listed))
    return dict(row for row in rows if row)


def _faults(rows: Iterable[list[str]]) -> Iterable[str]:
    seen: dict[str, str] = {}
    for number, row in enumerate(rows, 1):
        if row and (len(row) != 2 or not all(row)):
            yield f"row {number} is {row}; wanted: claim,person"
        elif row and seen.setdefault(*row) != row[1]:
            yield f"row {number} names {row[0]!r} again, as another person"
