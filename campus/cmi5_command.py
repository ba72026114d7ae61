"""`tandem cmi5 path`: a course structure of cmi5 as activities for PublishPath."""

import json
from pathlib import Path

import click
from google.protobuf.json_format import MessageToDict

from campus.cmi5_package import structure_of
from campus.cmi5_structure import activities_of
from campus.output import fail
from chassis.errors import Invalid


@click.group()
def cmi5() -> None:
    """Take content of cmi5 into a run."""


@cmi5.command()
@click.argument("course", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--base-url",
    default="",
    help="Where the files of the course's package are served: relative URLs of units are below it.",
)
def path(course: Path, base_url: str) -> None:
    """Print the assignable units of a COURSE structure (cmi5.xml, or a ZIP package with it) as the
    activities of a path, in the JSON that PublishPath takes.
    """
    try:
        found = activities_of(structure_of(course), base_url)
    except Invalid as error:
        fail("\n".join(str(each) for each in error.violations))
    rows = [MessageToDict(each, preserving_proto_field_name=True) for each in found]
    click.echo(json.dumps({"activities": rows}, indent=2, ensure_ascii=False))
