"""Shows how far uploads are: bars on a terminal, plain lines elsewhere, nothing for programs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.filesize import decimal
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from campus.output import errors, printable
from campus.upload import Tell

Begin = Callable[[str, int], Tell]
"""Begins work on some bytes: (what is done, how many); returns whom to tell how many are done."""


@contextmanager
def bars(quiet: bool) -> Iterator[Begin]:
    """Yield a function that shows the progress of one more piece of work."""
    is_shown = errors.is_terminal and not quiet
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=errors, disable=not is_shown) as progress:

        def begin(what: str, size: int) -> Tell:
            if not is_shown and not quiet:
                errors.print(f"{escape(printable(what))}: {decimal(size)}", soft_wrap=True)
            task = progress.add_task(escape(printable(what)), total=size)
            return lambda done: progress.update(task, completed=done)

        yield begin
