"""`tandem import oneroster FILE.zip`: shows what an archive changes, and imports it."""

import csv
import dataclasses
import hashlib
import json
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import click
from tandem.catalog.v1 import imports_pb2
from tandem.catalog.v1.catalog_pb2_grpc import CatalogServiceStub
from tandem.types.v1 import types_pb2

from campus.bars import ROWS, bars
from campus.oneroster.importer import ASKS, ENDED, Importer
from campus.output import JSON_OPTION, errors, fail, printable, show_rows
from campus.remote import Where, channel_to, reaching
from services.catalog.domain.enums import AttendanceMode, DeliveryMode
from services.catalog.domain.oneroster.facts import Subject
from services.catalog.domain.oneroster.imports import DEFAULT_SHARE, Sections
from services.catalog.oneroster_archive import ZipArchive
from services.catalog.settings import IMPORT_UNPACKED

FIRST_ROWS = 20
TOLD = (imports_pb2.IMPORT_RESULT_REFUSED, imports_pb2.IMPORT_RESULT_NOTED)
FAILED, REFUSED, UNCONFIRMED = 1, 3, 4


@dataclass(frozen=True, slots=True)
class Difference:
    """What an archive changes of one file's rows, or changed."""

    file: str
    added: int
    changed: int
    removed: int
    refused: int
    unchanged: int
    linked: int
    noted: int


@dataclass(frozen=True, slots=True)
class Told:
    """Why a row was refused, or what was noted."""

    file: str
    line: int
    sourced_id: str
    field: str
    reason: str
    expected: str
    result: str


def _words(cls: type[StrEnum]) -> click.Choice[str]:
    return click.Choice([each.value.lower() for each in cls], case_sensitive=False)


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--dry-run", is_flag=True, help="Show the difference, and change nothing.")
@click.option("--source", default="", help="The system it comes from.  [the manifest's]")
@click.option(
    "--sections", type=_words(Sections), default="runs", show_default=True,
    help="What a class becomes: a run, or a group of the run of its course and term.",
)  # fmt: skip
@click.option(
    "--subject", type=_words(Subject), default="sourced_id", show_default=True,
    help="The column of users.csv that has people's ids.",
)  # fmt: skip
@click.option("--delivery", type=_words(DeliveryMode), default="blended", show_default=True,
              help="How new runs are delivered.")  # fmt: skip
@click.option("--mode", type=_words(AttendanceMode), default="classroom", show_default=True,
              help="How new learners usually take part.")  # fmt: skip
@click.option("--zone", default="UTC", show_default=True, help="The zone of new runs and people.")
@click.option("--language", default="en", show_default=True, help="The language of new people.")
@click.option(
    "--share", type=click.FloatRange(0, 1), default=DEFAULT_SHARE, show_default=True,
    help="Removing more than this share of a file's earlier rows needs --confirm.",
)  # fmt: skip
@click.option("--confirm", is_flag=True, help="Let it remove as many rows as it would.")
@click.option("--all", "show_all", is_flag=True, help="Show all rows that were refused or noted.")
@click.option(
    "--csv", "csv_file", type=click.Path(path_type=Path, dir_okay=False),
    help="Write all rows that were refused or noted to this CSV file.",
)  # fmt: skip
@reaching
@JSON_OPTION
def oneroster(file: Path, where: Where, confirm: bool, show_all: bool, csv_file: Path | None,
              as_json: bool, **options: Any) -> None:  # fmt: skip
    """Import FILE, a OneRoster 1.2 CSV archive (ZIP).

    The same command again goes on where it ended. Exits with 1 if the file can't be imported, with
    3 if rows were refused, and with 4 if it would remove too much and --confirm is not given.
    """
    content = file.read_bytes()
    request = request_of(content, **options)
    with channel_to("catalog", where) as channel:
        importer = Importer(CatalogServiceStub(channel))
        done = bring(importer, request, content, confirm, as_json)
        told = list(_told(importer.rows(done.id, TOLD)))
    if csv_file:
        _write_csv(csv_file, told)
    show(done, told, show_all, as_json)
    sys.exit(status_of(done))


