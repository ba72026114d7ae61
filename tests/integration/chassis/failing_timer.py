"""A worker whose timer always fails: python -m ...failing_timer worker."""

from datetime import timedelta
from typing import Any

from chassis.roles import main
from chassis.settings import Settings
from tests.integration.chassis.bus_service import store_class


def worker(settings: Settings) -> None:
    """The worker role."""
    from chassis import worker as runtime
    from chassis.roles import open_database
    from chassis.subscriptions import Timer

    def fail(database: Any) -> None:
        database.mongo["ticks"].insert_one({})
        raise ValueError("no")

    timer: Timer[Any] = Timer("failing", timedelta(milliseconds=50), fail)
    runtime.serve(
        settings, "catalog", open_database(settings, "catalog", store_class()), [], [timer]
    )


if __name__ == "__main__":
    main("catalog", Settings, {"worker": worker})
