"""Queries of the delivery log, and of what notify has applied."""

from collections.abc import Iterator

from tandem.notify.v1 import notify_pb2
from tandem.notify.v1 import resources_pb2 as notify

from campus.demo.world import World
from campus.paging import rows_of
from chassis.data.store import connect
from chassis.messaging.inbox import inbox_id


def deliveries(world: World) -> Iterator[notify.Delivery]:
    """Return the deliveries to all people, newest first."""
    operator = world.campus.calling_as("operator", "operator")
    request = notify_pb2.ListDeliveriesRequest(page_size=1000)
    return rows_of(operator.notify.ListDeliveries, request, "deliveries")


def finished(world: World) -> int:
    """Return how many deliveries succeeded or were given up."""
    return sum(row.state != notify.DELIVERY_STATE_QUEUED for row in deliveries(world))


def queued(world: World) -> int:
    """Return how many deliveries are still queued."""
    return sum(row.state == notify.DELIVERY_STATE_QUEUED for row in deliveries(world))


def wait_for(world: World, what: str, before: int, count: int) -> None:
    """Wait until `count` more deliveries than `before` are finished, and none is queued."""
    world.until(what, lambda: finished(world) >= before + count and not queued(world))


def applied(world: World, subscription: str) -> int:
    """Return how many events one of notify's subscriptions has applied.

    What is told together, later, is in no log before that: the clock may only jump when all of it
    has arrived.
    """
    begin, end = inbox_id(subscription, ""), inbox_id(subscription, "\uffff")
    with connect(world.platform.environment()["TANDEM_MONGO_URL"], "tandem-demo") as client:
        rows = client["tandem_notify"]["inbox"]
        return rows.count_documents({"_id": {"$gt": begin, "$lt": end}})
