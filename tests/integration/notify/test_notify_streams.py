"""Streams of messages: nothing is lost or told twice, whatever ends them."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from tandem.notify.v1 import notify_pb2, notify_pb2_grpc

from chassis.edge.grpc import following
from chassis.edge.methods import Servicer
from chassis.testing import running
from services.notify.api import NotifyApi
from tests.integration.notify.world import TEXTS, World

WRITERS, EACH = 4, 15


def write(world: World, writer: int) -> None:
    """Tell ada and another person of catch-ups, in units of work that conflict with others'."""
    for number in range(EACH):
        for learner in ("ada", f"bob{writer}"):
            assigned: Any = world.assigned(learner)
            assigned.catch_up_id = f"{learner}-{writer}-{number}"
            world.hear("notify.triggers", world.event(assigned))


def inbox(world: World) -> list[str]:
    """The messages of ada's inbox, in order."""
    return [each.id for each in world.database.reader().inbox_after("ada", 0, 1_000)]


def read_some(channel: grpc.Channel, after: str, most: int) -> list[str]:
    """The next messages after one. The stream is open when its replica ends."""
    request = notify_pb2.StreamMessagesRequest(person_id="ada", after_message_id=after)
    stream: Any = notify_pb2_grpc.NotifyServiceStub(channel).StreamMessages(request)
    return [each.id for each in itertools.islice(stream, most)]


def test_a_stream_goes_on_at_another_replica(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each message comes once, in the order of the inbox, over as many replicas that end in the
    middle, while many units of work write at once.
    """
    monkeypatch.setattr(following, "PAUSE", 0.02)
    monkeypatch.setattr(following, "CHUNK", 5)
    world.people("ada", *(f"bob{writer}" for writer in range(WRITERS)))
    world.tell(world.assigned("ada"))
    received = inbox(world)
    left = WRITERS * EACH
    servicer = Servicer(
        NotifyApi(world.database, TEXTS), notify_pb2.DESCRIPTOR.services_by_name["NotifyService"]
    )
    with ThreadPoolExecutor(WRITERS) as writers:
        writing = [writers.submit(write, world, number) for number in range(WRITERS)]
        while left:
            most = min(17, left)
            with running([servicer], world.database) as channel_for:
                received += read_some(channel_for("ada"), received[-1], most)
            left -= most
        for each in writing:
            each.result()
    assert received == inbox(world)
