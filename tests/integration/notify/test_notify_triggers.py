"""Each event that causes a notification, from the queue to the inbox and the mail sink."""

from collections.abc import Callable
from typing import Any

import pytest
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.catalog.v1.resources_pb2 import Activity
from tandem.library.v1 import events_pb2 as library
from tandem.progress.v1 import events_pb2 as progress
from tandem.sessions.v1 import events_pb2 as sessions
from tandem.types.v1 import types_pb2 as types

from chassis.messaging.subscriptions import Wait
from services.notify.domain.enums import Category, Channel, DeliveryState
from services.notify.domain.preferences import CategoryPreference
from tests.integration.notify.world import HOUR, Mailbox, World, address_of, text_of

DAY = 24 * HOUR


def enrolment_promoted(world: World, ada: str) -> Any:
    return catalog.EnrolmentPromoted(enrolment_id="r1-x", run_id="r1", learner_id=ada)


def seat_promoted(world: World, ada: str) -> Any:
    data = sessions.SeatPromoted(
        session_id="s1", learner_id=ada, title="Waves", kind=types.SEAT_KIND_IN_ROOM
    )
    data.start_time.FromDatetime(world.clock.now() + DAY)
    return data


def seat_swapped(world: World, ada: str) -> Any:
    data = sessions.SeatSwapped(
        session_id="s1",
        learner_id=ada,
        title="Waves",
        kind=types.SEAT_KIND_ONLINE,
        from_kind=types.SEAT_KIND_IN_ROOM,
    )
    data.start_time.FromDatetime(world.clock.now() + DAY)
    data.from_start_time.FromDatetime(world.clock.now() + DAY)
    return data


def assigned(world: World, ada: str) -> Any:
    return world.assigned(ada)


def placed(world: World, ada: str) -> Any:
    return world.placed(ada)


def unfit(world: World, ada: str) -> Any:
    return world.unfit(ada)


def changed(world: World, ada: str) -> Any:
    return world.changed(ada)


def missed(world: World, ada: str) -> Any:
    return progress.CatchUpMissed(catch_up_id="c", learner_id=ada, title="Waves", watched_share=0.5)


def due_extended(world: World, ada: str) -> Any:
    return catalog.DueExtended(
        enrolment_id="e", run_id="r1", learner_id=ada, activity_id="essay", reason="was ill"
    )


@pytest.mark.parametrize(
    ("make", "title", "says"),
    [
        (enrolment_promoted, "You have a place: Physics & Waves", "enrolled"),
        (seat_promoted, "You have a seat: Waves", "in the room"),
        (seat_swapped, "Your seat is swapped: Waves", "You gave your seat in the room."),
        (assigned, "To catch up on: Waves", "- item-1"),
        (placed, "To catch up on: Waves", "It is later than usual ("),
        (unfit, "To catch up on: Waves", ": 1 h 30 min of 2 h"),
        (changed, "New deadline or material: Waves", "- item-2"),
        (missed, "Deadline passed: Waves", "50 %"),
        (due_extended, "More time: essay in Physics & Waves", "New deadline"),
    ],
)
def test_what_is_told_to_the_learner(
    world: World,
    mailbox: Mailbox,
    ada: str,
    make: Callable[[World, str], Any],
    title: str,
    says: str,
) -> None:
    """The learner finds the message in the inbox at once and, when mail is sent, by e-mail."""
    world.people(ada)
    world.run()
    (event,) = world.tell(make(world, ada))
    assert world.notified(title) == [ada]
    assert world.published() == ["delivered.v1"]
    world.send(mailbox.server())
    (mail,) = mailbox.mails(ada)
    assert mail["Subject"] == title
    assert says in text_of(mail)
    assert "was ill" not in text_of(mail)
    assert world.published() == ["delivered.v1"] * 2
    for delivery in world.deliveries():
        assert (delivery.state, delivery.event_id) == (DeliveryState.DELIVERED, event.id)


def test_a_completed_catch_up_is_told_quietly(world: World, ada: str) -> None:
    """A completed catch-up is a message in the inbox only."""
    world.people(ada)
    world.tell(progress.CatchUpCompleted(catch_up_id="c", learner_id=ada, title="Waves"))
    assert [one.channel for one in world.deliveries()] == [Channel.IN_APP]


