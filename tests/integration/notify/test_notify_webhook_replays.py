"""Events of the past are sent again to a webhook: parked ones, and those of history and archive."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pika
import pytest
from tandem.notify.v1 import webhooks_pb2

from chassis.archive.archive import Archive
from chassis.archive.archiver import Archiver
from chassis.archive.store import Bucket
from chassis.jobs.runner import Runner
from chassis.messaging import topology
from services.notify import webhook_replays
from services.notify.domain.webhooks import TRIED_FOR
from services.notify.webhook_events import subscription
from services.notify.webhook_replays import Replaying, replays
from tests.integration.chassis.archives import MemoryKeys
from tests.integration.notify.hooks import Hooks, now
from tests.integration.notify.receivers import Receiver
from tests.integration.processes import publish

DONE = webhooks_pb2.WEBHOOK_REPLAY_STATE_DONE
RUNNING = webhooks_pb2.WEBHOOK_REPLAY_STATE_RUNNING
DAY = timedelta(days=1)


@pytest.fixture
def hooks(hooks: Hooks, vhost: str) -> Hooks:
    """Webhooks, with a broker whose history is empty."""
    topology.declare(vhost, [subscription()])
    return hooks


def after_a_moment() -> datetime:
    """The next instant that differs from those of all ids made before: they have milliseconds."""
    end = now() + timedelta(milliseconds=2)
    while now() < end:
        pass
    return now()


def run(hooks: Hooks, vhost: str, archive: Archive | None = None) -> None:
    """Run the replays, and send what they queued."""
    Runner(hooks.database, replays(vhost, archive), hooks.system).run_due()
    hooks.after(timedelta(seconds=3))


def die_at_chunk(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a worker die at a chunk; the next ones live."""
    real, left = Replaying._queue, [number]

    def dying(self: Any, *arguments: Any) -> Any:
        left[0] -= 1
        if left[0] == 0:
            raise RuntimeError("the worker dies")
        return real(self, *arguments)

    monkeypatch.setattr(Replaying, "_queue", dying)


def test_a_range_of_the_history(
    hooks: Hooks, receiver: Receiver, vhost: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A webhook gets what was made in the range and matches, also what it got before, with the same
    ids; a worker that dies goes on where it was, and nothing is queued twice.
    """
    monkeypatch.setattr(webhook_replays, "CHUNK", 2)
    early = hooks.events(*(hooks.world.assigned(f"p{number}") for number in range(3)))
    began = after_a_moment()
    wanted = hooks.events(*(hooks.world.assigned(f"q{number}") for number in range(5)))
    other = hooks.events(hooks.world.enrolled("ada"))
    ended = after_a_moment()
    publish(vhost, *early, *wanted[:2], *other, *wanted[2:], *wanted[:1])
    webhook = hooks.create(receiver, "tandem.progress.#")
    hooks.hear(*wanted[:2])
    hooks.send()
    assert set(receiver.ids) == {each.id for each in wanted[:2]}
    shown = hooks.replay(webhook, began, ended)
    assert shown.id == webhook
    assert hooks.listed(webhook).replay.state == RUNNING

    die_at_chunk(3, monkeypatch)
    run(hooks, vhost)
    assert hooks.listed(webhook).replay.state == RUNNING
    hooks.system.at += timedelta(minutes=2)
    run(hooks, vhost)
    replay = hooks.listed(webhook).replay
    assert (replay.state, replay.queued) == (DONE, 6)  # one was published twice
    assert set(receiver.ids[2:]) == {each.id for each in wanted}
    assert receiver.repeats() == 2
    assert not replay.HasField("held_from")


def test_parked_events_and_what_is_not_held(hooks: Hooks, receiver: Receiver, vhost: str) -> None:
    """Parked events come again though the history has none of them, and the replay tells from when
    on it has any.
    """
    webhook = hooks.create(receiver)
    receiver.always = 500
    began = now()
    parked = hooks.tell(*(hooks.world.assigned(f"p{number}") for number in range(3)))
    hooks.send()
    hooks.after(TRIED_FOR)
    assert hooks.listed(webhook).parked == 3
    publish(vhost, *hooks.events(hooks.world.assigned("later")))
    receiver.always = 204
    hooks.replay(webhook, began - 2 * DAY, began - DAY)
    run(hooks, vhost)
    assert receiver.got == []
    hooks.replay(webhook, began - DAY)
    run(hooks, vhost)
    assert set(parked) < set(receiver.ids)  # they have keys of their own, and no order
    assert len(receiver.ids) == 4
    replay = hooks.listed(webhook).replay
    assert replay.queued == 4
    assert replay.held_from.ToDatetime() >= began.replace(tzinfo=None)
    assert hooks.listed(webhook).parked == 0


def test_a_replay_of_a_deleted_webhook(hooks: Hooks, receiver: Receiver, vhost: str) -> None:
    """It ends, and leaves nothing."""
    webhook = hooks.create(receiver)
    publish(vhost, *hooks.events(hooks.world.assigned("ada")))
    hooks.replay(webhook, datetime.fromtimestamp(0, now().tzinfo), now())
    hooks.operator.DeleteWebhook(webhooks_pb2.DeleteWebhookRequest(webhook_id=webhook))
    run(hooks, vhost)
    assert not receiver.paths
    assert hooks.database.mongo["webhook_replays"].count_documents({}) == 0
    with pytest.raises(grpc.RpcError):
        hooks.replay(webhook, now() - DAY)


def test_what_the_history_no_longer_has(
    hooks: Hooks,
    receiver: Receiver,
    vhost: str,
    bucket: Bucket,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Events come from the archive, once, and then those that the history has beyond it, also if a
    worker dies between. Without the archive, or if its file is damaged, the replay tells from when
    on all is held.
    """
    monkeypatch.setattr(webhook_replays, "CHUNK", 2)
    began = now()
    old = hooks.events(*(hooks.world.assigned(f"p{number}") for number in range(3)))
    publish(vhost, *old)
    Archiver(vhost, bucket, MemoryKeys(), lambda: None).archive()
    with pika.BlockingConnection(pika.URLParameters(vhost)) as connection:
        connection.channel().queue_delete(topology.HISTORY)
    topology.declare(vhost, [subscription()])  # the history begins anew
    middle = after_a_moment()
    new = hooks.events(hooks.world.assigned("late"))
    publish(vhost, *new)
    webhook = hooks.create(receiver, "tandem.progress.#")

    hooks.replay(webhook, began)
    die_at_chunk(2, monkeypatch)
    run(hooks, vhost, Archive(bucket))
    assert len(receiver.ids) == 1
    hooks.system.at += timedelta(minutes=2)
    run(hooks, vhost, Archive(bucket))
    replay = hooks.listed(webhook).replay
    assert Counter(receiver.ids) == Counter(each.id for each in (*old, *new))
    assert (replay.state, replay.queued) == (DONE, 4)

    (file,) = [each.key for each in bucket.listed("events/")]
    bucket.put(file, b"")
    for archive in (Archive(bucket), None):
        receiver.got.clear()
        hooks.replay(webhook, began)
        run(hooks, vhost, archive)
        assert receiver.ids == [each.id for each in new]
        held_from = hooks.listed(webhook).replay.held_from.ToDatetime(UTC)
        assert middle <= held_from + timedelta(milliseconds=1)
