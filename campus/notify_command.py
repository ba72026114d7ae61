"""`tandem notify`: messages before they are sent, and mails that came back."""

import sys
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import click
import grpc
from tandem.notify.v1 import notify_pb2
from tandem.notify.v1.notify_pb2_grpc import NotifyServiceStub
from tandem.notify.v1.resources_pb2 import Suppression

from campus.messages_command import check, preview
from campus.output import JSON_OPTION, LIMIT, fail, show_done, show_rows
from campus.paging import rows_of
from campus.remote import Where, channel_to, reaching
from services.notify.webpush import write_key

LARGEST = 2**20
# What a mail server does with the mail: drop it, or try again later (sysexits.h).
DATA_ERROR, TRY_AGAIN = 65, 75
_FOR_GOOD = (
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
)


@dataclass(frozen=True, slots=True)
class Taken:
    """What followed from a mail that came back."""

    outcome: str


@dataclass(frozen=True, slots=True)
class Row:
    """An address that gets no mail."""

    id: str
    person: str
    code: str
    since: str
    delivery: str


@dataclass(frozen=True, slots=True)
class Removed:
    """An address that gets mail again."""

    id: str


@dataclass(frozen=True, slots=True)
class PushKey:
    """A new key of web push."""

    public_key: str


@click.group()
def notify() -> None:
    """Look at messages before anybody gets them, and after mails that came back."""


notify.add_command(preview)
notify.add_command(check)


@notify.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@JSON_OPTION
def push_key(file: Path, as_json: bool) -> None:
    """Write a new key of web push to FILE, which must not be there yet, and print its public key.

    TANDEM_PUSH_KEY_FILE and TANDEM_PUSH_PUBLIC_KEY name both. Another key ends all registrations.
    """
    try:
        public = write_key(file)
    except OSError as error:
        fail(f"FILE: {error}")
    show_done(PushKey(public), public, as_json)


@notify.command()
@click.argument("recipient")
@reaching
@JSON_OPTION
def bounce(recipient: str, where: Where, as_json: bool) -> None:
    """Take a mail that came back to the address RECIPIENT, from the standard input.

    For the pipe of a mail server: exits with 75 if it is to be tried again, and with 65 if it is no
    report of a mail of ours.
    """
    message = sys.stdin.buffer.read(LARGEST)
    request = notify_pb2.ReportBounceRequest(recipient=recipient, message=message)
    with channel_to("notify", where, "service") as channel:
        try:
            answer = NotifyServiceStub(channel).ReportBounce(request)
        except grpc.RpcError as error:
            click.echo(str(error.details()), err=True)
            sys.exit(DATA_ERROR if error.code() in _FOR_GOOD else TRY_AGAIN)
    name = notify_pb2.BounceOutcome.Name(answer.outcome).removeprefix("BOUNCE_OUTCOME_")
    show_done(Taken(name), name, as_json)


@notify.command()
@click.option("--person", "person_id", default="", help="Only this person's addresses.")
@click.option("--remove", "suppression_id", help="Let the address of this id get mail again.")
@LIMIT
@reaching
@JSON_OPTION
def suppressions(
    person_id: str, suppression_id: str | None, limit: int, where: Where, as_json: bool
) -> None:
    """Show the addresses at which mail does not arrive, newest first, by their hashes; or remove
    one.
    """
    with channel_to("notify", where, "operator") as channel:
        service = NotifyServiceStub(channel)
        if suppression_id is None:
            show_rows("Suppressions", _rows(service, person_id, limit), as_json)
            return
        try:
            service.RemoveSuppression(
                notify_pb2.RemoveSuppressionRequest(suppression_id=suppression_id)
            )
        except grpc.RpcError as error:
            fail(str(error.details()))
        show_done(Removed(suppression_id), f"{suppression_id} gets mail again", as_json)


def _rows(service: NotifyServiceStub, person_id: str, limit: int) -> list[Row]:
    request = notify_pb2.ListSuppressionsRequest(person_id=person_id, page_size=min(limit, 1_000))
    found = rows_of(service.ListSuppressions, request, "suppressions")
    return [_row(each) for each in islice(found, limit)]


def _row(each: Suppression) -> Row:
    since = each.since.ToJsonString()
    return Row(each.id, each.person_id, each.code, since, each.delivery_id)
