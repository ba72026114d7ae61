"""`tandem outbox list|show|release`."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from pymongo.database import Database

from campus.connection import DATA, mongo_url
from campus.output import JSON_OPTION, LIMIT, show_done, show_rows
from campus.platform import ROLES
from chassis.data.store import connect
from chassis.messaging import outbox as rows

SERVICE = click.argument("service", type=click.Choice(sorted(ROLES)))


@dataclass(frozen=True)
class State:
    """The events that wait in a service's outbox."""

    service: str
    waiting: int
    parked: int
    oldest_from: datetime | None


@dataclass(frozen=True)
class Released:
    """The result of `release`."""

    service: str
    released: int


def states(url: str, services: Iterable[str]) -> list[State]:
    """Return the state of each service's outbox."""
    with connect(url, "tandem") as client:
        return [State(name, *rows.state(client[f"tandem_{name}"])) for name in services]


@click.group("outbox")
def outbox() -> None:
    """List events that are not published yet, and release parked ones."""


@outbox.command("list")
@click.option("--service", "services", type=click.Choice(sorted(ROLES)), multiple=True)
@DATA
@JSON_OPTION
def list_(services: tuple[str, ...], folder: Path, as_json: bool) -> None:
    """Count the events that wait in the outboxes of all or some services."""
    show_rows("Outboxes", states(mongo_url(folder), services or sorted(ROLES)), as_json)


@outbox.command()
@SERVICE
@LIMIT
@DATA
@JSON_OPTION
def show(service: str, limit: int, folder: Path, as_json: bool) -> None:
    """Show the first parked events of SERVICE: events that no queue accepted."""
    with _database(folder, service) as database:
        show_rows(f"Parked events of {service}", rows.parked(database, limit), as_json)


@outbox.command()
@SERVICE
@DATA
@JSON_OPTION
def release(service: str, folder: Path, as_json: bool) -> None:
    """Publish the parked events of SERVICE, and those that wait behind them."""
    with _database(folder, service) as database:
        done = Released(service, rows.release(database))
    show_done(done, f"events of {service} released: {done.released}", as_json)


@contextmanager
def _database(folder: Path, service: str) -> Iterator["Database[Any]"]:
    with connect(mongo_url(folder), "tandem") as client:
        yield client[f"tandem_{service}"]
