"""Folds: several urgent changes of one person's classes come as one mail.

When a campus closes, a day of a person's classes is cancelled within seconds. The first change is
mailed at once. What follows within WINDOW waits for its end, and is one mail, which takes along
what has not been sent yet. So a person gets at most one such mail in each WINDOW, and none waits
longer than that. The inbox has each change at once.
"""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from services.notify.domain.enums import Category, Channel, DeliveryState
from services.notify.domain.messages import Delivery

WINDOW = timedelta(minutes=1)
"""The time between two such mails to a person."""
LOOK_BACK = 2 * WINDOW
"""Changes that were queued longer ago don't count: what waited for a fold was sent with it."""


def can_fold(delivery: Delivery) -> bool:
    """Return whether it is a mail of a change of a class that can't wait for a digest."""
    is_mail = delivery.channel is Channel.EMAIL and delivery.finished_at is None
    return is_mail and delivery.urgent and delivery.category is Category.SESSION


def fold_end(earlier: Collection[Delivery], arrived: int, now: datetime) -> datetime | None:
    """Return when the fold ends for which a person's mails wait that arrive now; None: one that is
    alone is sent at once.

    `earlier`: the person's mails of changes since LOOK_BACK; `arrived`: how many arrive.
    """
    last = max((each.due_since for each in earlier), default=None)
    if last is None or last <= now - WINDOW:
        return now + WINDOW if arrived > 1 else None
    return last if last > now else last + WINDOW


def taken_along(earlier: Iterable[Delivery], end: datetime) -> list[Delivery]:
    """Return those of a person's earlier mails that a fold takes along: nothing was done for them
    yet, and until its end they will not have waited longer than WINDOW.
    """
    return [
        each
        for each in earlier
        if each.state is DeliveryState.QUEUED
        and not each.sending
        and each.attempts == 0
        and end - each.queued_at <= WINDOW
    ]
