"""A worker whose timer always fails: python -m ...failing_timer worker."""

from datetime import timedelta
from typing import Any

from chassis.operations.settings import Settings
from chassis.roles import main
from tests.integration.chassis.bus_service import store_class


def worker(settings: Settings) -> None:
    """The worker role."""
    from chassis import worker as runtime
    from chassis.messaging.subscriptions import Timer
    from chassis.roles import open_database

    def fail(database: Any) -> None:
        database.mongo["ticks"].insert_one({})
        raise ValueError("no")

    timer: Timer[Any] = Timer("failing", timedelta(milliseconds=50), fail)
    runtime.serve(
        settings, "catalog", open_database(settings, "catalog", store_class()), [], [timer]
    )


if __name__ == "__main__":
    main("catalog", Settings, {"worker": worker})
