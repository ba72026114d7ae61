"""Series of classes: people are told once, whatever the number of classes."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from google.protobuf.message import Message as Proto
from tandem.sessions.v1 import events_pb2 as sessions

from services.notify.domain.enums import Channel
from services.notify.domain.folds import WINDOW
from tests.integration.notify.world import HOUR, Mailbox, World, text_of

DAY = 24 * HOUR
MANY = 40
IDS = [f"s{number}" for number in range(MANY)]


@pytest.fixture
def taught(world: World) -> World:
    """A run with ada, and a series of forty daily classes, taught by grace; bohr is known too."""
    world.people("ada", "grace", "bohr")
    world.run("ada")
    for place, session_id in enumerate(IDS):
        world.schedule((place + 2) * DAY, session_id)
    return world


def moved(world: World, ids: Sequence[str] = IDS, by: timedelta = HOUR, **fields: Any) -> Proto:
    """The event that the classes moved together, an hour later."""
    told = sessions.SeriesMoved(
        series_id="series",
        run_id="r1",
        title="Waves",
        old_room="Aula",
        room="Lab",
        old_instructor_id="grace",
        new_instructor_id="grace",
        reason="The ceiling leaks",
    )
    told.MergeFrom(sessions.SeriesMoved(**fields))
    for session_id in ids:
        start = world.clock.now() + (IDS.index(session_id) + 2) * DAY
        each = told.occurrences.add(session_id=session_id)
        each.old_start_time.FromDatetime(start)
        each.old_end_time.FromDatetime(start + HOUR)
        each.new_start_time.FromDatetime(start + by)
        each.new_end_time.FromDatetime(start + by + HOUR)
    return told


def each_moved(world: World, **fields: Any) -> list[Proto]:
    """The events that each of the classes moved with the series, an hour later."""
    found = []
    for place, session_id in enumerate(IDS):
        event = world.moved((place + 2) * DAY, (place + 2) * DAY + HOUR, session_id)
        event.MergeFrom(sessions.SessionMoved(series_id="series", **fields))
        found.append(event)
    return found


def cancelled(world: World, ids: Sequence[str] = IDS) -> list[Proto]:
    """The events that each of the classes was cancelled, and that they were together."""
    told = sessions.SeriesCancelled(
        series_id="series", run_id="r1", title="Waves", instructor_id="grace", reason="Strike"
    )
    found: list[Proto] = []
    for session_id in ids:
        place = IDS.index(session_id)
        event = world.cancelled((place + 2) * DAY, session_id)
        event.MergeFrom(sessions.SessionCancelled(series_id="series"))
        found.append(event)
        each = told.occurrences.add(session_id=session_id, substitute_item_id="book")
        each.start_time.FromDatetime(world.clock.now() + (place + 2) * DAY)
        each.end_time.FromDatetime(world.clock.now() + (place + 2) * DAY + HOUR)
    return [*found, told]


@pytest.mark.parametrize("series_first", [True, False])
def test_a_moved_series_is_told_once(taught: World, series_first: bool) -> None:
    """One message a person, in whatever order the events come; urgent; reminders follow."""
    both = [[moved(taught)], each_moved(taught)]
    for events in both if series_first else reversed(both):
        taught.tell(*events)
    taught.broadcast()
    assert taught.notified() == ["ada", "grace"]
    assert taught.notified("Moved") == ["ada", "grace"]
    assert all(one.urgent for one in taught.deliveries(channel=Channel.EMAIL))
    (row,) = taught.rows("messages", {"person_id": "ada"})
    assert '40 classes of "Waves" have been moved' in row["body"]
    assert row["body"].count(" -> ") == MANY + 1
    assert "Room: Aula -> Lab" in row["body"]
    assert "The ceiling leaks" in row["body"]
    reminders = {row["session_id"]: row["start_time"] for row in taught.rows("reminders", {})}
    assert reminders["s5"] == taught.clock.now() + 7 * DAY + HOUR


def test_a_cancelled_series_is_told_once(taught: World) -> None:
    """One message a person, with the substitute item once; no reminder is left."""
    taught.tell(*cancelled(taught))
    taught.broadcast()
    assert taught.notified("Cancelled") == taught.notified() == ["ada", "grace"]
    (row,) = taught.rows("messages", {"person_id": "ada"})
    assert '40 classes of "Waves" will not take place' in row["body"]
    assert row["body"].count("- book") == 1
    assert taught.rows("reminders", {}) == []


def test_only_so_many_times_are_listed(taught: World) -> None:
    """The others are counted."""
    many = moved(taught)
    for each in list(many.occurrences)[:20]:  # type: ignore[attr-defined]
        many.occurrences.add().CopyFrom(each)  # type: ignore[attr-defined]
    taught.tell(many)
    taught.broadcast()
    (row,) = taught.rows("messages", {"person_id": "ada"})
    assert "... and 10 more" in row["body"]


def test_a_class_that_moved_alone_is_told_by_itself(taught: World) -> None:
    """Also one of a series: its event names no series."""
    taught.tell(taught.moved(3 * DAY, 4 * DAY, "s1"))
    taught.broadcast()
    assert taught.notified("Moved") == ["ada", "grace"]


def test_old_and_new_instructor_are_told(taught: World) -> None:
    """The new one by name; the class is the new one's from now on."""
    taught.tell(*each_moved(taught, old_instructor_id="grace", new_instructor_id="bohr"))
    taught.tell(moved(taught, new_instructor_id="bohr"))
    taught.broadcast()
    assert taught.notified() == ["ada", "bohr", "grace"]
    (row,) = taught.rows("messages", {"person_id": "ada"})
    assert "Taught from now by: Bohr" in row["body"]
    assert {row["instructor_id"] for row in taught.rows("sessions", {})} == {"bohr"}