def test_words_and_zone_are_the_persons(world: World, mailbox: Mailbox, ada: str) -> None:
    """The deadline is written in the learner's language and time zone."""
    world.people(ada, language="de-AT", zone="Asia/Tokyo")
    world.tell(world.assigned(ada, "Wellen & Täler\r\nBcc: all@example.com"))
    world.send(mailbox.server())
    (mail,) = mailbox.mails(ada)
    assert mail["Subject"] == "Nachzuholen: Wellen & Täler Bcc: all@example.com"
    assert mail["X-Envelope-To"] == address_of(ada)
    assert mail["Bcc"] is None
    assert "Frist: Montag, 9. März 2026, 17:00 Uhr (Asia/Tokyo)" in text_of(mail)


def test_people_are_told_titles(world: World, mailbox: Mailbox, ada: str) -> None:
    """Messages name activities and items by their newest titles."""
    world.people(ada, "grace")
    world.run(ada)
    old = world.event(library.ItemAvailable(item_id="item-1", title="Wavs"))
    new = world.event(library.ItemAvailable(item_id="item-1", title="Waves, the film"))
    essay = Activity(id="essay", title="Essay on light")
    path = world.event(catalog.PathPublished(run_id="r1", version=1, activities=[essay]))
    world.hear("notify.rosters", new, old, path)
    world.schedule(2 * DAY)
    called_off = world.cancelled(2 * DAY)
    called_off.substitute_item_id = "item-1"  # type: ignore[attr-defined]
    world.tell(world.assigned(ada), due_extended(world, ada), called_off)
    world.broadcast()
    world.send(mailbox.server())
    cancelled, extended, assigned = sorted(mailbox.mails(ada), key=lambda mail: mail["Subject"])
    assert 'please study "Waves, the film" of the library' in text_of(cancelled)
    assert "- Waves, the film" in text_of(assigned)
    assert extended["Subject"] == "More time: Essay on light in Physics & Waves"


def test_messages_name_the_runs_newest_title(world: World, mailbox: Mailbox, ada: str) -> None:
    """A run's title can change; the event that closes the run has it too."""
    world.people(ada)
    world.run()
    for title, cls in (("Waves", catalog.RunUpdated), ("Light", catalog.RunClosed)):
        facts = catalog.RunFacts(run_id="r1", title=title)
        world.hear("notify.rosters", world.event(cls(run_id="r1", run=facts)))
        world.tell(due_extended(world, ada))
        world.send(mailbox.server())
        assert mailbox.mails(ada)[-1]["Subject"] == f"More time: essay in {title}"


def test_moved_and_cancelled_are_told_to_the_whole_run(world: World, ada: str) -> None:
    """A move and a cancellation notify every enrolled learner and the instructor, urgently."""
    world.people(ada, "bob", "eve", "grace", "wendy", "will")
    world.run(ada, "bob")
    world.enrol("eve", mode=types.ATTENDANCE_MODE_SELF_PACED)
    waiting = catalog.EnrolmentWaitlisted(enrolment_id="w", run_id="r1", learner_id="wendy")
    gone = catalog.EnrolmentWithdrawn(enrolment_id="r1-will", run_id="r1", learner_id="will")
    world.enrol("will")
    world.hear("notify.rosters", world.event(waiting), world.event(gone))
    world.schedule(2 * DAY)
    for event in (world.moved(2 * DAY, 3 * DAY), world.cancelled(3 * DAY)):
        world.tell(event)
        world.broadcast()
    everyone = sorted([ada, "bob", "eve", "grace"])
    assert world.notified("Moved") == everyone
    assert world.notified("Cancelled") == everyone
    assert all(one.urgent for one in world.deliveries() if one.person_id != "eve")


