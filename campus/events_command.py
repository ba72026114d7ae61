"""`tandem events tail|replay|archive`: prints events, sends events of the history again, and
verifies the archive. resync_command.py has `resync` and `drift`.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
from google.protobuf import json_format
from pymongo.errors import PyMongoError
from rich.markup import escape

from campus import queues
from campus.connection import DATA, amqp_url, known_archive
from campus.connection import archive as archive_of
from campus.output import JSON_OPTION, console, fail, printable, show_rows
from campus.parquet_command import parquet
from campus.resync_command import drift, resync
from chassis.archive import reading
from chassis.archive.layout import Span
from chassis.archive.store import StoreAway
from chassis.archive.verifying import verify as verify_archive
from chassis.contracts.events import Event, UndecodableError
from chassis.messaging import history
from chassis.messaging.replay import replay as send_again

LONGEST = timedelta(days=3650)
# Years.
EARLIEST, LATEST = 1900, 2200
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Ago(click.ParamType[timedelta]):
    """A length of time such as 90s, 10m, 2h or 7d."""

    name = "duration"

    def convert(self, value: Any, param: Any, ctx: Any) -> timedelta:
        """Return a timedelta. The error for a wrong value shows right ones."""
        if isinstance(value, timedelta):
            return value
        found = re.fullmatch(r"(\d{1,9})([smhd])", str(value))
        if not found:
            self.fail(
                f"{value!r} is not a duration; use for example 90s, 10m, 2h or 7d", param, ctx
            )
        ago = timedelta(**{_UNITS[found[2]]: int(found[1])})
        if ago > LONGEST:
            self.fail(f"{value!r} is too long; the maximum is {LONGEST.days}d", param, ctx)
        return ago


class Since(click.ParamType[datetime]):
    """An instant: so long ago (10m, 7d), or a day (2026-03-01, from midnight UTC), or RFC 3339."""

    name = "when"

    def convert(self, value: Any, param: Any, ctx: Any) -> datetime:
        """Return an instant with its zone. The error for a wrong value shows right ones."""
        if isinstance(value, datetime):
            return value
        if re.fullmatch(r"\d+[a-z]", str(value)):
            return datetime.now(UTC) - Ago().convert(value, param, ctx)
        try:
            found = datetime.fromisoformat(str(value))
        except ValueError:
            found = None
        if found is None or not EARLIEST <= found.year < LATEST:
            self.fail(
                f"{value!r} is no instant; use for example 90s, 10m, 2h or 7d ago, 2026-03-01, or "
                "2026-03-01T08:00:00Z",
                param,
                ctx,
            )
        return found if found.tzinfo else found.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Sent:
    """The number of events that were sent to a subscription again."""

    subscription: str
    events: int


@click.group()
def events() -> None:
    """Print the events that the services publish, send events of the history again, or make copies
    whole.
    """


events.add_command(resync)
events.add_command(drift)


@events.command()
@click.option("--since", type=Since(), help="When to start: 10m, 2h or 7d ago, or 2026-03-01.")
@click.option("--type", "wanted", default="", help="Only types that contain this text.")
@click.option(
    "--follow/--no-follow", default=None, help="Also print new events.  [default without --since]"
)
@DATA
@JSON_OPTION
def tail(
    since: datetime | None, wanted: str, follow: bool | None, folder: Path, as_json: bool
) -> None:
    """Print events, one on each line: new ones, or those since an instant.

    What the history no longer has is read from the archive. Events that neither has are listed by
    their offsets. An event whose key is not known, or was thrown away when a person was erased, is
    marked: it has no names, addresses and texts.
    """
    try:
        for each in _events(folder, since, follow if follow is not None else since is None):
            if isinstance(each, Span):
                _print_missing(each, as_json)
            elif isinstance(each[1], UndecodableError):
                _print_unread(each[0], each[1], as_json)
            elif wanted in each[1].type:
                _print(each[0], each[1], as_json)
    except StoreAway as error:
        fail(f"the S3 store, which has the archive, does not answer: {error}")
    except PyMongoError as error:
        fail(f"MongoDB, which has the keys of the archive, can't be used: {error}")
    except KeyboardInterrupt:
        return


def _events(
    folder: Path, since: datetime | None, follow: bool
) -> Iterator[tuple[int, history.Read] | Span]:
    if since is None:
        return history.read(amqp_url(folder), "next", follow)
    return reading.read(amqp_url(folder), archive_of(folder), since, follow)


@events.group()
def archive() -> None:
    """Look after the archive, which has the history's events for good."""


