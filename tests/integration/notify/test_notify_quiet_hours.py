"""Quiet hours, muted runs, and what is urgent, with real mail."""

from datetime import UTC, datetime, timedelta
from email import message_from_string

import pytest

from chassis.testing import figure
from services.notify import announcer
from services.notify.domain.enums import (
    Category,
    DeliveryState,
    Frequency,
)
from services.notify.domain.messages import MUTED
from services.notify.domain.schedule import QuietHours
from tests.integration.notify.digests import assign, at, often, parsed, told_in
from tests.integration.notify.script import Script, playing
from tests.integration.notify.test_notify_sending import queue, server_at
from tests.integration.notify.world import HOUR, World

pytestmark = pytest.mark.usefixtures("monday")
MINUTE, DAY = timedelta(minutes=1), 24 * HOUR
NIGHT = QuietHours("22:00", "07:00")


def test_quiet_hours_hold_mail_back(world: World) -> None:
    """What comes in quiet hours is in the inbox at once, and is mailed when they end, with that
    date; also what a mail server that was away kept until then.
    """
    world.people("p", "q")
    for each in ("p", "q"):
        world.choose(each, quiet_hours=NIGHT)
    at(world, "2026-05-04T21:59")
    assign(world, "q", 1)  # no worker sends it in time
    at(world, "2026-05-04T22:00")
    assign(world, "p", 1)
    with playing(Script()) as script:
        world.send(server_at(script.url))
        assert script.texts == []
        assert world.notified() == ["p", "q"]
        held = world.mails_in(DeliveryState.WAITING)
        assert {each.send_at for each in held} == {datetime(2026, 5, 5, 6, tzinfo=UTC)}
        announcer.watch(world.database)
        assert figure("tandem_notify_oldest_mail_seconds") == 0
        at(world, "2026-05-05T06:59")
        world.send(server_at(script.url))
        assert script.texts == []
        at(world, "2026-05-05T07:00")
        world.send(server_at(script.url))
        dates = [message_from_string(each)["Date"] for each in script.texts]
    assert dates == ["Tue, 05 May 2026 06:00:00 +0000"] * 2
    assert len(world.mails_in(DeliveryState.DELIVERED)) == 2


def test_quiet_hours_hold_mail_of_the_version_before(world: World) -> None:
    """Mail that it queued lacks the fields of this version; it is held, and sent when they end."""
    queue(world, "p")
    new = {"digest_id": "", "send_at": ""}
    world.database.mongo["deliveries"].update_many({}, {"$unset": new})
    world.choose("p", quiet_hours=NIGHT)
    with playing(Script()) as script:
        for local, sent in (("2026-05-04T22:00", 0), ("2026-05-05T07:00", 1)):
            at(world, local)
            world.send(server_at(script.url))
            assert len(script.texts) == sent


def test_quiet_hours_that_are_taken_back(world: World) -> None:
    """What they held is mailed at once."""
    world.people("p")
    world.choose("p", quiet_hours=NIGHT)
    at(world, "2026-05-04T23:00")
    assign(world, "p", 1)
    with playing(Script()) as script:
        world.send(server_at(script.url))
        world.choose("p", quiet_hours=QuietHours("", ""))
        world.send(server_at(script.url))
        assert len(script.texts) == 1


def test_urgent_mail_waits_for_nothing(world: World) -> None:
    """A cancelled class is mailed at once: in quiet hours, of a muted run, with digests chosen."""
    world.people("p", "grace")
    world.run("p")
    world.schedule(2 * DAY)
    world.choose(
        "p", often(Frequency.WEEKLY, Category.SESSION), quiet_hours=NIGHT, mute_run_ids=("r1",)
    )
    at(world, "2026-05-04T23:00")
    world.tell(world.cancelled(DAY))
    world.broadcast()
    with playing(Script()) as script:
        world.send(server_at(script.url))
    assert sorted(str(each["To"]) for each in parsed(script)) == [
        "grace@example.com",
        "p@example.com",
    ]


def test_a_muted_run(world: World) -> None:
    """A muted run tells nothing that is not urgent, and what waits of it is not sent; its earlier
    messages stay in the inbox, other runs are told, and after it is unmuted, new messages come.
    """
    world.people("p")
    assign(world, "p", 1)
    world.choose("p", mute_run_ids=("r1",))
    assign(world, "p", 2)
    other = world.assigned("p", "Optics")
    other.run_id = "r2"
    world.tell(other)
    with playing(Script()) as script:
        world.send(server_at(script.url))
        assert len(script.texts) == 1
        assert len(world.notified()) == 2
        (unsent,) = world.mails_in(DeliveryState.FAILED)
        assert unsent.error == MUTED
        world.choose("p", unmute_run_ids=("r1",))
        assign(world, "p", 3)
        world.send(server_at(script.url))
        assert [told_in(each, 5) for each in parsed(script)] == [[], [3]]