def test_who_is_not_expected_is_told_quietly(world: World, ada: str) -> None:
    """A SELF_PACED learner finds a moved class in the inbox, not urgent, and gets no mail; one who
    teaches the class is told as its instructor, and one who chose nothing for SESSION is not told.
    """
    world.people(ada, "eve", "grace", "mute")
    world.run(ada)
    for one in ("eve", "grace", "mute"):
        world.enrol(one, mode=types.ATTENDANCE_MODE_SELF_PACED)
    nothing = CategoryPreference(Category.SESSION, ())
    world.choose("mute", nothing)
    world.schedule(2 * DAY)
    world.tell(world.moved(2 * DAY, 3 * DAY))
    world.broadcast()
    by_person = {
        one: {(each.channel, each.urgent) for each in world.deliveries(person_id=one)}
        for one in (ada, "eve", "grace", "mute")
    }
    loud = {(Channel.IN_APP, True), (Channel.EMAIL, True)}
    assert by_person == {ada: loud, "grace": loud, "eve": {(Channel.IN_APP, False)}, "mute": set()}
    assert {row["urgent"] for row in world.rows("messages", {"person_id": "eve"})} == {False}


def test_nobody_is_expected_in_a_help_session(world: World, ada: str) -> None:
    """News of one that moved, and its reminder, come to the inbox alone, but for its instructor."""
    world.people(ada, "grace")
    world.run(ada)
    world.enrol("grace")
    desk = world.scheduled(2 * DAY)
    assert isinstance(desk, sessions.SessionScheduled)
    desk.purpose = types.SESSION_PURPOSE_HELP
    world.tell(desk, world.moved(2 * DAY, 3 * DAY))
    world.broadcast()
    told = {(each.person_id, each.channel) for each in world.deliveries()}
    in_app = {(ada, Channel.IN_APP), ("grace", Channel.IN_APP)}
    assert told == {*in_app, ("grace", Channel.EMAIL)}


@pytest.mark.parametrize("known_first", [True, False])
def test_the_mode_at_the_time_of_notifying_counts(
    world: World, ada: str, known_first: bool
) -> None:
    """A learner who is known, or enrolled, only after the event is told by the same rule."""
    if known_first:
        world.people(ada)
    world.run()
    enrolled = world.event(world.enrolled(ada, mode=types.ATTENDANCE_MODE_SELF_PACED))
    world.schedule(2 * DAY)
    world.tell(world.cancelled(2 * DAY))
    world.broadcast()
    world.hear("notify.rosters", enrolled)
    world.broadcast()
    world.people(ada)
    world.system.at += 2 * HOUR
    world.broadcast()
    (delivery,) = world.deliveries(person_id=ada)
    assert (delivery.channel, delivery.urgent) == (Channel.IN_APP, False)


def test_a_class_that_was_not_held_is_told_to_its_instructor(world: World, ada: str) -> None:
    """Nobody else is told, and it is not urgent."""
    world.people(ada, "grace")
    world.run(ada)
    world.schedule(-DAY)
    told = sessions.SessionNotHeld(session_id="s1", run_id="r1", title="Waves")
    told.instructor_id = "grace"
    told.start_time.FromDatetime(world.clock.now() - DAY)
    world.tell(told)
    world.broadcast()
    assert world.notified("Was it held? Waves") == ["grace"]
    assert not any(one.urgent for one in world.deliveries())


@pytest.mark.parametrize(
    ("teachers", "told"),
    [
        (["grace", "alan"], ["grace"]),
        (["alan", "mary"], ["alan", "grace", "mary"]),
        ([], ["grace"]),
    ],
)
def test_a_meeting_that_fails_is_told_to_who_can_act_and_so_is_its_end(
    world: World, ada: str, teachers: list[str], told: list[str]
) -> None:
    """To who holds the class; and if that is a guest, who can't plan it anew, to the run's
    instructors. Both are urgent. A meeting that is made at once is told to nobody.
    """
    world.people(ada, "grace", "alan", "mary")
    opened = catalog.RunOpened(run_id="r1", title="Physics & Waves", instructor_ids=teachers)
    world.hear("notify.rosters", world.event(opened))
    world.enrol(ada)
    world.schedule(2 * DAY)
    failed = sessions.MeetingFailed(reason="all servers are full")
    later, at_once = sessions.MeetingMade(after_failure=True), sessions.MeetingMade()
    for each in (failed, later, at_once):
        each.session_id, each.run_id, each.title, each.instructor_id = "s1", "r1", "Waves", "grace"
        each.start_time.FromDatetime(world.clock.now() + 2 * DAY)
        each.end_time.FromDatetime(world.clock.now() + 3 * DAY)
        world.tell(each)
    world.broadcast()
    assert world.notified("No online room yet: Waves") == told
    assert world.notified("The online room is there: Waves") == told
    assert all(one.urgent for one in world.deliveries())


