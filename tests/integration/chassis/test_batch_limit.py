"""Batches whose handler is slower than a transaction may be."""

import time
from typing import Any

from tandem.catalog.v1 import events_pb2

from chassis.contracts import events
from chassis.messaging.batch_limit import SECONDS, BatchLimit
from chassis.messaging.inbox_processor import Delivery, apply
from chassis.messaging.subscriptions import one_by_one
from tests.deep import only_deep
from tests.integration.chassis.bus import Bus, an_event

EACH = 0.2  # seconds; 400 of them are more than MongoDB's 60


@only_deep
def test_what_is_too_much_for_a_transaction_is_applied_in_parts(bus: Bus) -> None:
    """MongoDB ends the first try at 400 events; then they are halved, and later ones are parts."""

    def slow(store: Any, event: Any) -> None:
        time.sleep(EACH)
        store["effects"].insert_one({"_id": event.data.enrolment_id}, session=store.session)

    subscription, limit = (
        one_by_one("catalog.slow", {events_pb2.EnrolmentWithdrawn: slow}),
        BatchLimit(),
    )
    some = [an_event(f"e{number}") for number in range(450)]
    deliveries = [Delivery(events.body_of(e.data), events.headers_of(e)) for e in some]
    for batch in deliveries[:400], deliveries[400:]:
        dispositions = apply(bus.database, subscription, batch, batch_limit=limit)
        assert {disposition.kind for disposition in dispositions} == {"applied"}
    assert len(bus.database.mongo["effects"].distinct("_id")) == 450
    assert limit.rows <= SECONDS / EACH
