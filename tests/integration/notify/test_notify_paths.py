"""News of a learner's path: openings at once, changed dues after a while, one message for many."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from google.protobuf.message import Message as Proto
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.catalog.v1.resources_pb2 import Activity
from tandem.progress.v1 import events_pb2 as progress
from tandem.types.v1 import types_pb2 as types

from chassis.messaging.subscriptions import Wait
from services.notify import announcer
from services.notify.domain.enums import Channel
from services.notify.domain.messages import VANISHED
from services.notify.domain.path_news import SETTLE
from services.notify.usecases import path_news
from tests.integration.notify.world import HOUR, TEXTS, Mailbox, World, text_of

DAY = 24 * HOUR
QUEUE = "notify.paths"
MANY = 10
MOVED, PUBLISHED = progress.DUE_CAUSE_SESSION_MOVED, progress.DUE_CAUSE_PATH_PUBLISHED


@pytest.fixture
def taught(world: World, ada: str) -> World:
    """A run in which ada learns, with a path of ten tasks and a class."""
    world.people(ada)
    world.run(ada)
    tasks = [Activity(id=f"a{each}", title=f"Task {each}") for each in range(MANY)]
    lecture = Activity(id="class", title="Lecture", kind=types.ACTIVITY_KIND_SESSION)
    path = catalog.PathPublished(run_id="r1", version=1, activities=[*tasks, lecture])
    world.hear("notify.rosters", world.event(path))
    return world


def opened(learner: str, *activity_ids: str, **fields: Any) -> Proto:
    """The event that activities opened for a learner."""
    return progress.ActivitiesOpened(
        enrolment_id=f"r1-{learner}", run_id="r1", learner_id=learner, activity_ids=activity_ids,
        **fields,
    )  # fmt: skip


def changed(
    learner: str,
    old: datetime | None,
    new: datetime | None,
    activity_ids: Sequence[str] = ("a1",),
    cause: "progress.DueCause.ValueType" = PUBLISHED,
) -> Proto:
    """The event that dues of a learner changed."""
    told = progress.DuesChanged(enrolment_id=f"r1-{learner}", run_id="r1", learner_id=learner)
    for each in activity_ids:
        change = told.changes.add(activity_id=each, title=f"Task {each[1:]}", cause=cause)
        for name, at in (("old_due", old), ("new_due", new)):
            if at is not None:
                getattr(change, name).FromDatetime(at)
    return told


def hear(world: World, *data: Proto) -> None:
    """Let events come in, one unit of work each."""
    for each in data:
        world.hear(QUEUE, world.event(each))


def settle(world: World, time: timedelta = SETTLE) -> None:
    """Let time go by, with the timer that tells changed dues."""
    world.clock.forward(seconds=time.total_seconds())
    announcer.tell_dues(world.database, TEXTS)


def test_ten_activities_open_with_one_message(taught: World, mailbox: Mailbox, ada: str) -> None:
    """It lists their titles, in the inbox at once and by mail; a class is told by reminders."""
    hear(taught, opened(ada, *(f"a{each}" for each in range(MANY)), "class"))
    assert taught.notified("Now open") == [ada]
    taught.send(mailbox.server())
    (mail,) = mailbox.mails(ada)
    assert mail["Subject"] == "Now open: Physics & Waves"
    lines = text_of(mail).splitlines()
    assert [line for line in lines if line.startswith("- ")] == [
        f"- Task {each}" for each in range(MANY)
    ]
    hear(taught, opened(ada, "class"))
    assert taught.notified() == [ada]


def test_what_the_learner_has_opened_is_told_quietly(taught: World, ada: str) -> None:
    """Who has just completed what an activity requires gets no mail of it."""
    hear(taught, opened(ada, "a1", by_completion=True))
    assert [each.channel for each in taught.deliveries()] == [Channel.IN_APP]


def test_repeated_events_tell_once(taught: World, ada: str) -> None:
    """An event that comes again, at once or after it was told, leads to no other message."""
    now = taught.clock.now()
    news = [taught.event(opened(ada, "a1")), taught.event(changed(ada, now + DAY, now + 2 * DAY))]
    for _ in range(2):
        taught.hear(QUEUE, *news)
        taught.hear(QUEUE, *news)
        settle(taught)
    assert taught.notified("Now open") == taught.notified("deadline") == [ada]
    assert len(taught.deliveries()) == 4


def test_changed_dues_are_told_together_and_later(
    taught: World, mailbox: Mailbox, ada: str
) -> None:
    """Three events become one message: each due as the learner knew it, as it is, and why."""
    now = taught.clock.now()
    days = [now + each * DAY for each in range(12)]
    hear(
        taught,
        changed(ada, days[3], days[4], ["a1", "a2"]),
        changed(ada, days[4], days[5], ["a1"], MOVED),
        changed(ada, days[9], None, ["a3"], progress.DUE_CAUSE_SESSION_CANCELLED),
    )
    settle(taught, SETTLE / 2)
    assert taught.notified() == []
    settle(taught, SETTLE / 2)
    settle(taught)
    taught.send(mailbox.server())
    (mail,) = mailbox.mails(ada)
    assert mail["Subject"] == "Changed deadlines: Physics & Waves"
    assert text_of(mail).splitlines()[2:] == [
        '3 deadlines of yours in "Physics & Waves" have changed:',
        "",
        "- Task 2 (the learning path was changed)",
        "  until now: Thursday, 5 March 2026, 08:00 (Europe/Dublin)",
        "  new: Friday, 6 March 2026, 08:00 (Europe/Dublin)",
        "- Task 1 (a class was moved)",
        "  until now: Thursday, 5 March 2026, 08:00 (Europe/Dublin)",
        "  new: Saturday, 7 March 2026, 08:00 (Europe/Dublin)",
        "- Task 3 (a class was cancelled)",
        "  until now: Wednesday, 11 March 2026, 08:00 (Europe/Dublin)",
        "  There is no deadline any more.",
    ]


def test_a_due_that_changed_back_is_not_told(taught: World, ada: str) -> None:
    """Nobody hears of a mistake that is corrected within the time."""
    now = taught.clock.now()
    hear(taught, changed(ada, now + DAY, now + 3 * DAY))
    settle(taught, SETTLE / 2)
    hear(taught, changed(ada, now + 3 * DAY, now + DAY))
    settle(taught)
    assert taught.notified() == []


def test_queued_mail_is_not_sent_when_the_due_has_moved_on(
    taught: World, mailbox: Mailbox, ada: str
) -> None:
    """The message in the inbox is overtaken, and the newer one is mailed."""
    now = taught.clock.now()
    hear(taught, changed(ada, now + DAY, now + 3 * DAY))
    settle(taught)
    hear(taught, changed(ada, now + 3 * DAY, now + 5 * DAY))
    taught.send(mailbox.server())
    assert mailbox.mails(ada) == []
    assert [each.error for each in taught.deliveries(channel=Channel.EMAIL)] == [VANISHED]
    settle(taught)
    taught.send(mailbox.server())
    (mail,) = mailbox.mails(ada)
    assert "new: Saturday, 7 March 2026" in text_of(mail)


def test_who_has_left_the_run_is_not_told(taught: World, ada: str) -> None:
    """A learner who withdrew meanwhile has no message of it."""
    now = taught.clock.now()
    hear(taught, changed(ada, now + DAY, now + 3 * DAY))
    gone = catalog.EnrolmentWithdrawn(enrolment_id=f"r1-{ada}", run_id="r1", learner_id=ada)
    taught.hear("notify.rosters", taught.event(gone))
    settle(taught)
    assert taught.notified() == []


@pytest.mark.parametrize("missing", ["person", "run"])
def test_news_of_who_is_not_known_yet_wait(world: World, ada: str, missing: str) -> None:
    """They name the events that wait, and leave no trace meanwhile."""
    now = world.clock.now()
    if missing == "run":
        world.people(ada)
    else:
        world.run()
    both = [world.event(opened(ada, "a1")), world.event(changed(ada, now + DAY, now + 2 * DAY))]
    with pytest.raises(Wait) as waiting:
        world.hear(QUEUE, *both)
    assert set(waiting.value.reasons) == {each.id for each in both}
    assert all(missing in reason for reason in waiting.value.reasons.values())
    assert world.rows("messages", {}) == world.rows("due_digests", {}) == []


def test_a_whole_run_is_told_in_chunks(
    taught: World, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each learner once, a few in each unit of work, also if one of these fails at first."""
    monkeypatch.setattr(announcer, "DIGESTS", 4)
    learners = [f"{ada}-{each}" for each in range(9)]
    taught.people(*learners)
    taught.enrol(*learners)
    now = taught.clock.now()
    taught.hear(
        QUEUE, *(taught.event(changed(each, now + DAY, now + 2 * DAY)) for each in learners)
    )
    tell, sizes = path_news.tell, list[int]()

    def fails_once(store: Any, texts: Any, ids: Sequence[str]) -> None:
        sizes.append(len(ids))
        if len(sizes) == 2:
            raise ValueError
        tell(store, texts, ids)

    monkeypatch.setattr(path_news, "tell", fails_once)
    settle(taught)
    assert (sizes, len(taught.notified())) == ([4, 4, 1], 5)
    settle(taught)
    assert sizes == [4, 4, 1, 4]
    assert taught.notified() == learners
