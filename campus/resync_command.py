"""`tandem events resync|drift`: sends a service's state to one subscription, and compares copies
with their originals.
"""

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from time import sleep
from typing import Any

import click
import grpc
from tandem.types.v1 import resyncs_pb2
from tandem.types.v1.resyncs_pb2 import Resync

from campus.output import JSON_OPTION, console, fail, show_rows, steps
from campus.remote import Where, channel_to, reaching
from chassis.resync import comparing
from services.catalog.auditing import STUBS
from services.catalog.copied import COPIES

LOOK_EVERY = 0.5
OPERATOR = "operator"
OWNERS = sorted({each.owner for each in COPIES})
SHOWN = 20
"""Keys that are printed of each kind; as JSON, all are."""


@dataclass(frozen=True, slots=True)
class Sent:
    """The events of one type that were sent."""

    type: str
    events: int


@click.command()
@click.option("--to", "subscription", required=True, help="The subscription: notify.people.")
@click.option(
    "--from",
    "owner",
    default="catalog",
    show_default=True,
    type=click.Choice(OWNERS),
    help="The service whose state is sent.",
)
@click.option("--kind", "kinds", multiple=True, help="Only this kind; may be given several times.")
@click.option("--wait/--no-wait", default=True, help="Wait until everything is sent.")
@reaching
@JSON_OPTION
def resync(
    subscription: str, owner: str, kinds: tuple[str, ...], wait: bool, where: Where, as_json: bool
) -> None:
    """Let a service send its present state to one subscription: catalog its people, runs with their
    paths, groups and enrolments; the library its items; sessions its classes, recordings and final
    attendance, and when people can teach.

    Use it for a new consumer, or for one whose database was lost or restored. No other subscription
    gets anything; news goes on meanwhile. Exits with 1 if the subscription takes no resync.
    """
    with channel_to(owner, where, OPERATOR) as channel, steps(as_json) as said:
        stub = STUBS[owner](channel)
        asked = resyncs_pb2.RepublishRequest(subscription=subscription, kinds=kinds)
        try:
            found = stub.Republish(asked)
            said(f"resync {found.id}")
            found = _followed(stub, found, said) if wait else found
        except grpc.RpcError as error:
            fail(str(error.details()))
    rows = [Sent(each.type, each.events) for each in found.sent]
    show_rows(f"Sent to {found.subscription}", rows, as_json)
    if found.state == resyncs_pb2.RESYNC_STATE_REFUSED:
        fail(found.reason)


def _followed(stub: Any, found: Resync, said: Callable[[str], None]) -> Resync:
    """Return a resync when it has ended, and tell its progress."""
    told = -1
    while not found.HasField("ended_at"):
        if (count := sum(each.events for each in found.sent)) != told:
            told = count
            said(f"{told} events")
        sleep(LOOK_EVERY)
        found = stub.GetResync(resyncs_pb2.GetResyncRequest(resync_id=found.id))
    return found


@click.command()
@click.option(
    "--service",
    "keepers",
    multiple=True,
    type=click.Choice(sorted({each.keeper for each in COPIES})),
    help="Only the copies of this service; may be given several times.  [all]",
)
@click.option(
    "--wait",
    default=5.0,
    show_default=True,
    type=click.FloatRange(0, 3600),
    help="Seconds until what differs is looked at again.",
)
@reaching
@JSON_OPTION
def drift(keepers: tuple[str, ...], wait: float, where: Where, as_json: bool) -> None:
    """Compare the copies that services keep of others' data with the originals, and name those that
    differ.

    What differs is looked at twice: events may be on their way. With --target, all services must be
    there, as at a gateway. Exits with 1 if something differs.
    """
    wanted = [each for each in COPIES if not keepers or each.keeper in keepers]
    with ExitStack() as stack, steps(as_json) as said:
        names = {name for each in wanted for name in (each.owner, each.keeper)}
        stubs = {
            name: STUBS[name](stack.enter_context(channel_to(name, where, OPERATOR)))
            for name in sorted(names)
        }
        found = []
        for each in wanted:
            said(f"{each.keeper}: {each.kind}")
            try:
                result = comparing.compare(each, stubs[each.owner], stubs[each.keeper], wait)
            except grpc.RpcError as error:
                fail(f"{each.keeper}, {each.kind}: {error.details()}")
            found.append(result)
    _show(found, as_json)
    if any(each.keys for each in found):
        raise SystemExit(1)


@dataclass(frozen=True, slots=True)
class Compared:
    """A line of the table."""

    service: str
    kind: str
    compared: int
    missing: int
    surplus: int
    different: int


def _show(found: list[comparing.Drift], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([asdict(each) for each in found], indent=2))
        return
    rows = [
        Compared(
            each.keeper,
            each.kind,
            each.compared,
            len(each.missing),
            len(each.surplus),
            len(each.different),
        )
        for each in found
    ]
    show_rows("Copies", rows, as_json)
    for each in found:
        for key in each.keys[:SHOWN]:
            console.print(f"{each.keeper} {each.kind} {key}", markup=False, highlight=False)
        if len(each.keys) > SHOWN:
            console.print(f"and {len(each.keys) - SHOWN} more; --json names all")
