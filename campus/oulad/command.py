"""`tandem import oulad DIR`: one presentation, those of a module, or all that the files hold."""

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from campus.client import Campus
from campus.connection import DATA
from campus.oulad.files import FilesError, Presentation, presentations
from campus.oulad.load import Load, LoadError, Said
from campus.output import JSON_OPTION, fail, show_rows, steps
from campus.platform import Platform


@dataclass(frozen=True, slots=True)
class Counted:
    """One kind of data of a presentation: how many the files have, and how many the platform."""

    presentation: str
    what: str
    files: int
    platform: int


@click.command()
@click.argument("source", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--module", help="AAA to GGG; all of them if it is not given.")
@click.option("--presentation", help="2013B, 2013J, 2014B or 2014J; all if it is not given.")
@DATA
@JSON_OPTION
def oulad(
    source: Path, module: str | None, presentation: str | None, folder: Path, as_json: bool
) -> None:
    """Import presentations of the Open University dataset in SOURCE into the running platform.

    Each becomes a course with a run. An import that was interrupted goes on where it was: what the
    platform has is not stored again. Exits with 1 if the platform has other numbers than the files.
    """
    platform = Platform(folder)
    platform.environment()
    campus = Campus(platform)
    try:
        with steps(as_json) as said:
            which = presentations(source, module, presentation)
            counts = [row for each in which for row in _imported(campus, source, *each, said)]
    except (FilesError, LoadError) as error:
        fail(str(error))
    finally:
        campus.close()
    show_rows("Files and platform", counts, as_json)
    sys.exit(0 if all(each.files == each.platform for each in counts) else 1)


def _imported(
    campus: Campus, source: Path, module: str, name: str, said: Said
) -> Iterator[Counted]:
    """Import a presentation, and yield its counts."""
    began = time.monotonic()
    said(f"{module} {name}")
    counts = Load(campus, Presentation(source, module, name), said).everything()
    statements = next(each.platform for each in counts if each.what == "statements")
    seconds = time.monotonic() - began
    said(f"{module} {name}: {statements:,} statements and all else in {seconds:.0f} s")
    for each in counts:
        yield Counted(f"{module} {name}", each.what, each.files, each.platform)
