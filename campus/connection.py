"""The addresses of the platform: from the environment, or else of the local platform."""

import os
from pathlib import Path

import click

from campus.platform import Platform
from campus.stack.given import check_amqp_url

DATA = click.option(
    "--data",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("var"),
    envvar="TANDEM_DATA",
    show_default=True,
    help="The data folder of the local platform.",
)

MONITORING = click.option(
    "--monitoring", is_flag=True, help="Also start Prometheus, with the rules of deploy/monitoring."
)


def amqp_url(folder: Path) -> str:
    """Return the broker's URL. Raises StackError if it is malformed, or if there is no broker."""
    url = _setting(folder, "TANDEM_AMQP_URL")
    check_amqp_url(url)
    return url


def mongo_url(folder: Path) -> str:
    """Return MongoDB's URL. Raises StackError if none is given and none runs."""
    return _setting(folder, "TANDEM_MONGO_URL")


def _setting(folder: Path, name: str) -> str:
    return os.environ.get(name) or Platform(folder).environment()[name]
