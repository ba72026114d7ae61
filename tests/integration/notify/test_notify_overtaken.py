"""Nothing is sent about what is over, or what newer news has overtaken, whatever the delays."""

import itertools
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.progress.v1 import events_pb2 as progress
from tandem.sessions.v1 import events_pb2 as sessions
from tandem.types.v1 import types_pb2

from services.notify.domain.enums import Channel, DeliveryState
from services.notify.domain.folds import WINDOW
from services.notify.domain.messages import VANISHED
from tests.integration.notify.world import HOUR, Mailbox, World, text_of

DAY = 24 * HOUR
ENDINGS = [progress.CatchUpCompleted, progress.CatchUpMissed, progress.CatchUpWithdrawn]
endings = pytest.mark.parametrize("ending", ENDINGS)


def ready(world: World, *learners: str) -> None:
    """A run with a class in two days."""
    world.people(*learners, "grace")
    world.run(*learners)
    world.schedule(2 * DAY)


def tell(world: World, *events: Any) -> None:
    """Let triggers come in, in this order, and notify everyone after each."""
    for event in events:
        world.hear("notify.triggers", event)
        world.broadcast()


def subjects(mailbox: Mailbox, person: str) -> list[str]:
    """The subjects of a person's mails, without the class."""
    return [str(mail["Subject"]).partition(":")[0] for mail in mailbox.mails(person)]


def reasons(world: World, person: str) -> list[str]:
    """Why mails to a person were not sent."""
    failed = world.mails_in(DeliveryState.FAILED)
    return [one.error for one in failed if one.person_id == person]


def test_a_move_that_was_overtaken_is_not_mailed(world: World, mailbox: Mailbox, ada: str) -> None:
    """Of two moves whose mails wait, only the newer one is sent; also if both tell one time."""
    ready(world, ada)
    for _ in range(2):
        tell(world, world.event(world.moved(2 * DAY, 3 * DAY)))
    world.clock.at += WINDOW  # of a fold
    world.send(mailbox.server())
    assert subjects(mailbox, ada) == ["Moved"]
    assert reasons(world, ada) == [VANISHED]
    (sent,) = [one for one in world.mails_in(DeliveryState.DELIVERED) if one.person_id == ada]
    newest = world.rows("sessions", {})[0]["event_id"]
    assert sent.event_id == newest


def test_a_move_is_not_mailed_after_its_class_was_cancelled(
    world: World, mailbox: Mailbox, ada: str
) -> None:
    """The cancellation is."""
    ready(world, ada)
    tell(world, world.event(world.moved(2 * DAY, 3 * DAY)), world.event(world.cancelled(3 * DAY)))
    world.clock.at += WINDOW  # of a fold
    world.send(mailbox.server())
    assert subjects(mailbox, ada) == ["Cancelled"]
    assert reasons(world, ada) == [VANISHED]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_news_of_a_class_in_any_order(
    world: World, mailbox: Mailbox, ada: str, order: Sequence[int]
) -> None:
    """Two moves and a cancellation, each twice and in any order: one mail, of the cancellation."""
    ready(world, ada)
    news = [
        world.event(world.moved(2 * DAY, 3 * DAY)),
        world.event(world.moved(3 * DAY, 4 * DAY)),
        world.event(world.cancelled(4 * DAY)),
    ]
    tell(world, *(news[place] for place in (*order, *order)))
    world.clock.at += WINDOW  # of a fold
    world.send(mailbox.server())
    assert subjects(mailbox, ada) == ["Cancelled"]


@pytest.mark.parametrize("end_early", [True, False])
def test_a_move_is_mailed_until_its_class_has_ended(
    world: World, mailbox: Mailbox, ada: str, end_early: bool
) -> None:
    """Not after its planned end, nor after it was ended."""
    ready(world, ada)
    tell(world, world.event(world.moved(2 * DAY, 3 * DAY)))
    if end_early:
        world.tell(sessions.SessionEnded(session_id="s1", run_id="r1"))
    else:
        world.clock.forward(days=3, hours=1)
    world.send(mailbox.server())
    assert subjects(mailbox, ada) == []
    assert reasons(world, ada) == [VANISHED]


@pytest.mark.parametrize(
    ("late", "urgent", "channels"),
    [
        (2 * DAY - HOUR, True, {Channel.IN_APP, Channel.EMAIL}),
        (2 * DAY, False, {Channel.IN_APP, Channel.EMAIL}),
        (2 * DAY + HOUR, False, {Channel.IN_APP}),
    ],
)
def test_a_late_cancellation_is_not_urgent(
    world: World, ada: str, late: Any, urgent: bool, channels: set[Channel]
) -> None:
    """A cancellation is urgent until its class would begin, and only in the inbox after its end."""
    ready(world, ada)
    cancelled = world.event(world.cancelled(2 * DAY))
    world.clock.forward(seconds=late.total_seconds())
    tell(world, cancelled)
    found = world.deliveries(person_id=ada)
    assert {one.channel for one in found} == channels
    assert {one.urgent for one in found} == {urgent}


