"""What is kept long enough is deleted, and nothing that is still of use."""

from datetime import timedelta

import pytest
from tandem.notify.v1 import notify_pb2, notify_pb2_grpc

from chassis.testing import ChannelFor
from services.notify import announcer
from services.notify.domain.enums import Channel, DeliveryState
from services.notify.domain.preferences import CategoryPreference
from tests.integration.notify.world import HOUR, World

YEAR, WEEKS = timedelta(days=400), timedelta(days=60)
KEPT = {"messages": YEAR, "deliveries": WEEKS, "broadcasts": YEAR}
COLLECTIONS = ("messages", "deliveries", "broadcasts")


def forget(world: World) -> dict[str, int]:
    """Let the timer run, twice; how many documents are left."""
    for _ in range(2):
        announcer.forget(world.database, KEPT)
    return {name: len(world.rows(name, {})) for name in COLLECTIONS}


def test_what_is_old_goes_and_the_numbers_go_on(
    world: World, channel_for: ChannelFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each kind after its own time, in chunks; what still waits stays; a new message has the next
    number, and a stream that knew the deleted one goes on with it.
    """
    monkeypatch.setattr(announcer, "FORGOTTEN", 2)
    people = ("ada", "bob", "eve", "grace")
    world.people(*people)
    world.run(*people[:3])
    world.schedule(48 * HOUR)
    world.tell(world.cancelled(48 * HOUR))
    world.broadcast()
    deliveries = world.database.mongo["deliveries"]
    finished = {"state": "DELIVERED", "finished_at": world.clock.now()}
    deliveries.update_many({"person_id": {"$ne": "eve"}}, {"$set": finished, "$unset": {"job": 1}})
    world.clock.at += WEEKS
    assert forget(world)["deliveries"] == 8  # not older than that
    world.clock.at += HOUR
    assert forget(world) == {"messages": 4, "deliveries": 1, "broadcasts": 1}
    (waits,) = world.deliveries()
    assert (waits.person_id, waits.channel, waits.state) == (
        "eve",
        Channel.EMAIL,
        DeliveryState.QUEUED,
    )
    world.clock.at += YEAR
    assert forget(world) == {"messages": 0, "deliveries": 1, "broadcasts": 0}
    world.tell(world.assigned("ada"))
    assert [row["number"] for row in world.rows("messages", {"person_id": "ada"})] == [2]
    stub = notify_pb2_grpc.NotifyServiceStub(channel_for("ada"))
    inbox = stub.ListMessages(notify_pb2.ListMessagesRequest(person_id="ada"))
    assert (len(inbox.messages), inbox.unread) == (1, 1)


def test_an_event_that_comes_again_in_time_tells_nothing_twice(world: World) -> None:
    """After 37 days, the longest that the history and a wait can take, its message is still known,
    also if nothing of it was shown or is in the log any more.
    """
    world.people("ada")
    world.choose("ada", CategoryPreference("CATCH_UP", (Channel.EMAIL,)))  # type: ignore[arg-type]
    event = world.event(world.assigned("ada"))
    world.hear("notify.triggers", event)
    world.clock.at += timedelta(days=37)
    shortest = dict.fromkeys(COLLECTIONS, WEEKS)
    announcer.forget(world.database, shortest)
    world.hear("notify.triggers", event)
    assert len(world.rows("messages", {})) == 1
