"""Waits for the platform to apply what was sent, as long as it goes on."""

from collections.abc import Callable

from campus.waiting import SELDOM, wait_until

PATIENCE = 600.0
"""Seconds in which something has to move."""
Said = Callable[[str], None]


class LoadError(Exception):
    """The platform refused a row, or did not apply what was sent."""


def wait_while_moving(
    what: str, count: Callable[[], int], goal: int, said: Said, patience: float = PATIENCE
) -> None:
    """Wait until `count()` has reached `goal`, however long it takes; say each tenth of it.

    Raises LoadError if the count stays the same for `patience` seconds.
    """
    now = count()
    while now < goal:
        before = now

        def has_moved(before: int = before) -> bool:
            nonlocal now
            now = count()
            return now != before

        if not wait_until(has_moved, patience, SELDOM):
            raise LoadError(f"{now:,} of {goal:,} {what}, and for {patience:.0f} s no more")
        if 10 * now // goal > 10 * before // goal:
            said(f"{now:,} of {goal:,} {what}")