def test_a_newer_move_of_the_series_overtakes_an_older_one(
    world: World, mailbox: Mailbox, ada: str
) -> None:
    """Its mail is not sent any more; a cancellation of some classes later takes back nothing."""
    world.people(ada, "grace")
    world.run(ada)
    world.tell(moved(world, reason="first"), moved(world, by=2 * HOUR, reason="second"))
    world.tell(cancelled(world)[-1])
    world.broadcast()
    world.clock.at += WINDOW  # of a fold
    world.send(mailbox.server())
    (told,) = mailbox.mails(ada)
    assert str(told["Subject"]) == "2 changes of your classes"
    assert all(each in text_of(told) for each in ("Cancelled: Waves", "Moved: Waves", "second"))
    assert "first" not in text_of(told)


@pytest.mark.parametrize("moved_last", [True, False])
@pytest.mark.parametrize(("left", "expected"), [(0, ["Cancelled"]), (1, ["Cancelled", "Moved"])])
def test_a_move_is_told_while_one_of_its_classes_is_to_take_place(
    world: World, mailbox: Mailbox, ada: str, left: int, expected: list[str], moved_last: bool
) -> None:
    """Not after all classes of the series were cancelled, in whatever order the events come; a
    cancellation from one class on leaves the move of the earlier ones.
    """
    world.people(ada, "grace")
    world.run(ada)
    classes = IDS[:3]
    for place, session_id in enumerate(classes):
        world.schedule((place + 2) * DAY, session_id)
    news = [[world.event(moved(world, classes))],
            [world.event(each) for each in cancelled(world, classes[left:])]]  # fmt: skip
    for events in reversed(news) if moved_last else news:
        for event in events:
            world.hear("notify.triggers", event)
        world.broadcast()
    world.clock.at += WINDOW  # of a fold
    world.send(mailbox.server())
    (told,) = mailbox.mails(ada)
    text = f"{told['Subject']}\n{text_of(told)}"  # alone, a change is told by the subject
    assert [each for each in ("Cancelled", "Moved") if f"{each}: Waves" in text] == expected


def test_a_series_is_over_after_its_last_class(taught: World) -> None:
    """Later it is told in the inbox only, not urgently."""
    event = taught.event(moved(taught))
    taught.clock.forward(hours=24 * 60)
    taught.hear("notify.triggers", event)
    taught.broadcast()
    (row,) = taught.rows("messages", {"person_id": "ada"})
    assert not row["urgent"]
