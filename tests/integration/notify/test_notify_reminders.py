"""Reminders follow their session, and vanish with it."""

from collections.abc import Callable

import pytest
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.sessions.v1 import events_pb2 as sessions

from services.notify.domain.enums import DeliveryState
from services.notify.domain.messages import VANISHED
from tests.integration.notify.world import HOUR, ONLINE, SELF_PACED, Mailbox, World, text_of

DAY = 24 * HOUR
Vanish = Callable[[World], object]


def cancel(world: World) -> object:
    return world.tell(world.cancelled(HOUR))


def move(world: World) -> object:
    return world.tell(world.moved(HOUR, 3 * DAY))


def move_next_door(world: World) -> object:
    return world.tell(world.moved(HOUR, HOUR))


def start(world: World) -> object:
    return world.tell(sessions.SessionStarted(session_id="s1", run_id="r1"))


def end(world: World) -> object:
    return world.tell(sessions.SessionEnded(session_id="s1", run_id="r1"))


def wait_for_the_class(world: World) -> object:
    return world.clock.forward(hours=1)


VANISHING = [cancel, move, start, end, wait_for_the_class]
vanishing = pytest.mark.parametrize("vanish", VANISHING)
# A reminder that is not due yet follows to another room; one that names a room falls with it.
changing = pytest.mark.parametrize("vanish", [*VANISHING, move_next_door])


def ready(world: World, *learners: str) -> None:
    """A run whose class starts in an hour: its last reminder is due now."""
    world.people(*learners)
    world.run(*learners)
    world.schedule(HOUR + HOUR)
    world.clock.forward(hours=1)


def test_a_start_that_is_taken_back_reminds_again(world: World, ada: str) -> None:
    """Only of what is still to come; an older start that arrives later changes nothing."""
    world.people(ada, "grace")
    world.run(ada)
    world.schedule(2 * DAY)
    began = sessions.SessionStarted(session_id="s1", run_id="r1")
    undone = sessions.SessionStartUndone(session_id="s1", run_id="r1")
    world.tell(began, undone)
    world.clock.forward(days=1)
    world.remind()
    world.broadcast()
    assert world.notified("Reminder") == world.notified() == [ada]


def test_reminders_a_day_and_an_hour_before(world: World, mailbox: Mailbox, ada: str) -> None:
    """Learners of live classes are reminded a day and an hour before, and nobody else is."""
    world.people(ada, "bob", "eve", "grace")
    world.run(ada)
    world.enrol("bob", mode=ONLINE)
    world.enrol("eve", mode=SELF_PACED)
    world.schedule(2 * DAY)
    for hours, count in ((23, 0), (1, 1), (22, 1), (1, 2), (1, 2)):
        world.clock.forward(hours=hours)
        world.remind()
        world.broadcast()
        assert world.notified("Reminder") == [ada] * count + ["bob"] * count
    world.send(mailbox.server())
    assert mailbox.mails(ada) == []  # the class has begun: no mail reminds of it now


def test_reminders_by_mail(world: World, mailbox: Mailbox, ada: str) -> None:
    """A reminder names the room and the way to join."""
    ready(world, ada)
    world.remind()
    world.broadcast()
    world.send(mailbox.server())
    (mail,) = mailbox.mails(ada)
    assert "Room: Aula" in text_of(mail)
    assert "https://meet.example/1" in text_of(mail)


@pytest.mark.parametrize("closed", [True, False])
def test_nobody_is_reminded_in_a_run_that_is_over(world: World, ada: str, closed: bool) -> None:
    """It was closed, or its last day is past; a run that goes on reminds as ever."""
    ready(world, ada)
    facts = catalog.RunFacts(run_id="r1", title="Waves", zone="UTC", end_date="1999-12-31")
    if closed:
        facts.end_date = "2999-12-31"
        facts.closed_at.FromDatetime(world.clock.now())
    world.hear("notify.rosters", world.event(catalog.RunUpdated(run_id="r1", run=facts)))
    world.remind()
    world.broadcast()
    assert world.notified() == []


def test_reminders_in_the_past_are_not_sent(world: World, ada: str) -> None:
    """A class that is scheduled at short notice has the reminders that are still to come."""
    world.people(ada)
    world.run(ada)
    world.schedule(HOUR)
    assert world.rows("reminders", {}) == []
    world.schedule(2 * HOUR, "s2")
    assert [one["_id"] for one in world.rows("reminders", {})] == ["s2:1h"]


def test_after_a_long_pause_one_reminder_is_told(world: World, ada: str) -> None:
    """If the reminders of a day and of an hour before are both due, the latter is sent."""
    world.people(ada)
    world.run(ada)
    world.schedule(2 * DAY)
    world.clock.forward(hours=47, minutes=30)
    world.remind()
    world.broadcast()
    assert world.notified("Reminder") == [ada]
    (message,) = world.rows("messages", {})
    assert message["event_id"].endswith(":1h")


