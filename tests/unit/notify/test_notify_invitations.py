"""Invitations: mails that calendar programs read (iMIP, RFC 6047)."""

import email
import email.policy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote, urlsplit

from hypothesis import given, settings
from hypothesis import strategies as st
from icalendar import Calendar

from chassis.calendars.entries import Entry
from chassis.civil import CivilTime
from chassis.texts import shown
from services.notify.calendar_parts import invitation_text
from services.notify.domain.invitations import Method, invitations_of, newest_first
from services.notify.domain.messages import Mail
from services.notify.domain.notices import Text
from services.notify.mail import address, write

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
SENDER, ADA = "tandem@university.example", "ada@example.com"
ENTRY = Entry(
    uid="s1",
    starts=CivilTime("2026-03-02T09:00:00", "Europe/Dublin"),
    start_time=START,
    duration=timedelta(minutes=50),
    title="Waves",
    location="Aula",
    cancelled=False,
    revision=3,
    stamp=START - timedelta(days=1),
)
RULE = replace(
    ENTRY,
    uid="m1",
    zone="Europe/Dublin",
    rrule="FREQ=WEEKLY;COUNT=4",
    rdates=("2026-03-05T09:00:00",),
    last="2026-03-23T09:00:00",
)


def mail(*entries: Entry) -> email.message.EmailMessage:
    """A mail of these entries, as a mail program reads it."""
    text = Text("Moved: Waves", "Hello\n", "en", "<p>Hello</p>")
    sent = write(Mail("0c5f", ADA, text, START, invitations_of(entries)), SENDER).as_bytes()
    assert sent.isascii()
    return email.message_from_bytes(sent, policy=email.policy.default)


def calendar(part: Any) -> Any:
    """What a part tells; nothing in it may be wrong, and its lines are folded (RFC 5545, 3.1)."""
    raw = part.get_payload(decode=True)
    assert all(len(line) <= 75 for line in raw.split(b"\r\n"))
    found: Any = Calendar.from_ical(raw)
    assert [each.errors for each in found.walk() if each.errors] == []
    return found


def told(*entries: Entry) -> list[Any]:
    """The calendars that a mail of these entries has as files."""
    return [calendar(part) for part in mail(*entries).iter_attachments()]


def test_text_and_html_come_first() -> None:
    """The invitation is the last alternative, and a file; its type names the method and the
    component that it has (RFC 6047, section 2.4).
    """
    message = mail(ENTRY)
    assert message.get_content_type() == "multipart/mixed"
    (alternatives, file) = message.iter_parts()
    parts = list(alternatives.iter_parts())
    assert [part.get_content_type() for part in parts] == [
        "text/plain",
        "text/html",
        "text/calendar",
    ]
    assert file.get_filename() == "classes-1.ics"
    for part in (parts[-1], file):
        parameters = dict(part["Content-Type"].params)
        assert parameters == {"method": "REQUEST", "charset": "UTF-8", "component": "VEVENT"}
        assert calendar(part)["METHOD"] == "REQUEST"


def test_a_request_has_all_that_it_must() -> None:
    """UID, SEQUENCE, DTSTAMP, DTSTART, who invites, and who is invited (RFC 5546, section
    3.2.2); nobody is asked for an answer.
    """
    [found] = told(ENTRY)
    [event] = found.walk("VEVENT")
    assert (event["UID"], event["SEQUENCE"], event["STATUS"]) == (
        "s1@sessions.tandem",
        3,
        "CONFIRMED",
    )
    assert (event["DTSTART"].dt, event["DTSTAMP"].dt) == (START, ENTRY.stamp)
    assert event["ORGANIZER"] == f"mailto:{SENDER}"
    assert event["ATTENDEE"] == f"mailto:{ADA}"
    assert event["ATTENDEE"].params["RSVP"] == "FALSE"
    assert [zone["TZID"] for zone in found.walk("VTIMEZONE")] == ["Europe/Dublin"]


def test_a_cancellation_says_so() -> None:
    """By its method, and by the state of each event (RFC 5546, section 3.2.5)."""
    [found] = told(replace(ENTRY, cancelled=True))
    [event] = found.walk("VEVENT")
    assert (found["METHOD"], event["STATUS"], event["SEQUENCE"]) == ("CANCEL", "CANCELLED", 3)


def test_each_object_has_one_uid() -> None:
    """A series that was split is two; the mail has both, and one method for each."""
    found = told(RULE, replace(RULE, uid="m0"))
    assert [{event["UID"] for event in each.walk("VEVENT")} for each in found] == [
        {"m1@sessions.tandem"},
        {"m0@sessions.tandem"},
    ]


def test_a_request_has_no_cancelled_class() -> None:
    """Its series leaves it out instead, whether the rule gives it or a further date."""
    gone = [
        replace(RULE, rrule="", rdates=(), last="", recurrence_id=local, cancelled=True)
        for local in ("2026-03-05T09:00:00", "2026-03-09T09:00:00")
    ]
    [invitation] = invitations_of([RULE, *gone])
    [entry] = invitation.entries
    assert invitation.method is Method.REQUEST
    assert (entry.rdates, entry.exdates) == ((), ("2026-03-09T09:00:00",))


def test_nothing_to_tell() -> None:
    """A mail without an invitation is text and HTML only."""
    assert mail().get_content_type() == "multipart/alternative"


@given(st.text(max_size=300), st.text(max_size=300))
@settings(max_examples=50, deadline=None)
def test_hostile_titles_stay_titles(title: str, room: str) -> None:
    """Nothing in a title or the name of a room becomes another line, or another attendee."""
    title += "\r\nX-ATTENDEE:\r\nATTENDEE:mailto:eve@example.com\r\nEND:VEVENT"
    [found] = told(replace(ENTRY, title=title, location=room))
    [event] = found.walk("VEVENT")
    assert event["SUMMARY"] == shown(title)
    assert event["ATTENDEE"] == f"mailto:{ADA}"
    assert event.get("LOCATION", "") == (shown(room) if room else "")


def test_addresses_are_uris() -> None:
    """Each address that mail takes is the path of a URI of it, and no more (RFC 6068)."""
    (invitation,) = invitations_of([ENTRY])
    odd = "o'neil+a%20b#c?cc=d&e/f@example.com"
    (event,) = Calendar.from_ical(invitation_text(invitation, SENDER, odd)).walk("VEVENT")
    to = urlsplit(str(event["ATTENDEE"]))
    assert (to.scheme, unquote(to.path), to.query, to.fragment) == ("mailto", odd, "", "")
    assert address(odd) == odd


def test_the_newest_comes_first() -> None:
    """A series that was moved and then cancelled is cancelled for a program that reads one part."""
    cancelled = replace(RULE, cancelled=True, revision=4, stamp=RULE.stamp + timedelta(seconds=5))
    events = [*invitations_of([RULE]), *invitations_of([ENTRY]), *invitations_of([cancelled])]
    assert [each.method for each in newest_first(events)] == ["CANCEL", "REQUEST", "REQUEST"]
