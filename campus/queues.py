"""The queues that the services' workers declare, by name, for who looks into the broker."""

from typing import Any

from chassis.subscriptions import Subscription


def names() -> list[str]:
    """Every subscription's queue."""
    # Imported late: only this needs the services' code.
    from services.library import worker as library
    from services.notify import worker as notify
    from services.notify.texts import Texts
    from services.progress import worker as progress
    from services.sessions import worker as sessions

    declared: list[Subscription[Any]] = [
        *library.subscriptions(),
        *notify.subscriptions(Texts(), ()),
        *progress.subscriptions(),
        *sessions.subscriptions(),
    ]
    return sorted(subscription.name for subscription in declared)
