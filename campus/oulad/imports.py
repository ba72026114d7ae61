"""Imports presentations one after the other, and tells of each what became of it."""

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from campus.client import Campus
from campus.faults import message_of
from campus.oulad.clicks import Clicks, Name
from campus.oulad.compare import Count
from campus.oulad.files import FilesError, Presentation
from campus.oulad.load import Load
from campus.oulad.patience import LoadError, Said

# Of a request that is wrong by itself: another try, or another service, would not help.
REFUSALS = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.ALREADY_EXISTS,
        grpc.StatusCode.NOT_FOUND,
    }
)


@dataclass(frozen=True, slots=True)
class Imported:
    """One presentation: its counts, and how long each step took, in seconds.

    `why`: why it is not imported; empty if it is.
    """

    name: Name
    counts: Sequence[Count] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    why: str = ""

    @property
    def is_whole(self) -> bool:
        """Return whether the platform has all of it that was to be imported."""
        return not self.why and all(each.is_whole for each in self.counts)


def import_all(
    campus: Campus, folder: Path, names: Sequence[Name], said: Said, only_clicked: bool = False
) -> Iterator[Imported]:
    """Yield what became of each presentation, when it is over.

    One whose rows have errors, or that the platform refuses, is left out, and the next one begins.
    `only_clicked`: without materials that nobody clicked.
    """
    with closing(Clicks(folder, names)) as clicks:
        for number, name in enumerate(names, 1):
            said(f"{' '.join(name)}, {number} of {len(names)}")
            try:
                yield _imported(campus, Presentation(folder, *name, clicks, only_clicked), said)
            except (FilesError, LoadError, grpc.RpcError) as error:
                why = _refused(error)
                said(f"{' '.join(name)} is left out")
                yield Imported(name, why=why)


def _refused(error: Exception) -> str:
    """Return why a presentation is left out. Raises the error if it is not about that one alone."""
    if not isinstance(error, grpc.RpcError):
        return str(error)
    if error.code() not in REFUSALS:
        raise error
    return message_of(error)


def _imported(campus: Campus, source: Presentation, said: Said) -> Imported:
    began, load = time.monotonic(), Load(campus, source, said)
    counts = load.everything()
    took = time.monotonic() - began
    said(f"{source.module} {source.name} is imported, in {took:.0f} s")
    return Imported((source.module, source.name), counts, load.seconds)
