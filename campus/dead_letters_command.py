"""`tandem dead-letters list|show|replay|discard`."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import click

from campus import queues
from campus.connection import DATA, amqp_url
from campus.output import JSON_OPTION, LIMIT, fail, show_done, show_rows
from chassis.messaging import deadletters
from chassis.messaging.deadletters import UnknownQueue

IDS = click.option(
    "--id", "ids", multiple=True, help="Only this event; may be given several times."
)
ALL = click.option("--all", "everything", is_flag=True, help="Every dead letter of the queue.")


@dataclass(frozen=True)
class Count:
    """The number of dead letters of a queue."""

    queue: str
    dead_letters: int


@click.group("dead-letters")
def dead_letters() -> None:
    """List, show, replay or discard dead letters: events that could not be applied."""


@dead_letters.command("list")
@DATA
@JSON_OPTION
def list_(folder: Path, as_json: bool) -> None:
    """Count the dead letters of every queue."""
    found = deadletters.count(amqp_url(folder), queues.names())
    show_rows("Dead letters", [Count(*row) for row in found.items()], as_json)


@dead_letters.command()
@click.argument("queue")
@LIMIT
@DATA
@JSON_OPTION
def show(queue: str, limit: int, folder: Path, as_json: bool) -> None:
    """Show the first dead letters of QUEUE, without removing them."""
    try:
        rows = deadletters.show(amqp_url(folder), queue, limit)
    except UnknownQueue as error:
        fail(str(error))
    show_rows(f"Dead letters of {queue}", rows, as_json)


@dead_letters.command()
@click.argument("queue")
@IDS
@ALL
@DATA
@JSON_OPTION
def replay(queue: str, ids: tuple[str, ...], everything: bool, folder: Path, as_json: bool) -> None:
    """Send dead letters of QUEUE back to their queue, to be applied."""
    _do(deadletters.replay, "replayed", queue, ids, everything, folder, as_json)


@dead_letters.command()
@click.argument("queue")
@IDS
@ALL
@DATA
@JSON_OPTION
def discard(
    queue: str, ids: tuple[str, ...], everything: bool, folder: Path, as_json: bool
) -> None:
    """Delete dead letters of QUEUE permanently."""
    _do(deadletters.discard, "discarded", queue, ids, everything, folder, as_json)


@dataclass(frozen=True)
class Done:
    """The result of a command."""

    queue: str
    done: int


def _do(
    action: Callable[[str, str, Collection[str]], int],
    said: str,
    queue: str,
    ids: tuple[str, ...],
    everything: bool,
    folder: Path,
    as_json: bool,
) -> None:
    if bool(ids) == everything:
        fail("give either --id or --all")
    try:
        done = Done(queue, action(amqp_url(folder), queue, ids))
    except UnknownQueue as error:
        fail(str(error))
    show_done(done, f"dead letters of {queue} {said}: {done.done}", as_json)
