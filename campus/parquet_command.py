"""`tandem events archive parquet`: writes the archive's events as Parquet, and compares them."""

import json
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path

import click

from campus.connection import DATA, known_archive
from campus.output import JSON_OPTION, console, fail, show_rows
from chassis.archive.store import StoreAway

EARLIEST = datetime(1900, 1, 1)  # noqa: DTZ001 - a day


@click.command()
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d"]),
    default=EARLIEST,
    show_default="all",
    help="The first day (UTC) to look at: 2026-03-01.",
)
@click.option("--verify", "only_verify", is_flag=True, help="Only compare what there is.")
@DATA
@JSON_OPTION
def parquet(since: datetime, only_verify: bool, folder: Path, as_json: bool) -> None:
    """Write the archive's events as Parquet, a file for each day that is over and each type.

    A file that has all events of its day is left as it is. Events that came late are added by
    writing their day again. With --verify, every row is compared with the archive instead. The exit
    status is 1 if there is a fault.
    """
    found = known_archive(folder)
    try:
        from chassis.archive.parquet import verify, write
    except ImportError:
        fail("Parquet needs pyarrow, which is not installed: pip install pyarrow")
    today: date = datetime.now(UTC).date()
    try:
        report = (verify if only_verify else write)(found, since.date(), today)
    except StoreAway as error:
        fail(f"the S3 store does not answer: {error}")
    if as_json:
        click.echo(json.dumps(asdict(report), indent=2))
    else:
        done = "compared" if only_verify else f"in {report.written} new files"
        console.print(f"{report.rows} events {done}; {report.current} files are current")
        show_rows("Faults", report.faults, as_json)
    if report.faults:
        raise SystemExit(1)
