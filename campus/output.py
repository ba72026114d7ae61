"""Prints tables and progress for people on a terminal, and JSON for programs."""

import dataclasses
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

JSON_OPTION = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
LIMIT = click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True)

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


def printable(text: str) -> str:
    """Return untrusted text for a terminal: characters that would move the cursor, change colours
    or reverse the direction of writing are escaped as in Python and JSON, `\\u001b`.
    """
    return "".join(each if each.isprintable() else _escaped(each) for each in text)


def _escaped(character: str) -> str:
    return json.dumps(character)[1:-1] if character != "\x7f" else "\\u007f"


def show_rows(title: str, rows: Sequence[Any], as_json: bool) -> None:
    """Print dataclasses as a table; as JSON, a list of objects."""
    records = [dataclasses.asdict(row) for row in rows]
    if as_json:
        click.echo(json.dumps(records, indent=2, default=str))
        return
    # As `Text`, because rich would read brackets in untrusted text as markup.
    table = Table(title=Text(title), title_justify="left", box=None, pad_edge=False)
    for name in records[0] if records else ():
        table.add_column(name, overflow="fold")
    for record in records:
        table.add_row(
            *(Text("-" if value is None else printable(str(value))) for value in record.values())
        )
    console.print(table if records else Text(f"{title}: nothing"))


def show_done(done: Any, text: str, as_json: bool) -> None:
    """Print the result of a command as a line; as JSON, the dataclass as an object."""
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(done)))
    else:
        console.print(Text(printable(text)))


def show_facts(facts: Mapping[str, Any], as_json: bool) -> None:
    """Print facts, one in a line; as JSON, an object."""
    if as_json:
        click.echo(json.dumps(facts, indent=2, default=str))
        return
    for name, value in facts.items():
        click.echo(f"{name}: {printable(_text(value))}")


def _text(value: Any) -> str:
    match value:
        case None:
            return "-"
        case dict():
            return "; ".join(f"{name} {_text(each)}" for name, each in value.items()) or "none"
        case list() | tuple():
            return ", ".join(map(_text, value)) or "none"
    return str(value)


@contextmanager
def steps(quiet: bool) -> Iterator[Callable[[str], None]]:
    """Print the steps of long work on stderr, each with the seconds since the start."""
    began = time.monotonic()

    def said(step: str) -> None:
        if not quiet:
            errors.print(f"[dim]{time.monotonic() - began:5.1f} s[/]  {step}")

    yield said
    said("done")


def fail(text: str) -> NoReturn:
    """End the command with an error message on stderr, and exit code 1."""
    lines = "\n".join(map(printable, text.split("\n")))
    errors.print("[red]tandem:[/]", escape(lines), soft_wrap=True)
    sys.exit(1)
