"""Shows how far long work is: bars on a terminal, plain lines elsewhere, nothing for programs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.filesize import decimal
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from campus.output import errors, printable
from campus.upload import Tell

Begin = Callable[[str, int], Tell]
"""Begins work on some bytes or rows: (what is done, how many; 0: nobody knows); returns whom to
tell how many are done."""


@dataclass(frozen=True, slots=True)
class Unit:
    """What is counted: how a terminal shows it, and how a line says an amount."""

    columns: Callable[[], tuple[ProgressColumn, ...]]
    say: Callable[[int], str]


BYTES = Unit(lambda: (DownloadColumn(), TransferSpeedColumn()), decimal)
ROWS = Unit(lambda: (MofNCompleteColumn(),), lambda count: f"{count or '?'} rows")


@contextmanager
def bars(quiet: bool, unit: Unit = BYTES) -> Iterator[Begin]:
    """Yield a function that shows the progress of one more piece of work."""
    is_shown = errors.is_terminal and not quiet
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        *unit.columns(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=errors, disable=not is_shown) as progress:

        def begin(what: str, size: int) -> Tell:
            if not is_shown and not quiet:
                errors.print(f"{escape(printable(what))}: {unit.say(size)}", soft_wrap=True)
            task = progress.add_task(escape(printable(what)), total=size or None)
            return lambda done: progress.update(task, completed=done)

        yield begin
