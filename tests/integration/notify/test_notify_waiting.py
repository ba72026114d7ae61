"""What may happen while messages wait for digests and the end of quiet hours."""

import random
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.notify.domain.enums import (
    Category,
    Channel,
    DeliveryState,
    Frequency,
    Weekday,
)
from services.notify.domain.messages import UNKNOWN, UNWANTED, VANISHED, Mail
from services.notify.domain.messages import SendResult as Result
from services.notify.domain.schedule import DigestTime, QuietHours, Schedule
from services.notify.mail import MailServer
from services.notify.usecases.digests import place_anew
from tests.integration.notify.digests import (
    assign,
    assign_all,
    at,
    often,
    parsed,
    told_in,
)
from tests.integration.notify.script import Script, playing
from tests.integration.notify.test_notify_claims import LEASE, Dying, Killed
from tests.integration.notify.test_notify_sending import server_at
from tests.integration.notify.world import World, names, person

pytestmark = pytest.mark.usefixtures("monday")
NIGHT = QuietHours("22:00", "07:00")
ZONES = ("Europe/Dublin", "America/New_York", "Asia/Kathmandu", "Pacific/Apia")


def test_off_is_off_while_it_waits(world: World) -> None:
    """What is turned off while it waits is not sent; what is turned on again in time is."""
    world.people("p", "q")
    for each in ("p", "q"):
        world.choose(each, often(Frequency.DAILY))
        assign(world, each, 1)
        world.choose(each, often(Frequency.OFF))
    world.choose("q", often(Frequency.WEEKLY))
    with playing(Script()) as script:
        for day in ("05", "11"):
            at(world, f"2026-05-{day}T07:00")
            world.send(server_at(script.url))
    (mail,) = parsed(script)
    assert mail["To"] == "q@example.com"
    (unsent,) = world.mails_in(DeliveryState.FAILED)
    assert (unsent.person_id, unsent.error) == ("p", UNWANTED)


def test_the_version_before_sets_channels_only(world: World) -> None:
    """What it stores is read as it was meant: each channel at once."""
    row = {"_id": "p", "channels": {"CATCH_UP": ["EMAIL"], "SEAT": []}}
    world.database.mongo["preferences"].insert_one(row)
    choice = world.database.reader().choices(["p"])["p"]
    assert choice.categories == {
        Category.CATCH_UP: {Channel.EMAIL: Frequency.IMMEDIATE},
        Category.SEAT: {},
    }


def test_a_change_of_zone_moves_what_waits(world: World) -> None:
    """A digest that waits comes at 7:00 of the zone that the person has by then, once."""
    world.people("p")
    world.choose("p", often(Frequency.DAILY))
    assign(world, "p", 1)
    world.people("p", zone="America/New_York")
    with playing(Script()) as script:
        for local, sent in (
            ("2026-05-04T11:59", 0),
            ("2026-05-04T12:00", 1),
            ("2026-05-05T07:00", 1),
            ("2026-05-05T12:00", 1),
        ):
            at(world, local)
            world.send(server_at(script.url))
            assert len(script.texts) == sent


def test_a_message_of_a_window_that_has_just_ended(world: World) -> None:
    """A unit of work that began before a digest was due, and commits after it was sent, adds to
    the next digest: the window has one, and nothing is lost.
    """
    world.people("p")
    world.choose("p", often(Frequency.DAILY))
    assign(world, "p", 1)
    with playing(Script()) as script:
        at(world, "2026-05-05T07:00")
        world.send(server_at(script.url))
        at(world, "2026-05-05T06:59")
        assign(world, "p", 2)
        at(world, "2026-05-05T07:01")
        world.send(server_at(script.url))
        assert len(script.texts) == 1
        at(world, "2026-05-06T07:00")
        world.send(server_at(script.url))
    assert [told_in(each, 5) for each in parsed(script)] == [[1], [2]]


def test_a_digest_that_is_being_sent_keeps_what_it_has(world: World) -> None:
    """A choice that is made while it is sent moves nothing of it: nothing is mailed twice."""
    world.people("p")
    world.choose("p", often(Frequency.DAILY))
    assign(world, "p", 1)

    class Changing(MailServer):
        """A server during whose work the person changes the choice."""

        def send(self, mail: Mail) -> Result:
            world.choose("p", often(Frequency.HOURLY), digest_time=DigestTime(8))
            return super().send(mail)

    with playing(Script()) as script:
        at(world, "2026-05-05T07:00")
        world.send(Changing(script.url, "tandem@university.example", timeout=60))
        at(world, "2026-05-06T12:00")
        world.send(server_at(script.url))
        assert len(script.texts) == 1
    assert len(world.mails_in(DeliveryState.DELIVERED)) == 1


