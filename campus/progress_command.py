"""`tandem progress`: rebuilds a run from its statements, and exports its class page."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

import click
import grpc
from tandem.progress.v1 import progress_pb2
from tandem.progress.v1.progress_pb2_grpc import ProgressServiceStub
from tandem.progress.v1.resources_pb2 import Rebuild

from campus.output import JSON_OPTION, fail, show_done, steps
from campus.remote import Where, channel_to, reaching

LOOK_EVERY = 0.5


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """How far a rebuild is."""

    run: str
    learners: int
    changed: int
    failed: int
    finished: bool


@click.group()
def progress() -> None:
    """Look after what learners did."""


@progress.command()
@click.option("--run", "run_id", required=True, help="The run's id.")
@click.option("--wait/--no-wait", default=True, help="Wait for the end of the rebuild.")
@reaching
@JSON_OPTION
def rebuild(run_id: str, wait: bool, where: Where, as_json: bool) -> None:
    """Make the evidence of a run's learners anew from their statements, and evaluate them.

    Everything else goes on meanwhile. Exits with 1 if a learner could not be rebuilt.
    """
    with channel_to("progress", where) as channel, steps(as_json) as said:
        service = ProgressServiceStub(channel)
        try:
            found = service.RebuildRun(progress_pb2.RebuildRunRequest(run_id=run_id))
            found = _followed(service, found, said) if wait else found
        except grpc.RpcError as error:
            fail(str(error.details()))
    _show(found, as_json)
    if found.failed:
        fail(f"{found.failed} learners could not be rebuilt; the log of progress tells why")


@progress.command()
@click.argument("run_id", metavar="RUN")
@click.option("--output", type=click.File("wb", lazy=True), default="-", help="A file.  [stdout]")
@reaching
def export(run_id: str, output: BinaryIO, where: Where) -> None:
    """Write the learners of RUN, and how far each is, as CSV in UTF-8.

    Exits with 1 if the connection breaks before the end.
    """
    request = progress_pb2.ExportRunProgressRequest(run_id=run_id)
    with channel_to("progress", where) as channel:
        for piece in ProgressServiceStub(channel).ExportRunProgress(request):
            output.write(piece.csv.encode())


def _followed(service: ProgressServiceStub, found: Rebuild, said: Callable[[str], None]) -> Rebuild:
    """Return a rebuild when it is finished, and tell its progress."""
    told = -1
    while not found.HasField("finished_at"):
        if found.done != told:
            told = found.done
            said(f"{told} learners")
        time.sleep(LOOK_EVERY)
        found = service.GetRebuild(progress_pb2.GetRebuildRequest(run_id=found.run_id))
    return found


def _show(found: Rebuild, as_json: bool) -> None:
    finished = found.HasField("finished_at")
    done = Rebuilt(found.run_id, found.done, found.changed, found.failed, finished)
    state = "rebuilt" if finished else "done so far"
    text = f"{done.learners} learners {state}; the evidence of {done.changed} was another before"
    show_done(done, text, as_json)
