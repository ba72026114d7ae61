"""What events tell of calendars, and mails tell calendar programs: the same as feeds."""

from collections.abc import Iterable, Sequence
from typing import Any

from hypothesis import given, settings

from chassis.calendars.entries import Entry
from services.notify.calendar_parts import invitation_text
from services.notify.domain.invitations import invitations_of
from services.sessions.calendar_text import calendar_text
from services.sessions.domain.calendars import told_of_series, told_of_session
from services.sessions.domain.series import Series
from services.sessions.domain.session import Session
from tests.unit.sessions.calendars import Told, instances_of, parsed, read, told
from tests.unit.sessions.test_calendars import series_with_exceptions

Planned = tuple[Series, list[Session]]


def mailed(entries: Iterable[Entry]) -> list[Told]:
    """What a strict reader finds in the invitations of a mail."""
    texts = [invitation_text(each, "o@example.com", "a@example.com") for each in
             invitations_of(entries)]  # fmt: skip
    return sorted(each for text in texts for each in read(text.encode()))


def events(text: bytes) -> dict[tuple[str, Any], tuple[Any, ...]]:
    """The events of a text by UID and RECURRENCE-ID: what a program decides by, and the start."""
    return {
        (each["UID"], each["RECURRENCE-ID"].dt if "RECURRENCE-ID" in each else None): (
            each["SEQUENCE"],
            each["DTSTAMP"].dt,
            each["DTSTART"].dt,
            each["DURATION"].dt,
        )
        for each in parsed(text).walk("VEVENT")
    }


def of_mail(entries: Sequence[Entry]) -> dict[tuple[str, Any], tuple[Any, ...]]:
    """The events of a mail's invitations."""
    found: dict[tuple[str, Any], tuple[Any, ...]] = {}
    for each in invitations_of(entries):
        found |= events(invitation_text(each, "o@example.com", "a@example.com").encode())
    return found


@given(series_with_exceptions())
@settings(max_examples=25, deadline=None)
def test_a_series_is_told_as_feeds_show_it(planned: Planned) -> None:
    """The same classes but cancelled ones, at the same instants, with the same UID; each event
    that both have is of the same SEQUENCE and DTSTAMP.
    """
    series, sessions = planned
    feed = calendar_text("Classes", told(sessions, [series]))
    entries = told_of_series(series, sessions, instances_of(series))
    left = [each for each in read(feed) if each.status != "CANCELLED"]
    assert [(e.uid, e.start, e.end, e.location) for e in mailed(entries)] == [
        (e.uid, e.start, e.end, e.location) for e in left
    ]
    shown, sent = events(feed), of_mail(entries)
    assert {key: shown[key] for key in sent} == sent


@given(series_with_exceptions())
@settings(max_examples=25, deadline=None)
def test_a_class_is_told_as_feeds_show_it(planned: Planned) -> None:
    """A class that moved or was cancelled: the event of the feed that overrides the rule."""
    series, sessions = planned
    shown = events(calendar_text("Classes", told(sessions, [series])))
    for session in sessions:
        [(key, sent)] = of_mail(told_of_session(session, series)).items()
        assert shown.get(key, sent) == sent
        alone = events(calendar_text("Classes", told([session])))
        assert of_mail(told_of_session(session, None)) == alone
