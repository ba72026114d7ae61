"""`tandem events tail`: what happens, or happened."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
from google.protobuf import json_format
from rich.markup import escape

from campus.connection import DATA, amqp_url
from campus.output import JSON_OPTION, console, printable
from chassis import history
from chassis.events import Event, UndecodableError

LONGEST = timedelta(days=3650)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Ago(click.ParamType[timedelta]):
    """A stretch of time such as 90s, 10m, 2h or 7d."""

    name = "duration"

    def convert(self, value: Any, param: Any, ctx: Any) -> timedelta:
        """A timedelta; the message of a bad one says what would be right."""
        if isinstance(value, timedelta):
            return value
        found = re.fullmatch(r"(\d{1,9})([smhd])", str(value))
        if not found:
            self.fail(f"{value!r} is no duration; right would be 90s, 10m, 2h or 7d", param, ctx)
        ago = timedelta(**{_UNITS[found[2]]: int(found[1])})
        if ago > LONGEST:
            self.fail(f"{value!r} is too long; right would be {LONGEST.days}d at most", param, ctx)
        return ago


@click.group()
def events() -> None:
    """What the services tell each other, and everyone."""


@events.command()
@click.option("--since", type=Ago(), help="Begin so long ago, from the history: 10m, 2h, 7d.")
@click.option("--type", "wanted", default="", help="Only types that contain this text.")
@click.option(
    "--follow/--no-follow", default=None, help="Go on with what comes.  [without --since]"
)
@DATA
@JSON_OPTION
def tail(
    since: timedelta | None, wanted: str, follow: bool | None, folder: Path, as_json: bool
) -> None:
    """Print events, one a line: from now on, or --since then."""
    offset = datetime.now(UTC) - since if since else "next"
    going_on = follow if follow is not None else since is None
    try:
        for number, event in history.read(amqp_url(folder), offset, going_on):
            if isinstance(event, UndecodableError):
                _print_unread(number, event, as_json)
            elif wanted in event.type:
                _print(number, event, as_json)
    except KeyboardInterrupt:
        return


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
        click.echo(_json(line))
        return
    short = event.type.removeprefix("tandem.").removesuffix(".v1")
    when, facts = f"{event.time:%Y-%m-%d %H:%M:%S}", _json(data)
    if not console.is_terminal:
        click.echo(f"{when} {short} {facts}")
        return
    styled = f"[cyan]{when}[/] [green]{short}[/] [dim]{escape(facts)}[/]"
    console.print(styled, overflow="ellipsis", no_wrap=True)


def _json(value: Any) -> str:
    """JSON in one line that a terminal shows as it is: what it would act on is escaped."""
    return printable(json.dumps(value, ensure_ascii=False))