def test_an_instructor_who_learns_too_is_told_once(world: World) -> None:
    """A person who is notified for two reasons gets one message."""
    world.people("grace")
    world.run("grace")
    world.schedule(2 * DAY)
    world.tell(world.cancelled(2 * DAY))
    world.broadcast()
    assert world.notified() == ["grace"]


def test_scheduled_tells_nobody(world: World, ada: str) -> None:
    """A session that is scheduled is no message."""
    world.people(ada)
    world.run(ada)
    world.schedule(2 * DAY)
    world.broadcast()
    assert world.notified() == []


def test_repeats_tell_once(world: World, mailbox: Mailbox, ada: str) -> None:
    """If an event comes several times, each person has one message, one mail and one event."""
    world.people(ada, "grace")
    world.run(ada)
    world.schedule(2 * DAY)
    personal = world.event(world.assigned(ada))
    moved = world.event(world.moved(2 * DAY, 3 * DAY))
    for _ in range(3):
        world.hear("notify.triggers", personal, moved, personal)
        world.broadcast()
        world.send(mailbox.server())
    assert world.notified() == sorted([ada, ada, "grace"])
    assert len(mailbox.mails(ada)) == 2
    assert world.published() == ["delivered.v1"] * 6


def test_an_unknown_person_is_waited_for(world: World, ada: str) -> None:
    """An event about a person who is not known yet comes back, and leaves no trace meanwhile."""
    event = world.event(world.assigned(ada))
    with pytest.raises(Wait):
        world.hear("notify.triggers", event)
    assert world.rows("messages", {}) == world.rows("outbox", {}) == []
    world.people(ada)
    world.hear("notify.triggers", event)
    assert world.notified() == [ada]


@pytest.mark.parametrize("make", [enrolment_promoted, due_extended])
def test_an_unknown_run_is_waited_for(
    world: World, ada: str, make: Callable[[World, str], Any]
) -> None:
    """An event whose text names a run that is not known yet comes back."""
    world.people(ada)
    with pytest.raises(Wait):
        world.tell(make(world, ada))


def test_an_unknown_session_is_waited_for(world: World) -> None:
    """A move that overtakes the session's scheduling comes back."""
    with pytest.raises(Wait):
        world.tell(world.moved(DAY, 2 * DAY))


def test_old_news_of_a_session_changes_nothing(world: World, ada: str) -> None:
    """A move that arrives after a later cancellation causes no message."""
    world.people(ada, "grace")
    world.run(ada)
    world.schedule(2 * DAY)
    moved, cancelled = world.event(world.moved(2 * DAY, 3 * DAY)), world.event(world.cancelled(DAY))
    world.hear("notify.triggers", cancelled)
    world.hear("notify.triggers", moved)
    world.broadcast()
    assert world.notified("Moved") == []
    assert world.notified("Cancelled") == sorted([ada, "grace"])


def test_old_news_of_a_person_changes_nothing(world: World, mailbox: Mailbox, ada: str) -> None:
    """A mail goes to the newest address, not to the one that came last."""
    old, new = catalog.PersonUpserted(), catalog.PersonUpserted()
    for data, address in ((old, "old@example.com"), (new, address_of(ada))):
        data.person_id, data.email = ada, address
    first, second = world.event(old), world.event(new)
    world.hear("notify.people", second)
    world.hear("notify.people", first)
    world.tell(world.assigned(ada))
    world.send(mailbox.server())
    assert len(mailbox.mails(ada)) == 1


def test_mail_goes_to_the_address_at_sending(world: World, mailbox: Mailbox, ada: str) -> None:
    """A new address counts for mail that was queued before."""
    data = catalog.PersonUpserted(person_id=ada, email="old@example.com")
    world.hear("notify.people", world.event(data))
    world.tell(world.assigned(ada))
    world.people(ada)
    world.send(mailbox.server())
    assert len(mailbox.mails(ada)) == 1
