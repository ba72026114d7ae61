"""Digests, quiet hours and muted runs, with a real database and real mail."""

import random
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from email import message_from_string
from email.policy import default
from typing import Any

import pytest
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.progress.v1 import events_pb2 as progress

from chassis.testing import figure
from services.notify import announcer
from services.notify.domain.enums import (
    Category,
    Channel,
    DeliveryState,
    Frequency,
    Weekday,
)
from services.notify.domain.messages import EMPTY, MUTED, UNKNOWN, UNWANTED, VANISHED, Mail
from services.notify.domain.messages import SendResult as Result
from services.notify.domain.preferences import CategoryPreference, ChannelFrequency
from services.notify.domain.schedule import DigestTime, QuietHours, Schedule
from services.notify.mail import MailServer
from services.notify.usecases.digests import place_anew
from tests.integration.notify.script import Script, playing
from tests.integration.notify.test_notify_claims import LEASE, Dying, Killed
from tests.integration.notify.test_notify_sending import queue, server_at
from tests.integration.notify.world import HOUR, Mailbox, World, chunks, names, person, text_of

MINUTE, DAY = timedelta(minutes=1), 24 * HOUR
NIGHT = QuietHours("22:00", "07:00")
ZONES = ("Europe/Dublin", "America/New_York", "Asia/Kathmandu", "Pacific/Apia")
MONDAY = datetime(2026, 5, 4, 9, tzinfo=UTC)  # 10:00 in Dublin


def often(frequency: Frequency, category: Category = Category.CATCH_UP) -> CategoryPreference:
    """E-mail this often, and the inbox."""
    inbox = ChannelFrequency(Channel.IN_APP, Frequency.IMMEDIATE)
    return CategoryPreference(category, (), (inbox, ChannelFrequency(Channel.EMAIL, frequency)))


@pytest.fixture(autouse=True)
def monday(world: World) -> None:
    """It is a Monday morning."""
    world.clock.at = MONDAY


def at(world: World, local: str) -> None:
    """Go on to a time of Dublin's summer (an hour before UTC)."""
    world.clock.at = datetime.fromisoformat(f"{local}+01:00").astimezone(UTC)


def assign(world: World, learner: str, *numbers: int) -> None:
    """Tell a learner of catch-ups, each of its own."""
    for number in numbers:
        assigned = world.assigned(learner, f"Lesson {number}.")
        assigned.catch_up_id, assigned.run_id = f"c-{learner}-{number}", "r1"
        world.tell(assigned)


def title_of(number: int) -> str:
    """What the message of a catch-up says of it."""
    return f"Lesson {number}."


def parsed(script: Script) -> list[Any]:
    """The mails that a server got."""
    return [message_from_string(each, policy=default) for each in script.texts]


def told_in(mail: Any, most: int) -> list[int]:
    """The numbers of the catch-ups that a mail tells of."""
    return [number for number in range(most) if title_of(number) in text_of(mail)]


def test_a_daily_digest(world: World, mailbox: Mailbox, ada: str) -> None:
    """The inbox has messages at once; one mail at 7:00 has all of a day by run, and each of them
    has its outcome; the next day has a digest of its own, and a day without messages none.
    """
    world.people(ada)
    world.run(ada)
    world.choose(ada, often(Frequency.DAILY))
    assign(world, ada, 1)
    world.clock.forward(hours=3)
    assign(world, ada, 2)
    assert world.notified() == [ada, ada]
    waiting = world.mails_in(DeliveryState.WAITING)
    assert {each.send_at for each in waiting} == {datetime(2026, 5, 5, 6, tzinfo=UTC)}
    assert len({each.digest_id for each in waiting}) == 1
    at(world, "2026-05-05T06:59")
    world.send(mailbox.server())
    assert mailbox.mails(ada) == []
    at(world, "2026-05-05T07:00")
    world.send(mailbox.server())
    (mail,) = mailbox.mails(ada)
    assert mail["Subject"] == "Your digest: 2 messages"
    assert "Physics & Waves" in text_of(mail)
    assert told_in(mail, 5) == [1, 2]
    assert text_of(mail).count("Dear") == 1
    assert len(world.mails_in(DeliveryState.DELIVERED)) == 2
    assert world.published() == ["delivered.v1"] * 4
    at(world, "2026-05-05T12:00")
    assign(world, ada, 3)
    for day in (6, 7, 8):
        at(world, f"2026-05-{day:02}T07:00")
        world.send(mailbox.server())
    _, second = mailbox.mails(ada)
    assert told_in(second, 5) == [3]
    assert second["Subject"] == "Your digest: 1 message"
    assert world.rows("digests", {"state": {"$in": ["WAITING", "QUEUED"]}}) == []


