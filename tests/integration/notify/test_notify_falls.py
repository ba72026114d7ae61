"""Falling behind: the learner is told kindly and seldom, who teaches of all of them at once."""

from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.message import Message as Proto
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.options.v1 import options_pb2
from tandem.progress.v1 import events_pb2 as progress
from tandem.progress.v1 import resources_pb2 as resources

from chassis.messaging.subscriptions import Wait
from services.notify import announcer
from services.notify.domain.fall_news import QUIET_FOR, SETTLE
from services.notify.domain.messages import VANISHED
from tests.integration.notify.world import TEXTS, Mailbox, World, text_of

QUEUE = "notify.falling_behind"
OVERDUE = resources.BEHIND_REASON_KIND_OVERDUE_WORK
SILENCE = resources.BEHIND_REASON_KIND_SILENCE
TEACHER, OBSERVER = options_pb2.STAFF_ROLE_TEACHER, options_pb2.STAFF_ROLE_OBSERVER


@pytest.fixture
def taught(world: World, ada: str) -> World:
    """A run in which ada and bob learn and grace teaches; alan teaches the group of bob alone, and
    olga observes.
    """
    world.people(ada, "bob", "grace", "alan", "olga")
    staff(world)
    world.enrol(ada, "bob")
    member = catalog.GroupMemberChanged(
        enrolment_id="r1-bob", run_id="r1", learner_id="bob", group_ids=["group-b"]
    )
    world.hear("notify.rosters", world.event(member))
    return world


def staff(world: World, *teachers: str) -> None:
    """The run has its staff from now on, and these teachers."""
    opened = catalog.RunOpened(run_id="r1", title="Physics & Waves", instructor_ids=["grace"])
    for person, role, groups in (
        ("grace", TEACHER, ()),
        ("alan", TEACHER, ("group-b",)),
        ("olga", OBSERVER, ()),
        *((each, TEACHER, ()) for each in teachers),
    ):
        opened.staff.add(person_id=person, role=role, group_ids=groups)
    world.hear("notify.rosters", world.event(opened))


def fell(learner: str, **counts: float) -> Proto:
    """The event that a learner fell behind; two pieces of overdue work unless `counts` tells."""
    event = progress.LearnerFellBehind(
        enrolment_id=f"r1-{learner}", run_id="r1", learner_id=learner
    )
    for kind, value in (counts or {"OVERDUE_WORK": 2}).items():
        named: Any = f"BEHIND_REASON_KIND_{kind}"
        event.reasons.add(kind=named, value=value, limit=1)
    return event


def recovered(learner: str) -> Proto:
    """The event that a learner is not behind any more."""
    return progress.LearnerRecovered(enrolment_id=f"r1-{learner}", run_id="r1", learner_id=learner)


def hear(world: World, *data: Proto) -> None:
    """Let events come in, all at once."""
    world.hear(QUEUE, *map(world.event, data))


def settle(world: World, seconds: float = SETTLE.total_seconds()) -> None:
    """Let the time pass after which people are told."""
    world.clock.forward(seconds=seconds)
    announcer.tell_falls(world.database, TEXTS)


def test_the_learner_is_told_why_in_plain_words(taught: World, mailbox: Mailbox, ada: str) -> None:
    """Ten minutes later, by mail too, and not urgently; days are whole."""
    hear(taught, fell(ada, OVERDUE_WORK=1, SILENCE=9.7))
    assert taught.notified() == []
    settle(taught)
    settle(taught)
    assert taught.notified("Back on track") == [ada]
    taught.send(mailbox.server())
    (mail,) = mailbox.mails(ada)
    assert mail["Subject"] == "Back on track: Physics & Waves"
    assert "- A required activity is past the deadline." in text_of(mail)
    assert "- You were last here 9 days ago." in text_of(mail)
    (message,) = taught.rows("messages", {"person_id": ada})
    assert (message["urgent"], message["category"]) == (False, "PROGRESS")


def test_who_teaches_is_told_of_all_of_the_own_groups_at_once(taught: World, ada: str) -> None:
    """By name, with the numbers; who only observes is not told."""
    hear(taught, fell(ada, OVERDUE_WORK=3))
    taught.clock.forward(seconds=60)
    hear(taught, fell("bob", SILENCE=12.0))
    settle(taught)
    by_person = {row["person_id"]: row for row in taught.rows("messages", {})}
    assert by_person["grace"]["title"] == "2 learners have fallen behind: Physics & Waves"
    assert "required activities past the deadline: 3" in by_person["grace"]["body"]
    assert by_person["alan"]["title"] == "1 learner has fallen behind: Physics & Waves"
    assert "days since the last activity: 12" in by_person["alan"]["body"]
    assert "past the deadline" not in by_person["alan"]["body"]
    assert "olga" not in by_person


