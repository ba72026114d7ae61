"""`tandem events tail|replay`: prints events, and sends events of the history again."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
from google.protobuf import json_format
from rich.markup import escape

from campus import queues
from campus.connection import DATA, amqp_url
from campus.output import JSON_OPTION, console, fail, printable, show_rows
from chassis.contracts.events import Event, UndecodableError
from chassis.messaging import history
from chassis.messaging.replay import replay as send_again

LONGEST = timedelta(days=3650)
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


@dataclass(frozen=True)
class Sent:
    """The number of events that were sent to a subscription again."""

    subscription: str
    events: int


@click.group()
def events() -> None:
    """Print the events that the services publish, or send events of the history again."""


@events.command()
@click.option("--since", type=Ago(), help="How far back to start: 10m, 2h, 7d.")
@click.option("--type", "wanted", default="", help="Only types that contain this text.")
@click.option(
    "--follow/--no-follow", default=None, help="Also print new events.  [default without --since]"
)
@DATA
@JSON_OPTION
def tail(
    since: timedelta | None, wanted: str, follow: bool | None, folder: Path, as_json: bool
) -> None:
    """Print events, one on each line: new ones, or those of the last --since."""
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
    """Return JSON in one line, with the characters escaped that a terminal would act on."""
    return printable(json.dumps(value, ensure_ascii=False))