def test_a_digest_in_german(world: World, mailbox: Mailbox, ada: str) -> None:
    """A digest is in the language of its person; messages of no run come last."""
    world.people(ada, language="de-AT")
    world.choose(ada, often(Frequency.DAILY))
    world.tell(world.assigned(ada, "Wellen"))
    at(world, "2026-05-05T07:00")
    world.send(mailbox.server())
    (mail,) = mailbox.mails(ada)
    assert mail["Subject"] == "Ihre Zusammenfassung: 1 Mitteilung"
    assert "Weitere Mitteilungen" in text_of(mail)


@pytest.mark.parametrize(
    ("frequency", "before", "due"),
    [
        (Frequency.HOURLY, "2026-05-04T10:59", "2026-05-04T11:00"),
        (Frequency.DAILY, "2026-05-04T17:59", "2026-05-04T18:00"),
        (Frequency.WEEKLY, "2026-05-08T17:59", "2026-05-08T18:00"),
    ],
)
def test_digests_come_when_they_were_chosen(
    world: World, frequency: Frequency, before: str, due: str
) -> None:
    """Hourly at the full hour, daily at the hour, weekly on the day that the person chose."""
    world.people("p")
    world.choose("p", often(frequency), digest_time=DigestTime(18, Weekday.FRIDAY))
    assign(world, "p", 1)
    with playing(Script()) as script:
        at(world, before)
        world.send(server_at(script.url))
        assert script.texts == []
        at(world, due)
        world.send(server_at(script.url))
        assert len(script.texts) == 1


def test_what_is_due_together_is_one_mail(world: World) -> None:
    """Daily and weekly digests that are due at one instant are one mail."""
    world.people("p")
    world.choose("p", often(Frequency.DAILY), often(Frequency.WEEKLY, Category.DEADLINE))
    world.run("p")
    extended = catalog.DueExtended(
        enrolment_id="r1-p", run_id="r1", learner_id="p", activity_id="essay"
    )
    extended.until.FromDatetime(MONDAY + 30 * DAY)
    world.tell(extended)
    at(world, "2026-05-10T12:00")
    assign(world, "p", 1)
    at(world, "2026-05-11T07:00")
    with playing(Script()) as script:
        world.send(server_at(script.url))
    (mail,) = parsed(script)
    assert mail["Subject"] == "Your digest: 2 messages"


def test_a_digest_tells_what_still_stands(world: World) -> None:
    """What newer news has overtaken, what was turned off, and what is of a muted run is left out,
    with its reason; of nothing that is left there is no mail.
    """
    world.people("p", "q")
    for each in ("p", "q"):
        world.choose(each, often(Frequency.DAILY), often(Frequency.DAILY, Category.DEADLINE))
    assign(world, "p", 1, 2)
    assign(world, "q", 3)
    for learner, number in (("p", 1), ("q", 3)):
        withdrawn: Any = world.ended(progress.CatchUpWithdrawn, learner)
        withdrawn.catch_up_id = f"c-{learner}-{number}"
        world.hear("notify.triggers", world.event(withdrawn, sequence=9))
    at(world, "2026-05-05T07:00")
    with playing(Script()) as script:
        world.send(server_at(script.url))
    (mail,) = parsed(script)
    assert told_in(mail, 5) == [2]
    unsent = world.mails_in(DeliveryState.FAILED)
    assert sorted((each.person_id, each.error) for each in unsent) == [
        ("p", VANISHED),
        ("q", VANISHED),
    ]
    assert {each["error"] for each in world.rows("digests", {"person_id": "q"})} == {EMPTY}


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