def test_a_thousand_falls_are_one_message(taught: World) -> None:
    """It lists some and counts all; the learners who are not known by name by their ids."""
    learners = [f"l{number}" for number in range(1_200)]
    taught.people(*learners)
    taught.enrol(*learners)
    hear(taught, *map(fell, learners[:600]))
    hear(taught, *map(fell, learners[600:]))
    settle(taught)
    (message,) = taught.rows("messages", {"person_id": "grace"})
    assert message["title"] == "1200 learners have fallen behind: Physics & Waves"
    assert "... and 1180 more" in message["body"]
    assert len(taught.notified("Back on track")) == 1_200


def test_who_recovered_meanwhile_is_no_news(taught: World, ada: str) -> None:
    """Neither to the learner nor to who teaches, in whatever order the events come."""
    first, second = taught.event(fell(ada)), taught.event(recovered(ada))
    taught.hear(QUEUE, second)
    taught.hear(QUEUE, first)
    hear(taught, fell("bob"))
    hear(taught, recovered("bob"))
    settle(taught)
    assert taught.notified() == []


def test_a_recovery_overtakes_the_mail_that_waits(
    taught: World, mailbox: Mailbox, ada: str
) -> None:
    """The message in the inbox stays, and tells that it is overtaken."""
    hear(taught, fell(ada))
    settle(taught)
    hear(taught, recovered(ada))
    taught.send(mailbox.server())
    assert mailbox.mails(ada) == []
    (failed,) = taught.rows("deliveries", {"person_id": ada, "channel": "EMAIL"})
    assert failed["error"] == VANISHED


def test_a_learner_hears_of_it_once_in_two_weeks(taught: World, ada: str) -> None:
    """Who teaches hears of each fall."""
    for _ in range(2):
        hear(taught, fell(ada))
        settle(taught)
        hear(taught, recovered(ada))
    assert sorted(taught.notified()) == sorted([ada, "grace", "grace"])
    taught.clock.forward(seconds=QUIET_FOR.total_seconds())
    hear(taught, fell(ada))
    settle(taught)
    assert taught.notified("Back on track") == [ada, ada]


def test_who_teaches_and_is_not_known_yet_is_told_later(taught: World, ada: str) -> None:
    """Of all falls until then that still hold, in one message; the others are told at once, and
    once. Nothing is left of it.
    """
    staff(taught, "new")
    taught.people("cyd")
    taught.enrol("cyd")
    hear(taught, fell(ada), fell("cyd"))
    settle(taught)
    hear(taught, fell("bob"))
    settle(taught)
    assert [taught.notified().count(each) for each in ("grace", "alan", "new")] == [2, 1, 0]
    hear(taught, recovered("cyd"))
    taught.people("new")
    for _ in range(2):
        settle(taught)
    assert [taught.notified().count(each) for each in ("grace", "alan", "new")] == [2, 1, 1]
    (message,) = taught.rows("messages", {"person_id": "new"})
    assert message["title"] == "2 learners have fallen behind: Physics & Waves"
    assert all(f"- {each}" in message["body"] for each in (ada.title(), "Bob"))
    assert taught.rows("fall_digests", {}) == []


def recover(world: World) -> None:
    hear(world, recovered("bob"))


def close(world: World) -> None:
    facts = catalog.RunFacts(run_id="r1", title="Waves")
    facts.closed_at.FromDatetime(world.clock.now())
    world.hear("notify.rosters", world.event(catalog.RunClosed(run_id="r1", run=facts)))


@pytest.mark.parametrize("change", [recover, close, staff])
def test_who_teaches_and_is_not_known_yet_waits_while_it_is_news(
    taught: World, change: Callable[[World], None]
) -> None:
    """Not after the learners have recovered, the run was closed, or someone teaches it no more."""
    staff(taught, "new")
    hear(taught, fell("bob"))
    settle(taught)
    change(taught)
    taught.people("new")
    settle(taught)
    assert "new" not in taught.notified()
    assert taught.rows("fall_digests", {}) == []


def test_who_left_is_not_told(taught: World, ada: str) -> None:
    """Who withdrew within the ten minutes, though the recovery is late."""
    hear(taught, fell(ada))
    left = catalog.EnrolmentWithdrawn(enrolment_id=f"r1-{ada}", run_id="r1", learner_id=ada)
    taught.hear("notify.rosters", taught.event(left))
    settle(taught)
    assert ada not in taught.notified()


def test_falls_of_strangers_wait(taught: World) -> None:
    """Until the person and the run are known."""
    unknown = taught.event(fell("nobody"))
    with pytest.raises(Wait) as waits:
        taught.hear(QUEUE, unknown)
    assert list(waits.value.reasons) == [unknown.id]