def request_of(
    content: bytes, *, dry_run: bool, source: str, sections: str, subject: str, delivery: str,
    mode: str, zone: str, language: str, share: float,
) -> imports_pb2.StartImportRequest:  # fmt: skip
    """Return the announcement of an archive. Raises ArchiveError if the source has to be known, and
    the archive can't be read.
    """
    options = imports_pb2.ImportOptions(
        sections=imports_pb2.Sections.Value(f"SECTIONS_{sections.upper()}"),
        subject=imports_pb2.Subject.Value(f"SUBJECT_{subject.upper()}"),
        delivery_mode=types_pb2.DeliveryMode.Value(f"DELIVERY_MODE_{delivery.upper()}"),
        mode=types_pb2.AttendanceMode.Value(f"ATTENDANCE_MODE_{mode.upper()}"),
        zone=zone,
        language=language,
        removal_share=share,
    )
    return imports_pb2.StartImportRequest(
        source=source or _source_of(content),
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        dry_run=dry_run,
        options=options,
    )


def _source_of(content: bytes) -> str:
    said = ZipArchive(content, IMPORT_UNPACKED).manifest.source
    if not said:
        fail("the manifest names no source; expected --source NAME, the same for all its archives")
    return re.sub(r"[^A-Za-z0-9._-]+", "-", said)[:64]


def bring(
    importer: Importer,
    request: imports_pb2.StartImportRequest,
    content: bytes,
    confirm: bool,
    quiet: bool,
) -> imports_pb2.Import:
    """Import an archive, and return its import: ended, or waiting for a confirmation."""
    with bars(quiet) as begin:
        begun = importer.send(importer.announce(request), content, begin)
    with bars(quiet, ROWS) as begin:
        begun = importer.follow(begun, begin)
        if begun.state == ASKS and confirm:
            begun = importer.follow(importer.confirm(begun.id), begin)
    return begun


def status_of(done: imports_pb2.Import) -> int:
    """Return the exit status of the command."""
    if done.state == imports_pb2.IMPORT_STATE_FAILED:
        return FAILED
    if done.reason or done.state not in ENDED:
        return UNCONFIRMED
    return REFUSED if any(each.refused for each in done.counts) else 0


def show(done: imports_pb2.Import, told: list[Told], show_all: bool, as_json: bool) -> None:
    """Print what an import changes, or changed, by file; then the rows that it did not take."""
    state = imports_pb2.ImportState.Name(done.state).removeprefix("IMPORT_STATE_")
    rows = [_difference(each) for each in done.counts]
    listed = told if show_all or as_json else told[:FIRST_ROWS]
    if as_json:
        whole = {
            "import": done.id,
            "state": state,
            "reason": done.reason,
            "files": [dataclasses.asdict(each) for each in rows],
            "rows": [dataclasses.asdict(each) for each in listed],
        }
        click.echo(json.dumps(whole, indent=2))
        return
    show_rows(f"{done.source}: {state}", rows, False)
    if done.reason:
        errors.print(printable(done.reason), soft_wrap=True, markup=False)
    if listed:
        show_rows("Rows that were refused or noted", listed, False)
    if len(listed) < len(told):
        more = f"and {len(told) - len(listed)} more: --all shows them, --csv FILE writes them"
        errors.print(more, soft_wrap=True)


def _difference(each: imports_pb2.FileCounts) -> Difference:
    names = [field.name for field in dataclasses.fields(Difference)]
    return Difference(**{name: getattr(each, name) for name in names})


def _told(rows: Iterable[imports_pb2.ImportRow]) -> Iterator[Told]:
    for row in rows:
        result = imports_pb2.ImportResult.Name(row.result).removeprefix("IMPORT_RESULT_")
        for each in row.violations:
            yield Told(
                row.file, row.line, row.sourced_id, each.field, each.wrong, each.right, result
            )


def _write_csv(path: Path, told: Iterable[Told]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([field.name for field in dataclasses.fields(Told)])
        writer.writerows(dataclasses.astuple(each) for each in told)
