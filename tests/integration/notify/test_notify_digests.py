"""Digests, with a real database and real mail."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.progress.v1 import events_pb2 as progress

from chassis.testing import figure
from services.notify import announcer
from services.notify.domain.enums import (
    Category,
    DeliveryState,
    Frequency,
    Weekday,
)
from services.notify.domain.messages import EMPTY, VANISHED
from services.notify.domain.schedule import DigestTime
from tests.integration.notify.digests import MONDAY, assign, at, often, parsed, told_in
from tests.integration.notify.script import Script, playing
from tests.integration.notify.test_notify_sending import server_at
from tests.integration.notify.world import HOUR, Mailbox, World, chunks, names, text_of

pytestmark = pytest.mark.usefixtures("monday")
MINUTE, DAY = timedelta(minutes=1), 24 * HOUR


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