def test_a_cancellation_is_not_mailed_after_the_class(
    world: World, mailbox: Mailbox, ada: str
) -> None:
    """Mail that waited until the class would have ended is not sent."""
    ready(world, ada)
    tell(world, world.event(world.cancelled(2 * DAY)))
    world.clock.forward(days=2, hours=1)
    world.send(mailbox.server())
    assert reasons(world, ada) == [VANISHED]
    assert subjects(mailbox, ada) == []


@endings
def test_a_catch_up_that_has_ended_is_not_mailed_as_assigned(
    world: World, mailbox: Mailbox, ada: str, ending: type[Any]
) -> None:
    """Mail about an assigned catch-up is not sent once it was completed, missed or withdrawn."""
    world.people(ada)
    world.tell(world.assigned(ada), world.ended(ending, ada))
    world.send(mailbox.server())
    assert "To catch up on" not in subjects(mailbox, ada)
    assert reasons(world, ada) == [VANISHED]


@endings
@pytest.mark.parametrize("together", [True, False])
def test_a_catch_up_that_has_ended_is_not_told_as_assigned(
    world: World, ada: str, ending: type[Any], together: bool
) -> None:
    """If both events come at once, or the older one comes last, only the newer one is told."""
    world.people(ada)
    assigned, ended = world.event(world.assigned(ada)), world.event(world.ended(ending, ada))
    for _ in range(2):
        if together:
            world.hear("notify.triggers", assigned, ended)
        else:
            tell(world, ended, assigned)
    assert world.notified("To catch up on") == []
    assert len(world.notified()) == (ending is not progress.CatchUpWithdrawn)


def test_old_news_of_a_catch_up_waits_for_nobody(world: World, ada: str) -> None:
    """An event that was overtaken before its person is known is done with."""
    assigned = world.event(world.assigned(ada))
    world.tell(world.ended(progress.CatchUpWithdrawn, ada))
    world.hear("notify.triggers", assigned)
    assert world.rows("messages", {}) == []


def test_a_catch_up_that_is_assigned_again_is_mailed(
    world: World, mailbox: Mailbox, ada: str
) -> None:
    """A withdrawal that was taken back: the newer assignment is sent, the older one isn't."""
    world.people(ada)
    first, withdrawn, again = (
        world.event(world.assigned(ada)),
        world.event(world.ended(progress.CatchUpWithdrawn, ada)),
        world.event(world.assigned(ada)),
    )
    tell(world, first, again, withdrawn)
    world.send(mailbox.server())
    assert subjects(mailbox, ada) == ["To catch up on"]
    assert reasons(world, ada) == [VANISHED]


def seat(world: World, learner: str) -> Any:
    """The event that a learner got a seat in the class in two days."""
    data = sessions.SeatPromoted(session_id="s1", run_id="r1", learner_id=learner, title="Waves")
    data.start_time.FromDatetime(world.clock.now() + 2 * DAY)
    return world.event(data)


def begin(world: World) -> None:
    world.tell(sessions.SessionStarted(session_id="s1", run_id="r1"))


def wait(world: World) -> None:
    world.clock.forward(days=2)


def cancel(world: World) -> None:
    world.tell(world.cancelled(2 * DAY))


@pytest.mark.parametrize("change", [begin, wait, cancel])
def test_a_seat_that_is_of_no_use_is_not_mailed(
    world: World, mailbox: Mailbox, ada: str, change: Callable[[World], None]
) -> None:
    """Its class has begun, or was cancelled, while the mail waited."""
    ready(world, ada)
    tell(world, seat(world, ada))
    change(world)
    world.send(mailbox.server())
    assert subjects(mailbox, ada) == []
    assert reasons(world, ada) == [VANISHED]


@pytest.mark.parametrize(
    ("change", "expected"), [(begin, [Channel.IN_APP]), (wait, [Channel.IN_APP]), (cancel, [])]
)
def test_a_seat_that_is_told_late(
    world: World, ada: str, change: Callable[[World], None], expected: list[Channel]
) -> None:
    """After the class began the inbox alone tells it; after it was cancelled nothing does."""
    ready(world, ada)
    promoted = seat(world, ada)
    change(world)
    tell(world, promoted)
    found = world.deliveries(person_id=ada, event_id=promoted.id)
    assert [one.channel for one in found] == expected


