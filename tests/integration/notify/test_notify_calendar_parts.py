"""Mails of classes as calendar programs read them (iMIP, RFC 6047)."""

from datetime import timedelta
from typing import Any

from google.protobuf.message import Message as Proto
from icalendar import Calendar
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.options.v1 import options_pb2
from tandem.sessions.v1 import calendars_pb2

from services.notify.domain.folds import WINDOW
from tests.integration.notify.world import HOUR, Mailbox, World


def shown(world: World, data: Any, starts_in: timedelta, uid: str = "s1", **fields: Any) -> Proto:
    """The event with what calendars show from now."""
    entry = calendars_pb2.CalendarEntry(uid=uid, title="Waves", **fields)
    start = world.clock.now() + starts_in
    entry.starts.local = start.replace(tzinfo=None).isoformat(timespec="seconds")
    entry.starts.zone = "UTC"
    entry.start_time.FromDatetime(start)
    entry.stamp.FromDatetime(world.clock.now())
    entry.duration.FromTimedelta(HOUR)
    data.calendar.append(entry)
    return data  # type: ignore[no-any-return]


def invitations(mailbox: Mailbox, person_id: str) -> list[tuple[str, str, int]]:
    """Method, UID and SEQUENCE of what each mail of a person tells calendar programs."""
    found = []
    for mail in mailbox.mails(person_id):
        for part in mail.iter_attachments():
            calendar: Any = Calendar.from_ical(part.get_payload(decode=True))  # type: ignore[arg-type]
            [event] = calendar.walk("VEVENT")
            assert event["ATTENDEE"] == f"mailto:{person_id}@example.com"
            found.append((str(calendar["METHOD"]), str(event["UID"]), int(event["SEQUENCE"])))
    return found


def test_a_moved_and_a_cancelled_class(world: World, mailbox: Mailbox, ada: str) -> None:
    """Each mail tells calendar programs what to do: REQUEST, then CANCEL with a higher SEQUENCE;
    who wants no such parts gets the mails without them.
    """
    bohr = f"bohr-{ada}"
    world.people(ada, bohr, "grace")
    world.run(ada, bohr)
    world.choose(bohr, calendar_parts=False)
    world.schedule(5 * HOUR)
    world.tell(shown(world, world.moved(5 * HOUR, 6 * HOUR), 6 * HOUR, revision=1))
    world.broadcast()
    world.send(mailbox.server())
    cancelled = shown(world, world.cancelled(6 * HOUR), 6 * HOUR, revision=2, cancelled=True)
    world.tell(cancelled)
    world.broadcast()
    world.clock.at += WINDOW  # what follows at once waits that long
    world.send(mailbox.server())
    uid = "s1@sessions.tandem"
    assert invitations(mailbox, ada) == [("REQUEST", uid, 1), ("CANCEL", uid, 2)]
    assert invitations(mailbox, bohr) == []
    assert len(mailbox.mails(bohr)) == 2


def test_a_class_of_a_series(world: World, mailbox: Mailbox, ada: str) -> None:
    """Learners and staff of the run have the series; a guest, whose feed has the class by itself,
    gets no part of another UID.
    """
    guest, staff = f"guest-{ada}", f"staff-{ada}"
    world.people(ada, guest, staff)
    world.run(ada)
    changed = catalog.RunStaffChanged(run_id="r1")
    changed.run.run_id, changed.run.title = "r1", "Physics"
    changed.run.staff.add(person_id=staff, role=options_pb2.STAFF_ROLE_TEACHER)
    world.hear("notify.rosters", world.event(changed))
    of_series: dict[str, Any] = {
        "revision": 3,
        "recurrence_id": "2026-03-02T09:00:00",
        "zone": "UTC",
    }
    scheduled: Any = world.scheduled(5 * HOUR)
    scheduled.instructor_id = staff
    world.tell(scheduled)
    moved: Any = shown(world, world.moved(5 * HOUR, 6 * HOUR), 6 * HOUR, **of_series)
    moved.old_instructor_id, moved.new_instructor_id = staff, guest
    world.tell(moved)
    world.broadcast()
    world.send(mailbox.server())
    assert invitations(mailbox, ada) == [("REQUEST", "s1@sessions.tandem", 3)]
    assert invitations(mailbox, staff) == [("REQUEST", "s1@sessions.tandem", 3)]
    assert (invitations(mailbox, guest), len(mailbox.mails(guest))) == ([], 1)


def test_a_fold_has_a_part_of_each_change(world: World, mailbox: Mailbox, ada: str) -> None:
    """Each with its own method; what was overtaken by then has none."""
    bohr = f"bohr-{ada}"
    world.people(ada, bohr, "grace")
    world.run(ada, bohr)
    world.choose(bohr, calendar_parts=False)
    for number in (1, 2, 3):
        world.schedule(number * 5 * HOUR, f"s{number}")
    for number in (1, 2, 3):
        moved = world.moved(number * 5 * HOUR, number * 6 * HOUR, f"s{number}")
        world.tell(shown(world, moved, number * 6 * HOUR, f"s{number}", revision=1))
    gone = world.cancelled(6 * HOUR, "s1")
    world.tell(shown(world, gone, 6 * HOUR, revision=2, cancelled=True))
    world.broadcast()
    world.clock.at += WINDOW
    world.send(mailbox.server())
    assert sorted(invitations(mailbox, ada)) == [
        ("CANCEL", "s1@sessions.tandem", 2),
        ("REQUEST", "s2@sessions.tandem", 1),
        ("REQUEST", "s3@sessions.tandem", 1),
    ]
    assert invitations(mailbox, bohr) == []
    assert len(mailbox.mails(ada)) == len(mailbox.mails(bohr)) == 1