@archive.command()
@DATA
@JSON_OPTION
def verify(folder: Path, as_json: bool) -> None:
    """Read the whole archive, and list what is missing or wrong in it.

    Each file has the hash and the number of events that were written; no offset of the stream is
    missing; no number is missing in the sequence of a source and key. The exit status is 1 if there
    is a fault.
    """
    try:
        report = verify_archive(known_archive(folder))
    except StoreAway as error:
        fail(f"the S3 store does not answer: {error}")
    if as_json:
        click.echo(json.dumps(asdict(report), indent=2))
    else:
        console.print(
            f"{report.messages} events in {report.files} files of {report.segments} segments,"
            f" up to offset {report.last}"
        )
        show_rows("Faults", report.faults, as_json)
    if report.faults:
        raise SystemExit(1)


archive.add_command(parquet)


@events.command()
@click.option("--since", type=Ago(), required=True, help="How far back to start: 2h.")
@click.option("--until", type=Ago(), default="0s", help="How far back to end: 1h.  [now]")
@click.option(
    "--subscription",
    "chosen",
    multiple=True,
    help="Only to this subscription; may be given several times.",
)
@DATA
@JSON_OPTION
def replay(
    since: timedelta, until: timedelta, chosen: tuple[str, ...], folder: Path, as_json: bool
) -> None:
    """Send events of the history to the services again; those already applied change nothing.

    Use it after restoring a backup (docs/operators.md), when inboxes have fewer events than the
    history.
    """
    known = {one.name: one for each in queues.subscriptions().values() for one in each}
    if unknown := sorted(set(chosen) - known.keys()):
        fail(f"no subscription {', '.join(unknown)}; there are {', '.join(sorted(known))}")
    now = datetime.now(UTC)
    wanted = [known[name] for name in chosen or known]
    sent = send_again(amqp_url(folder), wanted, now - since, now - until)
    rows = [Sent(one.name, sent[one.name]) for one in wanted]
    show_rows("Sent again", sorted(rows, key=lambda row: row.subscription), as_json)


def _print_missing(span: Span, as_json: bool) -> None:
    why = "neither the history nor the archive has them"
    if as_json:
        click.echo(_json({"missing": {"first": span.first, "last": span.last}, "error": why}))
    else:
        console.print(f"[red]offsets {span} are missing: {why}[/]")


def _print_unread(offset: int, error: UndecodableError, as_json: bool) -> None:
    if as_json:
        click.echo(_json({"offset": offset, "error": str(error)}))
    else:
        console.print(f"[red]{offset} can't be read: {escape(printable(str(error)))}[/]")


def _print(offset: int, event: Event[Any], as_json: bool) -> None:
    data = json_format.MessageToDict(event.data)
    if as_json:
        line = {
            "offset": offset,
            "id": event.id,
            "type": event.type,
            "time": event.time.isoformat(),
            "subject": event.subject,
            "partitionkey": event.partition_key,
            "sequence": event.sequence,
            "data": data,
        }
        if event.is_sealed:
            line["sealed"] = True
        click.echo(_json(line))
        return
    short = event.type.removeprefix("tandem.").removesuffix(".v1")
    if event.is_sealed:
        short += " (without names and texts)"
    when, facts = f"{event.time:%Y-%m-%d %H:%M:%S}", _json(data)
    if not console.is_terminal:
        click.echo(f"{when} {short} {facts}")
        return
    styled = f"[cyan]{when}[/] [green]{short}[/] [dim]{escape(facts)}[/]"
    console.print(styled, overflow="ellipsis", no_wrap=True)


def _json(value: Any) -> str:
    """Return JSON in one line, with the characters escaped that a terminal would act on."""
    return printable(json.dumps(value, ensure_ascii=False))