def offer(world: World, learner: str) -> Any:
    """The event that a learner is offered a seat in the class in two days, for an hour."""
    data = sessions.SeatOffered(session_id="s1", run_id="r1", learner_id=learner, title="Waves")
    data.start_time.FromDatetime(world.clock.now() + 2 * DAY)
    data.expires_at.FromDatetime(world.clock.now() + HOUR)
    data.reason = "was ill"
    return world.event(data)


def let_it_expire(world: World) -> None:
    world.clock.forward(hours=1)


def test_an_offer_of_a_seat_is_urgent(world: World, mailbox: Mailbox, ada: str) -> None:
    """It tells until when it can be answered, and not why it was made."""
    ready(world, ada)
    tell(world, offer(world, ada))
    assert [row["urgent"] for row in world.rows("deliveries", {"channel": "EMAIL"})] == [True]
    world.send(mailbox.server())
    [mail] = mailbox.mails(ada)
    until = "Monday, 2 March 2026, 09:00 (Europe/Dublin)"
    assert mail["Subject"] == f"A seat is free, answer by {until}: Waves"
    assert "was ill" not in mail.as_string()


@pytest.mark.parametrize("change", [let_it_expire, begin, cancel])
def test_an_offer_that_ended_is_not_mailed(
    world: World, mailbox: Mailbox, ada: str, change: Callable[[World], None]
) -> None:
    """It has expired, or its class has begun or was cancelled, while the mail waited; an offer that
    is told after that leads to no message at all.
    """
    ready(world, ada)
    first, late = offer(world, ada), offer(world, ada)
    tell(world, first)
    change(world)
    world.send(mailbox.server())
    assert subjects(mailbox, ada) == []
    assert VANISHED in reasons(world, ada)
    tell(world, late)
    assert world.deliveries(person_id=ada, event_id=late.id) == []


def test_only_the_newest_offer_of_a_seat_is_mailed(
    world: World, mailbox: Mailbox, ada: str
) -> None:
    """An offer that was answered or withdrawn is not mailed, in whatever order its news come; the
    next one is.
    """
    ready(world, ada)
    ended = sessions.SeatOfferEnded(session_id="s1", run_id="r1", learner_id=ada)
    first, end, second, last_end = (
        world.event(each) for each in (offer(world, ada).data, ended, offer(world, ada).data, ended)
    )
    tell(world, first, end, second)
    world.send(mailbox.server())
    assert len(mailbox.mails(ada)) == 1
    assert reasons(world, ada) == [VANISHED]
    third = world.event(offer(world, ada).data, sequence=3)
    tell(world, last_end, third)
    assert world.deliveries(person_id=ada, event_id=third.id) == []


def invitation(world: World, learner: str) -> Any:
    """The event that a learner is invited to help in two days, for an hour."""
    data = sessions.HelpInvited(
        session_id="s1",
        run_id="r1",
        learner_id=learner,
        title="Help desk",
        kind=types_pb2.SEAT_KIND_IN_ROOM,
        room="Aula",
    )
    data.start_time.FromDatetime(world.clock.now() + 2 * DAY)
    data.end_time.FromDatetime(world.clock.now() + 2 * DAY + HOUR)
    data.answer_by.FromDatetime(world.clock.now() + HOUR)
    return world.event(data)


def test_an_invitation_to_help_is_mailed_once(world: World, mailbox: Mailbox, ada: str) -> None:
    """It tells when, where and until when to answer, and is not urgent; that a seat is held for it
    is no news of its own.
    """
    ready(world, ada)
    held = offer(world, ada).data
    held.invitation = True
    tell(world, world.event(held), invitation(world, ada))
    assert [row["urgent"] for row in world.rows("deliveries", {"channel": "EMAIL"})] == [False]
    world.send(mailbox.server())
    [mail] = mailbox.mails(ada)
    until = "Monday, 2 March 2026, 09:00 (Europe/Dublin)"
    assert mail["Subject"] == f"Help is offered, answer by {until}: Help desk"
    text = text_of(mail)
    assert "in the room" in text
    assert "Room: Aula" in text
    assert "Starts: Wednesday, 4 March 2026, 08:00 (Europe/Dublin)" in text


@pytest.mark.parametrize("change", [let_it_expire, begin, cancel])
def test_an_invitation_that_ended_is_not_mailed(
    world: World, mailbox: Mailbox, ada: str, change: Callable[[World], None]
) -> None:
    """Its time is over, or it was taken back, while the mail waited."""
    ready(world, ada)
    tell(world, invitation(world, ada))
    change(world)
    world.send(mailbox.server())
    assert reasons(world, ada) == [VANISHED]
    ended = sessions.SeatOfferEnded(session_id="s1", run_id="r1", learner_id=ada)
    tell(world, invitation(world, ada), world.event(ended))
    world.send(mailbox.server())
    assert "Help is offered, answer by Monday, 2 March 2026, 09" not in subjects(mailbox, ada)


