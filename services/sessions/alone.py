"""Work on one of several things, whose failure stops none of the others."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from chassis.data.store import is_away

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
