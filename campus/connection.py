"""The addresses of the platform: from the environment, or else of the local platform."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from campus.output import fail
from campus.platform import Platform
from campus.stack.errors import StackError
from campus.stack.given import check_amqp_url

if TYPE_CHECKING:
    from chassis.archive.archive import Archive
    from chassis.archive.keys import KeyStore

# The database with the keys of the archive.
LIBRARY = "tandem_library"

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


def management_url(folder: Path) -> str:
    """Return the URL of the broker's management API. Raises StackError if none is given."""
    try:
        return _setting(folder, "TANDEM_AMQP_MANAGEMENT_URL")
    except KeyError:
        raise StackError(
            "where is the broker's management API? Set TANDEM_AMQP_MANAGEMENT_URL, such as "
            "http://localhost:15672"
        ) from None


def mongo_url(folder: Path) -> str:
    """Return MongoDB's URL. Raises StackError if none is given and none runs."""
    return _setting(folder, "TANDEM_MONGO_URL")


def archive(folder: Path) -> "Archive | None":
    """Return the archive of the history; None if the S3 store's variables are not all given, and no
    local platform has them. It opens what is sealed if MongoDB's URL is known, too.
    """
    # Imported late: the client of S3 takes a third of the time in which every command starts.
    from chassis.archive.archive import Archive
    from chassis.archive.store import Bucket

    try:
        bucket = Bucket(
            _setting(folder, "TANDEM_S3_ENDPOINT"),
            _setting(folder, "TANDEM_S3_ACCESS_KEY"),
            _setting(folder, "TANDEM_S3_SECRET_KEY"),
            _setting(folder, "TANDEM_S3_REGION", "us-east-1"),
            _setting(folder, "TANDEM_ARCHIVE_BUCKET", "tandem-history"),
        )
    except (StackError, KeyError):
        return None
    return Archive(bucket, _archive_keys(folder))


def _archive_keys(folder: Path) -> "KeyStore | None":
    """Return the keys of the archive; None if nobody says where the library's database is."""
    from chassis.archive.keys import KeyStore
    from chassis.data.store import connect

    try:
        return KeyStore(connect(mongo_url(folder), "tandem")[LIBRARY])
    except (StackError, KeyError):
        return None


def known_archive(folder: Path) -> "Archive":
    """Return the archive of the history; end the command with an error if nobody says where it
    is.
    """
    return archive(folder) or fail(
        "which S3 store has the archive? Set TANDEM_S3_ENDPOINT, TANDEM_S3_ACCESS_KEY and "
        "TANDEM_S3_SECRET_KEY, and TANDEM_ARCHIVE_BUCKET if it is not tandem-history"
    )


def _setting(folder: Path, name: str, default: str = "") -> str:
    """Return a variable of ours, or of the local platform, or `default`. Raises StackError if
    nothing runs, and KeyError if there is no value.
    """
    if given := os.environ.get(name):
        return given
    try:
        return Platform(folder).environment()[name]
    except (StackError, KeyError):
        if default:
            return default
        raise
