"""Where the commands find the platform: the environment's broker, else the local platform's."""

import os
from pathlib import Path

import click

from campus.platform import Platform

DATA = click.option(
    "--data",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("var"),
    envvar="TANDEM_DATA",
    show_default=True,
    help="The data folder of the local platform.",
)


def amqp_url(folder: Path) -> str:
    """The broker's URL. Raises StackError where nothing is given and nothing runs."""
    return os.environ.get("TANDEM_AMQP_URL") or Platform(folder).environment()["TANDEM_AMQP_URL"]