def test_quiet_hours_hold_mail_back(world: World) -> None:
    """What comes in quiet hours is in the inbox at once, and is mailed when they end; also what a
    mail server that was away kept until then.
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
        assert len(script.texts) == 2
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


def test_the_version_before_sets_channels_only(world: World) -> None:
    """What it stores is read as it was meant: each channel at once."""
    row = {"_id": "p", "channels": {"CATCH_UP": ["EMAIL"], "SEAT": []}}
    world.database.mongo["preferences"].insert_one(row)
    choice = world.database.reader().choices(["p"])["p"]
    assert choice.categories == {
        Category.CATCH_UP: {Channel.EMAIL: Frequency.IMMEDIATE},
        Category.SEAT: {},
    }


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


@pytest.mark.parametrize("answer", ["451 4.2.0 later", "550 5.1.1 nobody"])
def test_the_outcome_of_a_digest_is_that_of_its_messages(world: World, answer: str) -> None:
    """A digest that is put off is sent again, with all its messages; one that is refused has
    failed with all of them.
    """
    world.people("p")
    world.choose("p", often(Frequency.DAILY))
    assign(world, "p", 1, 2)
    at(world, "2026-05-05T07:00")
    with playing(Script(rcpt=[answer])) as script:
        world.send(server_at(script.url))
        world.system.at += timedelta(minutes=5)
        world.send(server_at(script.url))
    if answer.startswith("4"):
        (mail,) = parsed(script)
        assert told_in(mail, 5) == [1, 2]
        assert {each.attempts for each in world.mails_in(DeliveryState.DELIVERED)} == {2}
    else:
        assert script.texts == []
        errors = [each.error for each in world.mails_in(DeliveryState.FAILED)]
        assert errors == ["the mail server answered 550 5.1.1"] * 2
        assert world.published() == ["delivered.v1"] * 2 + ["failed.v1"] * 2


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


def assign_all(world: World, people: Any, number: int) -> None:
    """Tell each of these people of a catch-up."""
    for each in people:
        assign(world, each, number)


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


def test_many_digests_are_found_by_an_index(world: World) -> None:
    """The timer finds those that are due, and a digest what it collected, without looking at
    others.
    """
    people = names(300, "p")
    world.people(*people)
    for each in chunks(people, 100):
        for one in each:
            world.choose(one, often(Frequency.DAILY))
        world.hear("notify.triggers", *(world.event(world.assigned(one)) for one in each))
    mongo = world.database.mongo
    due = {"state": "WAITING", "send_at": {"$lte": world.clock.now()}}
    (digest,) = world.rows("digests", {"person_id": people[7]})
    mine = {
        "person_id": {"$in": [people[7]]},
        "digest_id": {"$in": [digest["_id"]]},
        "state": "WAITING",
    }
    for collection, query, found in (
        ("digests", due, 0),
        ("deliveries", {**due, "digest_id": ""}, 0),
        ("deliveries", mine, 1),
        ("deliveries", {"person_id": {"$in": [people[7]]}, "state": "WAITING"}, 1),
    ):
        command = {"find": collection, "filter": query}
        plan = mongo.command("explain", command, verbosity="executionStats")["executionStats"]
        assert (plan["nReturned"], plan["totalDocsExamined"]) == (found, found)
        assert plan["totalKeysExamined"] <= found + 2
    announcer.watch(world.database)
    assert figure("tandem_notify_digests_waiting") == 300
    at(world, "2026-05-05T07:10")
    announcer.watch(world.database)
    assert figure("tandem_notify_oldest_digest_seconds") == 600
    with playing(Script()) as script:
        world.send(server_at(script.url))
        assert len(script.texts) == 300
    announcer.watch(world.database)
    assert [each.person_id for each in world.database.reader().of_mail(digest["_id"])] == [
        people[7]
    ]
    told = {"$or": [{"_id": digest["_id"]}, {"digest_id": digest["_id"], "sent_to": {"$gt": ""}}]}
    command = {"find": "deliveries", "filter": told}
    plan = mongo.command("explain", command, verbosity="executionStats")["executionStats"]
    assert plan["nReturned"] == 1
    assert plan["totalDocsExamined"] <= 2  # each branch of the query looks at it
    assert figure("tandem_notify_digests_waiting") == 0
    assert figure("tandem_notify_oldest_digest_seconds") == 0


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
