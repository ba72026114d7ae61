"""`tandem consumers add|list|show|rotate|remove|replay`: who else reads our events."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import click
import pika

from campus.bars import ROWS, bars
from campus.connection import DATA, amqp_url, management_url
from campus.connection import archive as archive_of
from campus.consumers import accounts, patterns
from campus.consumers.accounts import Limits, Names
from campus.consumers.consumers import Consumers
from campus.consumers.management import Management
from campus.consumers.replay import replay as send_again
from campus.consumers.replay import state_of
from campus.consumers.replay_state import State
from campus.events_command import Since
from campus.output import JSON_OPTION, fail, show_done, show_facts, show_rows
from chassis.archive.store import StoreAway
from chassis.contracts.events import contracts

MEGA = 1_000_000
DEFAULT = Limits()
NAME = click.argument("name")


@dataclass(frozen=True)
class Access:
    """What a consumer needs to know."""

    consumer: str
    user: str
    password: str | None
    """None: it keeps the password that it has."""
    virtual_host: str
    queue: str
    dead_letters: str
    types: Sequence[str]
    personal_data: Mapping[str, Sequence[str]]
    """The fields with names, addresses or free text, of the types that have any."""


@dataclass(frozen=True)
class Row:
    """A consumer in the list."""

    consumer: str
    account: str
    types: str
    waiting: int
    dead_letters: int
    connections: int


@dataclass(frozen=True)
class Removed:
    """A consumer that was revoked."""

    consumer: str
    queues: str


@click.group()
def consumers() -> None:
    """Let other systems read events, each with an account and a queue of its own."""


@consumers.command()
@NAME
@click.option(
    "--types",
    "wanted",
    multiple=True,
    required=True,
    help="A type, or a pattern of types; several with commas, or by several options.",
)
@click.option(
    "--max-megabytes",
    type=click.IntRange(500, 10_000),
    default=DEFAULT.bytes // MEGA,
    show_default=True,
    help="Of the events that may wait in its queue.",
)
@click.option(
    "--max-connections",
    type=click.IntRange(1, 1_000),
    default=DEFAULT.connections,
    show_default=True,
)
@click.option(
    "--max-channels", type=click.IntRange(1, 10_000), default=DEFAULT.channels, show_default=True
)
@DATA
@JSON_OPTION
def add(
    name: str,
    wanted: tuple[str, ...],
    max_megabytes: int,
    max_connections: int,
    max_channels: int,
    folder: Path,
    as_json: bool,
) -> None:
    """Let a system NAME read events of some types; repeated, change its types and limits.

    Prints the password of a new account: only the broker's hash of it is kept.
    """
    chosen = _patterns(name, wanted)
    limits = Limits(max_megabytes * MEGA, max_connections, max_channels)
    password = _consumers(folder).add(name, chosen, limits)
    _show_access(name, password, chosen, folder, as_json)


@consumers.command("list")
@DATA
@JSON_OPTION
def list_(folder: Path, as_json: bool) -> None:
    """List the consumers, also those of which only the queues are left."""
    known = _consumers(folder)
    found = [known.show(name) for name in known.names()]
    rows = [
        Row(
            each.name,
            "yes" if each.account else "no",
            ", ".join(each.types),
            each.waiting,
            each.dead_letters,
            each.connections,
        )
        for each in found
    ]
    show_rows("Consumers", rows, as_json)


@consumers.command()
@NAME
@DATA
@JSON_OPTION
def show(name: str, folder: Path, as_json: bool) -> None:
    """Show what waits for consumer NAME, its limits, and its last replay."""
    facts = asdict(_consumers(folder).show(_named(name)))
    state = state_of(amqp_url(folder), Names(name))
    show_facts(facts | {"replay": asdict(state) if state else None}, as_json)


@consumers.command()
@NAME
@DATA
@JSON_OPTION
def rotate(name: str, folder: Path, as_json: bool) -> None:
    """Give consumer NAME a new password; connections with the old one end at once."""
    known = _consumers(folder)
    password = known.rotate(_named(name))
    _show_access(name, password, known.patterns(name), folder, as_json)


@consumers.command()
@NAME
@click.option(
    "--queues",
    type=click.Choice(["keep", "delete"]),
    required=True,
    help="Keep what waits for it, and what comes, up to its limit; or delete all of it.",
)
@DATA
@JSON_OPTION
def remove(name: str, queues: str, folder: Path, as_json: bool) -> None:
    """Revoke consumer NAME: its connections end at once, and it can't log in."""
    _consumers(folder).remove(_named(name), keeps_queues=queues == "keep")
    done = Removed(name, "kept" if queues == "keep" else "deleted")
    show_done(done, f"{name} is revoked; its queues are {done.queues}", as_json)


@consumers.command()
@NAME
@click.option(
    "--since", type=Since(), required=True, help="When to start: 2h or 7d ago, or 2026-03-01."
)
@click.option("--until", type=Since(), help="When to end.  [now]")
@click.option("--anew", is_flag=True, help="Forget an unfinished replay, and begin anew.")
@DATA
@JSON_OPTION
def replay(
    name: str,
    since: datetime,
    until: datetime | None,
    anew: bool,
    folder: Path,
    as_json: bool,
) -> None:
    """Send events of the history, and of the archive, to consumer NAME again.

    Those of its types that were made since an instant go into its queue alone, marked by the header
    x-tandem-replay. If this is killed, the same command goes on; for that, give --since as a date.
    """
    wanted = State(since, until or datetime.now(UTC), is_bounded=until is not None)
    if wanted.since >= wanted.until:
        fail(f"since: {since.isoformat()} is not before {wanted.until.isoformat()}")
    chosen = _consumers(folder).patterns(_named(name))
    try:
        with bars(as_json, ROWS) as begin:
            tell = begin(f"Events sent to {name}", 0)
            done = send_again(
                amqp_url(folder),
                archive_of(folder),
                Names(name),
                chosen,
                wanted,
                anew,
                lambda state: tell(state.sent),
            )
    except StoreAway as error:
        fail(f"the S3 store, which has the archive, does not answer: {error}")
    show_facts({"consumer": name, **asdict(done)}, as_json)


def _consumers(folder: Path) -> Consumers:
    url = amqp_url(folder)
    return Consumers(Management(management_url(folder), url), url)


def _named(name: str) -> str:
    if fault := accounts.fault(name):
        fail(fault)
    return name


def _patterns(name: str, given: Sequence[str]) -> list[str]:
    """Return the patterns. Ends the command with all that is wrong with them and the name."""
    listed = [each.strip() for text in given for each in text.split(",") if each.strip()]
    chosen = sorted(set(listed))
    found = [accounts.fault(name), *patterns.faults(chosen, contracts().keys())]
    if told := [each for each in found if each]:
        fail("\n".join(told))
    return chosen


def _show_access(
    name: str, password: str | None, chosen: Sequence[str], folder: Path, as_json: bool
) -> None:
    names, url = Names(name), amqp_url(folder)
    kinds = {kind: contracts()[kind] for kind in patterns.chosen(chosen, contracts())}
    access = Access(
        consumer=name,
        user=names.user,
        password=password,
        virtual_host=pika.URLParameters(url).virtual_host,
        queue=names.queue,
        dead_letters=names.dead,
        types=chosen,
        personal_data=patterns.personal(kinds),
    )
    show_facts(asdict(access), as_json)
