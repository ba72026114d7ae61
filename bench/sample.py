"""A service of two parts made of the chassis alone, for measuring it.

`python -m bench.sample relay|worker|declare`. Its effect: one counter a key, counted up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chassis.operations.settings import Settings
from chassis.roles import main


@dataclass(frozen=True)
class ActivityCompleted:
    """An event of the contracts, small and typical."""

    enrolment_id: str
    run_id: str
    learner_id: str
    activity_id: str
    completed_at: datetime


QUEUE = "bench.effects"


def _store() -> Any:
    from chassis.data.migrations import Migration, adding
    from chassis.data.store import Store

    class SampleStore(Store):
        """Counters."""

        service = "progress"
        migrations = (Migration(1, "counters", adding({"effects": []})),)

    return SampleStore


def subscription() -> Any:
    """Counts each event under its key, a batch in one bulk write."""
    import pymongo
    from tandem.progress.v1 import events_pb2

    from chassis.messaging.subscriptions import Subscription

    def handle(store: Any, events: Sequence[Any]) -> None:
        store["effects"].bulk_write(
            [
                pymongo.UpdateOne({"_id": event.subject}, {"$inc": {"count": 1}}, upsert=True)
                for event in events
            ],
            ordered=False,
            session=store.session,
        )

    return Subscription(QUEUE, (events_pb2.ActivityCompleted,), handle)


def database(settings: Settings) -> Any:
    """The sample's database, prepared."""
    from chassis.roles import open_database

    return open_database(settings, "bench", _store())


def relay(settings: Settings) -> None:
    """Publish the sample's outbox."""
    from chassis.messaging import relay as runtime

    runtime.serve(settings, "bench")


def worker(settings: Settings) -> None:
    """Apply the sample's events."""
    from chassis import worker as runtime

    runtime.serve(settings, "bench", database(settings), [subscription()], [])


def migrate(settings: Settings) -> None:
    """Make the sample's database."""
    from chassis import roles

    roles.migrate(settings, "bench", _store())


def declare(settings: Settings) -> None:
    """Declare the sample's queue."""
    from chassis.messaging import topology

    topology.declare(settings.amqp_url, [subscription()])


if __name__ == "__main__":
    main(
        "bench",
        Settings,
        {"relay": relay, "worker": worker, "migrate": migrate, "declare": declare},
    )
