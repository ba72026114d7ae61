"""`tandem import oulad DIR --module AAA --presentation 2013J`."""

import sys
from pathlib import Path

import click

from campus.client import Campus
from campus.connection import DATA
from campus.oulad.files import FilesError, Presentation
from campus.oulad.load import Load, LoadError
from campus.output import JSON_OPTION, fail, show_rows, steps
from campus.platform import Platform


@click.command()
@click.argument("source", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--module", required=True, help="AAA to GGG.")
@click.option("--presentation", required=True, help="2013B, 2013J, 2014B or 2014J.")
@DATA
@JSON_OPTION
def oulad(source: Path, module: str, presentation: str, folder: Path, as_json: bool) -> None:
    """Import a presentation of the Open University dataset in SOURCE into the running platform."""
    platform = Platform(folder)
    platform.environment()
    campus = Campus(platform)
    try:
        with steps(as_json) as said:
            counts = Load(campus, Presentation(source, module, presentation), said).everything()
    except (FilesError, LoadError) as error:
        fail(str(error))
    finally:
        campus.close()
    show_rows(f"{module} {presentation}: files and platform", counts, as_json)
    sys.exit(0 if all(count.ok for count in counts) else 1)