def test_no_queued_reminder_in_a_run_that_was_closed(
    world: World, mailbox: Mailbox, ada: str
) -> None:
    """A reminder that waits to be mailed when its run is closed is not sent."""
    ready(world, ada)
    world.clock.forward(days=1)
    world.remind()
    world.broadcast()
    facts = catalog.RunFacts(run_id="r1", title="Waves")
    facts.closed_at.FromDatetime(world.clock.now())
    world.hear("notify.rosters", world.event(catalog.RunClosed(run_id="r1", run=facts)))
    world.send(mailbox.server())
    assert reasons(world, ada) == [VANISHED]


def test_reminders_of_the_version_before(world: World, mailbox: Mailbox, ada: str) -> None:
    """Its broadcasts and queued mails are read: who is to be reminded is, until the class moves."""
    ready(world, ada)
    world.clock.forward(days=1)
    world.remind()
    as_before(world, "broadcasts", "notice.")
    world.broadcast()
    as_before(world, "deliveries")
    assert world.notified("Reminder") == [ada]
    tell(world, world.event(world.moved(DAY, 3 * DAY)))
    world.send(mailbox.server())
    assert subjects(mailbox, ada) == ["Moved"]
    assert reasons(world, ada) == [VANISHED]


def as_before(world: World, collection: str, prefix: str = "") -> None:
    """Turn documents into those of the version before, which is all that it reads of them."""
    about, before = f"{prefix}about", f"{prefix}reminds_of"
    rows = world.database.mongo[collection]
    assert rows.count_documents({f"{before}.session_id": "s1"}) > 0
    gone = {about: "", f"{before}.kind": "", f"{before}.end_time": "", f"{before}.sequence": ""}
    rows.update_many({f"{before}.session_id": "s1"}, {"$unset": gone})


def due_news(world: World, kind: type[Any], person: str, activity: str = "essay") -> Any:
    """News of a learner's due, which is in a day."""
    data = kind(
        enrolment_id=f"r1-{person}",
        run_id="r1",
        learner_id=person,
        activity_id=activity,
        title=activity.title(),
    )
    data.due.FromDatetime(world.clock.now() + timedelta(days=1))
    return world.event(data)


def test_a_due_is_told_in_the_zone_of_the_person(world: World, mailbox: Mailbox, ada: str) -> None:
    """That it approaches, and that it was missed."""
    ready(world, ada)
    tell(world, due_news(world, progress.DueApproaching, ada))
    tell(world, due_news(world, progress.DueMissed, ada, "quiz"))
    world.send(mailbox.server())
    assert sorted(str(mail["Subject"]) for mail in mailbox.mails(ada)) == [
        "Deadline passed: Quiz",
        "Due soon: Essay",
    ]


@pytest.mark.parametrize("newer", [progress.DueRetracted, progress.DueMissed])
@pytest.mark.parametrize("reversed_", [False, True])
def test_a_due_that_was_retracted_or_missed_does_not_approach_any_more(
    world: World, mailbox: Mailbox, ada: str, newer: type[Any], reversed_: bool
) -> None:
    """In whatever order the news come; news of another activity are sent."""
    ready(world, ada)
    news = [
        due_news(world, progress.DueApproaching, ada),
        due_news(world, progress.DueApproaching, ada, "quiz"),
        due_news(world, newer, ada),
    ]
    tell(world, *(reversed(news) if reversed_ else news))
    world.send(mailbox.server())
    sent = ["Due soon: Quiz"]
    sent += ["Deadline passed: Essay"] if newer is progress.DueMissed else []
    assert sorted(str(mail["Subject"]) for mail in mailbox.mails(ada)) == sorted(sent)


def test_a_due_is_not_told_as_approaching_when_it_is_past(
    world: World, mailbox: Mailbox, ada: str
) -> None:
    """Neither by mail, if the server was away, nor in the inbox, if the news came late."""
    ready(world, ada)
    tell(world, due_news(world, progress.DueApproaching, ada))
    late = due_news(world, progress.DueApproaching, ada, "quiz")
    world.clock.forward(days=1, seconds=1)
    tell(world, late)
    world.send(mailbox.server())
    assert subjects(mailbox, ada) == []
    assert [row["title"] for row in world.rows("messages", {"person_id": ada})] == [
        "Due soon: Essay"
    ]
