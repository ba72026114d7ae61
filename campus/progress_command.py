"""`tandem progress export RUN`: the class page of a run as CSV."""

import click
from tandem.progress.v1 import progress_pb2
from tandem.progress.v1.progress_pb2_grpc import ProgressServiceStub

from campus.remote import Where, channel_to, reaching


@click.group()
def progress() -> None:
    """Read what learners have done."""


@progress.command()
@click.argument("run")
@reaching
def export(run: str, where: Where) -> None:
    """Print the learners of RUN, and how far each is, as CSV.

    Exits with 1 if the connection breaks before the end.
    """
    request = progress_pb2.ExportRunProgressRequest(run_id=run)
    with channel_to("progress", where) as channel:
        for piece in ProgressServiceStub(channel).ExportRunProgress(request):
            click.echo(piece.csv, nl=False)
