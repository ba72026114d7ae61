"""What planning needs of an archive."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from chassis.errors import FieldViolation
from services.catalog.domain.oneroster.files import File
from services.catalog.domain.oneroster.manifest import Manifest
from services.catalog.domain.oneroster.rows import ImportRow


class ArchiveError(Exception):
    """An archive can't be imported at all; the text says why."""


class Unreadable(Exception):
    """A file of an archive can't be read, or not further."""

    def __init__(self, violations: Iterable[FieldViolation]) -> None:
        self.violations = tuple(violations)
        super().__init__("; ".join(map(str, self.violations)))


@dataclass(frozen=True, slots=True)
class RawRow:
    """A row by the names of its columns, or what is wrong with all of it."""

    line: int
    values: Mapping[str, str]
    violations: tuple[FieldViolation, ...] = ()


class Archive(Protocol):
    """A OneRoster archive."""

    manifest: Manifest

    @property
    def notes(self) -> Sequence[ImportRow]:
        """Return what was noted so far about the files."""

    def rows(self, file: File) -> Iterator[RawRow]:
        """Yield the rows of a file, in order. Raises Unreadable where it can't go on."""