def test_a_worker_that_is_killed_while_it_sends_digests(world: World) -> None:
    """No digest is sent twice: those that the worker had marked are given up, each message with
    that reason; those of other batches are sent by others.
    """
    people = names(30, "p")
    world.people(*people)
    for each in people:
        world.choose(each, often(Frequency.DAILY))
        assign(world, each, 1, 2)
    at(world, "2026-05-05T07:00")
    with playing(Script()) as script:
        world.release()
        with pytest.raises(Killed):
            world.digests(Dying(script.url, "t@university.example", timeout=60)).run_due()
        world.system.at += LEASE + timedelta(seconds=1)
        world.send(server_at(script.url))
        assert len(script.texts) == 1 + 10
    lost = world.mails_in(DeliveryState.FAILED)
    assert [each.error for each in lost] == [UNKNOWN] * 40
    assert len(world.mails_in(DeliveryState.DELIVERED)) == 20


def test_workers_and_timers_side_by_side(world: World) -> None:
    """Many workers that release and send, while choices change and messages come: each message is
    mailed once.
    """
    people = names(40, "p")
    world.people(*people)
    for each in people:
        world.choose(each, often(Frequency.DAILY))
    assign_all(world, people, 1)
    at(world, "2026-05-05T07:00")
    errors: list[BaseException] = []

    def guarded(work: Any) -> None:
        try:
            work()
        except BaseException as error:
            errors.append(error)

    def change() -> None:
        for each in people:
            world.choose(each, often(Frequency.HOURLY))

    with playing(Script()) as script:
        threads = [
            threading.Thread(target=guarded, args=(work,))
            for work in (
                *[lambda: world.send(server_at(script.url))] * 3,
                change,
                lambda: assign_all(world, people, 2),
            )
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        # A message that came while its person changed the choice may follow the one before.
        at(world, "2026-05-06T07:00")
        world.send(server_at(script.url))
    assert errors == []
    told = Counter(
        (str(mail["To"]), number) for mail in parsed(script) for number in told_in(mail, 5)
    )
    assert told == {(f"{each}@example.com", number): 1 for each in people for number in (1, 2)}


def next_end(world: World) -> datetime | None:
    """The next instant at which a window or quiet hours end for which something waits."""
    waiting: dict[str, Any] = {"state": "WAITING"}
    rows = world.rows("digests", waiting) + world.rows("deliveries", {**waiting, "digest_id": ""})
    return min((row["send_at"] for row in rows), default=None)


def test_whatever_is_changed_while_messages_wait(world: World) -> None:
    """Messages, choices, quiet hours, zones and time in any order: each message that was not over
    by then is mailed once, and no mail comes in quiet hours.
    """
    seed = random.randrange(10**9)
    dice = random.Random(seed)
    zone, quiet, made = "Europe/Dublin", NIGHT, 0
    frequencies = [each for each in Frequency if each is not Frequency.OFF]
    world.people("p")
    world.choose("p", quiet_hours=quiet)
    world.clock.at = datetime(2026, 10, 20, tzinfo=UTC)  # clocks change in these weeks
    with playing(Script()) as script:

        def go_on(to: datetime) -> None:
            world.clock.at, before = to, len(script.texts)
            world.send(server_at(script.url))
            is_quiet = Schedule(zone, quiet_hours=quiet).quiet_until(to) > to
            assert not (is_quiet and len(script.texts) > before), seed

        for _ in range(60):
            match dice.randrange(5):
                case 0 | 1:
                    assign(world, "p", made)
                    made += 1
                case 2:
                    time = DigestTime(dice.randrange(24), dice.choice(list(Weekday)))
                    world.choose("p", often(dice.choice(frequencies)), digest_time=time)
                case 3:
                    start, end = (f"{each:02}:30" for each in dice.sample(range(24), 2))
                    quiet = QuietHours(start, end)
                    world.choose("p", quiet_hours=quiet)
                case 4:
                    zone = dice.choice(ZONES)
                    world.hear("notify.people", world.event(person("p", "en", zone)))
            go_on(world.clock.at + timedelta(minutes=dice.choice((0, 7, 61, 600))))
        while due := next_end(world):
            go_on(due)
        told = Counter(number for mail in parsed(script) for number in told_in(mail, made))
    unsent = world.mails_in(DeliveryState.FAILED)
    assert {each.error for each in unsent} <= {VANISHED}, seed
    assert len(told) + len(unsent) == made, seed
    assert max(told.values(), default=1) == 1, seed
    assert world.mails_in(DeliveryState.QUEUED) == [], seed


def test_a_delivery_of_a_digest_that_is_gone_is_placed_anew(world: World) -> None:
    """If a digest's document is lost, the next change of a choice finds its messages another."""
    world.people("p")
    world.choose("p", often(Frequency.DAILY))
    assign(world, "p", 1)
    world.database.mongo["digests"].delete_many({})
    world.database.transact(lambda store: place_anew(store, ["p"]))
    at(world, "2026-05-05T07:00")
    with playing(Script()) as script:
        world.send(server_at(script.url))
        assert len(script.texts) == 1
