"""`tandem import oulad DIR`: one presentation, those of a module, or all that the files hold."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from campus.client import Campus
from campus.connection import DATA
from campus.oulad.files import FilesError, presentations
from campus.oulad.imports import Imported, import_all
from campus.output import JSON_OPTION, fail, show_rows, steps
from campus.platform import Platform


@dataclass(frozen=True, slots=True)
class Counted:
    """One kind of data of a presentation: how many the files have, how many the platform has, how
    many of the files' were left out, and why.
    """

    presentation: str
    what: str
    files: int
    platform: int
    left_out: int
    why: str


@click.command()
@click.argument("source", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--module", help="AAA to GGG; all of them if it is not given.")
@click.option("--presentation", help="2013B, 2013J, 2014B or 2014J; all if it is not given.")
@click.option("--only-clicked", is_flag=True, help="Leave out materials that nobody clicked.")
@DATA
@JSON_OPTION
def oulad(
    source: Path,
    module: str | None,
    presentation: str | None,
    only_clicked: bool,
    folder: Path,
    as_json: bool,
) -> None:
    """Import presentations of the Open University dataset in SOURCE into the running platform.

    Each becomes a course with a run: students, materials (a text for each), assessments with their
    dates, clicks and submissions as statements, and withdrawals. What the files tell beside these
    (scores, results, regions, ages, numbers of clicks, days of registration) is not imported.

    An import that was interrupted goes on where it was: what the platform has is not stored again.
    A presentation whose rows have errors is left out. The table at the end tells what was imported,
    what was left out, and why. Exits with 1 if the platform lacks anything else of the files.
    """
    platform = Platform(folder)
    platform.environment()
    campus, done = Campus(platform), list[Imported]()
    try:
        names = presentations(source, module, presentation)
        with steps(as_json) as said:
            for imported in import_all(campus, source, names, said, only_clicked):
                done.append(imported)
    except FilesError as error:
        fail(str(error))
    finally:  # also if a service is away for too long, or somebody interrupts it
        campus.close()
        if done:
            show_rows("Files and platform", [row for each in done for row in _rows(each)], as_json)
    sys.exit(0 if all(each.is_whole for each in done) else 1)


def _rows(imported: Imported) -> Iterator[Counted]:
    name = " ".join(imported.name)
    if imported.why:
        yield Counted(name, "presentations", 1, 0, 1, imported.why)
    for each in imported.counts:
        yield Counted(name, each.what, each.files, each.platform, each.left_out, each.why)
