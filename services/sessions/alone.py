"""Work on one of several things, whose failure stops none of the others."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import structlog

from chassis.data.store import Database, is_away
from services.sessions.store import SessionsStore

log = structlog.get_logger()


@contextmanager
def fails_alone(failure: str, **about: object) -> Iterator[None]:
    """Log an exception as `failure`, with what it was about, and go on after the block.

    An exception that says that the database is away is raised: then the others would fail, too.
    """
    try:
        yield
    except Exception as error:
        if is_away(error):
            raise
        log.exception(failure, **about)


def each_alone(
    failure: str, database: Database[SessionsStore], works: Iterable[partial[Any]]
) -> None:
    """Do each work in a unit of work of its own. One that fails stops no other: it is logged as
    `failure`, with its named arguments.
    """
    for work in works:
        with fails_alone(failure, **work.keywords):
            database.transact(work)