def test_a_moved_session_moves_its_reminders(world: World, ada: str) -> None:
    """After a move people are reminded of the new time, and of the old one no more."""
    ready(world, ada)
    move(world)
    world.remind()
    world.broadcast()
    assert world.notified("Reminder") == []
    world.clock.forward(days=2)
    world.remind()
    world.broadcast()
    assert world.notified("Reminder") == [ada]


def test_a_session_moved_after_its_reminder_reminds_again(world: World, ada: str) -> None:
    """A reminder of the old time does not stand in for one of the new time."""
    ready(world, ada)
    world.remind()
    world.broadcast()
    move(world)
    world.clock.forward(days=2)
    world.remind()
    world.broadcast()
    assert world.notified("Reminder") == [ada, ada]


@vanishing
def test_vanished_before_it_is_due(world: World, ada: str, vanish: Vanish) -> None:
    """Nobody is reminded of a class that was moved, cancelled, has begun or has ended."""
    ready(world, ada)
    vanish(world)
    world.remind()
    world.broadcast()
    assert world.notified("Reminder") == []


@changing
def test_vanished_before_it_is_told(world: World, ada: str, vanish: Vanish) -> None:
    """No reminder is sent if the class is cancelled after the reminder was due."""
    ready(world, ada)
    world.remind()
    vanish(world)
    world.broadcast()
    assert world.notified("Reminder") == []


@changing
def test_vanished_before_it_is_sent(
    world: World, mailbox: Mailbox, ada: str, vanish: Vanish
) -> None:
    """A queued mail that reminds of a class that has vanished is given up, and the log says why."""
    ready(world, ada)
    world.remind()
    world.broadcast()
    vanish(world)
    world.send(mailbox.server())
    assert mailbox.mails(ada) == []
    (delivery,) = world.mails_in(DeliveryState.FAILED)
    assert delivery.error == VANISHED
    assert "failed.v1" in world.published()


def test_a_room_with_a_new_name(world: World, mailbox: Mailbox, ada: str) -> None:
    """Later reminders tell it, and nobody gets news of it; an older event changes nothing."""
    world.people(ada, "grace")
    world.run(ada)
    world.schedule(2 * DAY)
    renamed = sessions.SessionRoomRenamed(session_id="s1", run_id="r1", room="Curie Hall")
    world.tell(renamed)
    older = sessions.SessionRoomRenamed(session_id="s1", run_id="r1", room="Attic")
    world.hear("notify.triggers", world.event(older, sequence=1))
    world.broadcast()
    assert world.notified() == []
    world.clock.forward(days=1)
    world.remind()
    world.broadcast()
    world.send(mailbox.server())
    [mail] = mailbox.mails(ada)
    assert "Curie Hall" in text_of(mail)


def test_a_move_to_another_room_at_the_same_time(world: World, mailbox: Mailbox, ada: str) -> None:
    """If only the room changes, the reminder stays, and names the new room."""
    world.people(ada)
    world.run(ada)
    world.schedule(2 * HOUR)
    world.tell(world.moved(2 * HOUR, 2 * HOUR))
    world.clock.forward(hours=1)
    world.remind()
    world.broadcast()
    world.send(mailbox.server())
    (mail,) = [one for one in mailbox.mails(ada) if "Reminder" in str(one["Subject"])]
    assert "Room: Lab" in text_of(mail)


def test_who_enrols_later_is_reminded(world: World, ada: str) -> None:
    """A reminder goes to those who are in the run when it falls due, not when it was set."""
    world.people(ada, "bob")
    world.run("bob")
    world.schedule(2 * DAY)
    world.enrol(ada)
    gone = catalog.EnrolmentWithdrawn(enrolment_id="r1-bob", run_id="r1", learner_id="bob")
    world.hear("notify.rosters", world.event(gone))
    world.clock.forward(days=1)
    world.remind()
    world.broadcast()
    assert world.notified("Reminder") == [ada]


def test_who_changes_the_mode_is_reminded_by_the_new_one(world: World, ada: str) -> None:
    """Who studies alone is not reminded of a class, and is again after coming back to it."""
    world.people(ada)
    world.run(ada)
    world.schedule(2 * DAY)

    def to(mode: int) -> None:
        changed = catalog.EnrolmentModeChanged(
            enrolment_id=f"r1-{ada}",
            run_id="r1",
            learner_id=ada,
            to_mode=mode,  # type: ignore[arg-type]
        )
        world.hear("notify.rosters", world.event(changed))

    to(SELF_PACED)
    world.clock.forward(days=1)
    world.remind()
    world.broadcast()
    assert world.notified("Reminder") == []
    to(ONLINE)
    world.clock.forward(hours=23)
    world.remind()
    world.broadcast()
    assert world.notified("Reminder") == [ada]


def test_a_scheduling_that_comes_last_sets_no_reminder(world: World) -> None:
    """News of a session that is older than what is known of it changes nothing."""
    old = world.event(world.scheduled(2 * DAY))
    world.hear("notify.triggers", world.event(world.scheduled(2 * DAY)))
    cancel(world)
    world.hear("notify.triggers", old)
    assert world.rows("reminders", {}) == []
