"""Where the commands find the platform: by the environment, else the local platform's."""

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
    "--monitoring", is_flag=True, help="Have Prometheus watch it, by deploy/monitoring."
)


def amqp_url(folder: Path) -> str:
    """The broker's URL. Raises StackError where it is malformed, or nothing is given nor runs."""
    url = _setting(folder, "TANDEM_AMQP_URL")
    check_amqp_url(url)
    return url


def mongo_url(folder: Path) -> str:
    """MongoDB's URL. Raises StackError where nothing is given and nothing runs."""
    return _setting(folder, "TANDEM_MONGO_URL")


def _setting(folder: Path, name: str) -> str:
    return os.environ.get(name) or Platform(folder).environment()[name]
