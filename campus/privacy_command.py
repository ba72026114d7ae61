"""`tandem privacy export|erase|status`: what the platform holds of a person, and forgetting one."""

import json
import time
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from tandem.catalog.v1.catalog_pb2_grpc import CatalogServiceStub
from tandem.library.v1.library_pb2_grpc import LibraryServiceStub
from tandem.notify.v1.notify_pb2_grpc import NotifyServiceStub
from tandem.progress.v1.progress_pb2_grpc import ProgressServiceStub
from tandem.sessions.v1.sessions_pb2_grpc import SessionsServiceStub
from tandem.types.v1 import privacy_pb2

from campus import queues
from campus.connection import amqp_url
from campus.holdings import all_holdings
from campus.output import JSON_OPTION, fail, show_done, show_rows, steps
from campus.remote import Where, channel_to, reaching
from chassis.messaging.deadletters import UnknownQueue
from chassis.privacy import letters

STUBS: Mapping[str, Any] = {
    "catalog": CatalogServiceStub,
    "library": LibraryServiceStub,
    "sessions": SessionsServiceStub,
    "progress": ProgressServiceStub,
    "notify": NotifyServiceStub,
}
LOOK_EVERY = 0.5
PERSON = click.argument("person")
INDEX = "README.txt"


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export has."""

    file: str
    records: int


@dataclass(frozen=True, slots=True)
class Erased:
    """What one service has done of one kind of record, or how far it is."""

    service: str
    kind: str
    count: int
    erased_at: str
    next_sweep_at: str


@click.group()
def privacy() -> None:
    """Export all that the platform holds of a person, or forget the person.

    With --target they need one address at which all services answer, such as the gateway.
    """


@privacy.command()
@PERSON
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The ZIP file to write; PERSON.zip without it.",
)
@reaching
@JSON_OPTION
def export(person: str, output: Path | None, where: Where, as_json: bool) -> None:
    """Write all that the five services hold of PERSON into a ZIP file.

    It has a file for each service and kind of record, with a JSON object a line, and an index.
    Without a record of the person there is no file.
    """
    path = output or Path(f"{_file_name(person)}.zip")
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.part")
    try:
        with steps(as_json) as said, zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as into:
            counts: Counter[tuple[str, str]] = Counter()
            for service, stub in _each(where):
                said(f"reading what {service} has")
                _write(into, service, stub, person, counts)
            into.writestr(INDEX, _index(person, counts))
        if not counts:
            fail(f"no service has a record of {person!r}")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    total = sum(counts.values())
    show_done(Exported(str(path), total), f"{path}: {total} records", as_json)


@privacy.command()
@PERSON
@click.option(
    "--reason", required=True, help="Why, for the audit; it must tell nothing of the person."
)
@reaching
@JSON_OPTION
def erase(person: str, reason: str, where: Where, as_json: bool) -> None:
    """Forget PERSON in all services, and in the dead letters.

    It waits until all that is there now is erased. The services look again for a month.
    """
    request = privacy_pb2.ErasePersonRequest(person_id=person, reason=reason)
    with steps(as_json) as said:
        with channel_to("catalog", where, "operator") as channel:
            asked = CatalogServiceStub(channel).ErasePerson(request)
        since = asked.requested[-1].at.ToMicroseconds()
        for service, stub in _each(where):
            said(f"waiting for {service}")
            _wait(stub, person, since)
        said("looking at the dead letters")
        count = _letters(amqp_url(where.folder), person)
    rows = [*_rows(where, person), Erased("broker", "dead letters", count, "", "")]
    show_rows(f"Erased {person}", rows, as_json)


@privacy.command()
@PERSON
@reaching
@JSON_OPTION
def status(person: str, where: Where, as_json: bool) -> None:
    """Show how far each service is with forgetting PERSON, and what it did."""
    rows = [*_rows(where, person)]
    if not rows:
        fail(f"nobody has asked to erase {person!r}")
    show_rows(f"Erasure of {person}", rows, as_json)


def _file_name(person: str) -> str:
    """Return the person's id as far as it is harmless in the name of a file."""
    return "".join(each if each.isalnum() or each in "-_" else "_" for each in person)


def _each(where: Where) -> Iterator[tuple[str, Any]]:
    for service, stub in STUBS.items():
        with channel_to(service, where, "operator") as channel:
            yield service, stub(channel)


def _write(
    into: zipfile.ZipFile, service: str, stub: Any, person: str, counts: Counter[tuple[str, str]]
) -> None:
    """Write a service's records, each kind into a file, as they come: kinds come one by one."""
    with ExitStack() as open_file:
        file, present = None, ""
        for record in stub.ExportPerson(privacy_pb2.ExportPersonRequest(person_id=person)):
            if file is None or record.kind != present:
                open_file.close()
                present = record.kind
                name = f"{service}/{present.replace(' ', '-')}.jsonl"
                file = open_file.enter_context(into.open(name, "w", force_zip64=True))
            file.write(f"{record.json}\n".encode())
            counts[service, present] += 1


def _index(person: str, counts: Mapping[tuple[str, str], int]) -> str:
    lines = [
        f"All that the platform holds of the person with the id {json.dumps(person)}.",
        "",
        "Each file has records of one kind, a JSON object a line. Instants are in UTC; bytes that",
        "are no text are in base64. Other people stand there by their ids only.",
        "",
    ]
    about = {(service, each.kind): each.what for service, each in all_holdings()}
    for (service, kind), count in counts.items():
        name = f"{service}/{kind.replace(' ', '-')}.jsonl"
        lines.append(f"{name}  ({count}): {about.get((service, kind), kind)}")
    return "\n".join((*lines, ""))


def _wait(stub: Any, person: str, since: int) -> None:
    """Wait until a service has swept once since the erasure was asked for (in microseconds)."""
    while True:
        told = _erasure(stub, person)
        if told and told.requested[-1].at.ToMicroseconds() >= since and _is_swept(told, since):
            return
        time.sleep(LOOK_EVERY)


def _is_swept(told: privacy_pb2.Erasure, since: int) -> bool:
    return told.HasField("swept_at") and told.swept_at.ToMicroseconds() >= since


def _erasure(stub: Any, person: str) -> privacy_pb2.Erasure | None:
    try:
        found: privacy_pb2.Erasure = stub.GetErasure(
            privacy_pb2.GetErasureRequest(person_id=person)
        )
    except grpc.RpcError as error:
        if error.code() is grpc.StatusCode.NOT_FOUND:  # the event is on its way
            return None
        raise
    return found


def _rows(where: Where, person: str) -> Iterator[Erased]:
    for service, stub in _each(where):
        told = _erasure(stub, person)
        if told is None:
            continue
        erased = _text(told.erased_at) if told.HasField("erased_at") else ""
        next_ = _text(told.next_sweep_at) if told.HasField("next_sweep_at") else ""
        yield Erased(service, "", sum(each.count for each in told.records), erased, next_)
        for each in told.records:
            yield Erased(service, each.kind, each.count, "", "")


def _text(at: Timestamp) -> str:
    return at.ToJsonString()


def _letters(url: str, person: str) -> int:
    done = 0
    for queue in queues.names():
        try:
            done += letters.forget(url, queue, person)
        except UnknownQueue:  # a service that was never declared has none
            continue
    return done
