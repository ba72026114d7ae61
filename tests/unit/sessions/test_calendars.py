"""Rules of calendars: what is in a feed, and how strict readers understand it."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.calendars.zones import vtimezone
from chassis.texts import shown
from services.sessions.calendar_text import calendar_text
from services.sessions.domain.calendars import View, entries
from services.sessions.domain.enums import CivilTime, SessionPurpose, SessionState
from services.sessions.domain.feeds import Feed, Reader
from services.sessions.domain.series import Series
from services.sessions.domain.session import Session
from tests.unit.sessions import examples
from tests.unit.sessions.calendars import (
    DAY,
    VIEW,
    at,
    instances_of,
    moved,
    parsed,
    read,
    sessions_of,
    told,
)

# With clocks that change in spring, in autumn, by half an hour, for Ramadan, and never.
ZONES = (
    "Europe/Dublin",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Asia/Kolkata",
    "UTC",
)
WEEKS = st.sampled_from(["2026-03-02", "2026-03-23", "2026-10-19", "2026-02-09", "2026-09-28"])
RULES = st.sampled_from(
    [
        "FREQ=WEEKLY;COUNT=6",
        "FREQ=DAILY;COUNT=9",
        "FREQ=WEEKLY;INTERVAL=2;COUNT=5;BYDAY=MO,WE",
        "FREQ=MONTHLY;COUNT=4;BYMONTHDAY=-1",
    ]
)


@st.composite
def series_with_exceptions(draw: st.DrawFn) -> tuple[Series, list[Session]]:
    """A series around a change of clocks, some of whose classes are not as its rule gives them."""
    day, rule = draw(WEEKS), draw(RULES)
    day = "2026-03-31" if "MONTHLY" in rule else day
    hour = draw(st.integers(0, 23))
    series = replace(
        examples.SERIES,
        starts=CivilTime(f"{day}T{hour:02}:30:00", draw(st.sampled_from(ZONES))),
        duration=draw(st.sampled_from([timedelta(minutes=50), timedelta(hours=24)])),
        rrule=rule,
        rdates=tuple(draw(st.lists(st.sampled_from(["2026-04-07T07:15:00"]), max_size=1))),
    )
    return series, [_changed(draw, each) for each in sessions_of(series)]


def _changed(draw: st.DrawFn, session: Session) -> Session:
    change = draw(st.sampled_from(["none"] * 4 + ["moved", "room", "cancelled", "longer"]))
    session = replace(session, revision=0 if change == "none" else draw(st.integers(1, 3)))
    if change == "moved":
        local = f"2026-04-{draw(st.integers(1, 28)):02}T{draw(st.integers(0, 23)):02}:00:00"
        return moved(session, CivilTime(local, draw(st.sampled_from(ZONES))))
    if change == "cancelled":
        return replace(session, state=SessionState.CANCELLED)
    if change == "longer":
        return moved(session, session.starts, duration=timedelta(hours=3, seconds=1))
    return replace(session, room="Elsewhere", room_id="lab") if change == "room" else session


Facts = tuple[datetime, datetime, str, bool]


def facts(sessions: list[Session]) -> Counter[Facts]:
    """What a reader must find of some sessions: instants, room, and whether it is cancelled."""
    return Counter(
        (each.start_time, each.end_time, each.room, each.state is SessionState.CANCELLED)
        for each in sessions
    )


def found(text: bytes) -> Counter[Facts]:
    """What a strict reader finds in a calendar."""
    return Counter(
        (each.start, each.end, each.location, each.status == "CANCELLED") for each in read(text)
    )


@given(series_with_exceptions())
@settings(max_examples=40, deadline=None)
def test_a_reader_finds_the_classes_of_a_series(planned: tuple[Series, list[Session]]) -> None:
    """Each class of a series, at its instants, in its room, across changes of clocks and with any
    exceptions.
    """
    series, sessions = planned
    text = calendar_text("Classes", told(sessions, [series]))
    assert found(text) == facts(sessions)


@given(series_with_exceptions(), st.sets(st.integers(0, 8)))
@settings(max_examples=20, deadline=None)
def test_what_a_reader_may_not_see_is_no_class(
    planned: tuple[Series, list[Session]], hidden: set[int]
) -> None:
    """Classes of a series that the feed does not show are left out, and all others stay."""
    series, sessions = planned
    sessions = [
        replace(each, run_id="other") if place in hidden else each
        for place, each in enumerate(sessions)
    ]
    text = calendar_text("Classes", told(sessions, [series]))
    assert found(text) == facts([each for each in sessions if each.run_id == "run"])


def test_each_change_has_its_own_event() -> None:
    """A class that was moved, cancelled, or takes place in another room overrides the rule; the
    others follow from it.
    """
    series = examples.SERIES
    first, second, third, fourth = sessions_of(series)
    changed = [
        first,
        moved(second, CivilTime("2026-03-10T11:00:00", "Europe/Dublin"), revision=1),
        replace(third, state=SessionState.CANCELLED, revision=2),
        replace(fourth, room="Elsewhere", room_id="lab"),
    ]
    rule, *others = told(changed, [replace(series, revision=3)])
    assert (rule.rrule, rule.exdates, rule.recurrence_id) == (series.rrule, (), "")
    assert [each.recurrence_id for each in others] == [
        each.recurrence_id for each in (second, third, fourth)
    ]
    assert {each.uid for each in others} == {series.id}
    assert [each.revision for each in (rule, *others)] == [3, 4, 5, 3]
    assert [each.cancelled for each in others] == [False, True, False]


def test_a_series_that_is_not_the_readers_is_told_by_its_classes() -> None:
    """A guest who holds one class of a series learns nothing of the others."""
    series = replace(examples.SERIES, run_id="other")
    sessions = [replace(each, run_id="other") for each in sessions_of(series)]
    sessions[2] = replace(sessions[2], instructor_id="ada")
    [entry] = told(sessions, [series])
    assert (entry.uid, entry.rrule, entry.recurrence_id) == (sessions[2].id, "", "")


def test_a_time_that_comes_twice_is_told_in_utc() -> None:
    """Readers disagree about such times, so a class at one is told as an instant."""
    twice = CivilTime("2026-10-25T01:30:00", "Europe/Dublin")
    session = moved(examples.session(), twice)
    text = calendar_text("Classes", told([session]))
    assert b"DTSTART:20261025T003000Z\r\n" in text
    series = replace(examples.SERIES, starts=twice, rrule="FREQ=DAILY;COUNT=2")
    rule, override = told(sessions_of(series), [series])
    assert (rule.rrule, override.recurrence_id) == (series.rrule, twice.local)


def test_a_class_over_a_change_of_clocks_is_told_in_utc() -> None:
    """Readers add a length to the wall, or to the instant; in UTC both are the same."""
    night = CivilTime("2026-03-29T00:30:00", "Europe/Dublin")
    session = moved(examples.session(), night, duration=timedelta(hours=24))
    assert b"DTSTART:20260329T003000Z\r\n" in calendar_text("Classes", told([session]))


def test_instants_of_older_zone_data_are_told_in_utc() -> None:
    """What the session says counts, and not what this process' zone data make of its wall."""
    session = replace(examples.session(), start_time=examples.NINE + timedelta(hours=1))
    assert b"DTSTART:20260302T100000Z\r\n" in calendar_text("Classes", told([session]))


@pytest.mark.parametrize(("days", "kept"), [(27, True), (29, False)])
def test_a_cancelled_class_stays_for_some_weeks(days: int, kept: bool) -> None:
    """After 28 days no client needs it any more; one that took place stays."""
    session = examples.session(state=SessionState.CANCELLED)
    past = replace(session, end_time=DAY - timedelta(days=days))
    assert bool(told([past])) is kept
    assert told([replace(past, state=SessionState.ENDED)])


def test_a_class_has_all_that_calendars_need() -> None:
    """UID, SEQUENCE, stamps, the wall with its zone, how long, status and where to join."""
    session = examples.session(revision=2, revised_at=DAY)
    calendar = parsed(calendar_text("Classes", told([session])))
    assert (calendar["version"], calendar["name"]) == ("2.0", "Classes")
    [event] = calendar.walk("VEVENT")
    lines = event.to_ical().decode().split("\r\n")
    assert set(lines) >= {
        "UID:s1@sessions.tandem",
        "SEQUENCE:2",
        "DTSTAMP:20260302T000000Z",
        "LAST-MODIFIED:20260302T000000Z",
        "DTSTART;TZID=Europe/Dublin:20260302T090000",
        "DURATION:PT1H",
        "SUMMARY:Motion",
        "LOCATION:Aula Maxima",
        "STATUS:CONFIRMED",
        "URL:https://meet.example.edu/1",
    }
    [zone] = calendar.walk("VTIMEZONE")
    assert zone["tzid"] == "Europe/Dublin"


@given(st.text(max_size=120), st.text(max_size=60))
@settings(max_examples=60, deadline=None)
def test_any_text_is_told_as_it_is(title: str, room: str) -> None:
    """Commas, semicolons, breaks and controls break no line; lines have at most 75 octets and end
    with CRLF.
    """
    session = examples.session(title=title, room=room)
    text = calendar_text(title, told([session]))
    lines = text.split(b"\r\n")
    assert lines[-1] == b""
    assert all(len(line) <= 75 and not set(line) & set(range(32)) for line in lines)
    for line in lines:
        line.decode()
    [event] = read(text)
    assert (event.title, event.location) == (shown(title), shown(room))


@pytest.mark.parametrize("zone", ZONES)
def test_a_zone_changes_when_its_clocks_do(zone: str) -> None:
    """Each change is told by the wall of before (RFC 5545, section 3.6.5), none is left out, and
    none is told twice.
    """
    found = []
    observances: list[Any] = vtimezone(zone, 2026, 2027).subcomponents
    for each in observances:
        offset = each["tzoffsetfrom"].td
        found.append((each["dtstart"].dt.replace(tzinfo=UTC) - offset, each["tzoffsetto"].td))
    info, at, expected = ZoneInfo(zone), found[0][0], [found[0]]
    while at < datetime(2028, 1, 2, tzinfo=UTC):
        offset = at.astimezone(info).utcoffset()
        if offset != expected[-1][1]:
            assert offset is not None
            expected.append((at, offset))
        at += timedelta(minutes=15)
    assert found == expected


def test_an_empty_calendar_is_one() -> None:
    """Who may see nothing gets a calendar without events."""
    calendar = parsed(calendar_text("Classes", told([examples.session(run_id="other")])))
    assert (calendar["x-wr-calname"], calendar.subcomponents) == ("Classes", [])


def test_a_class_beside_the_rule_is_a_further_date() -> None:
    """A session whose local time the rule does not give is told by RDATE."""
    series = examples.SERIES
    sessions = [*sessions_of(series), at(series, "2026-03-26T08:00:00")]
    rule, *others = told(sessions, [series], VIEW)
    assert (rule.rdates, others) == (("2026-03-26T08:00:00",), [])
    assert found(calendar_text("Classes", [rule])) == facts(sessions)


def test_a_help_session_leaves_the_time_free_without_a_seat() -> None:
    """Alone and in a series; a seat takes the time of that one; who holds it has no free time."""
    help_ = SessionPurpose.HELP
    alone = examples.session(id="desk", purpose=help_, revised_at=DAY)
    series = replace(examples.SERIES, id="desks", purpose=help_)
    weekly = sessions_of(series, purpose=help_)

    def free(view: View) -> list[bool]:
        given = entries(view, [alone, *weekly], {"desks": series}, instances_of, DAY)
        text = calendar_text("Classes", given).decode()
        assert text.count("TRANSP:TRANSPARENT") == sum(each.free for each in given)
        return [each.free for each in given]

    assert free(VIEW) == [True, True]
    assert free(replace(VIEW, help_seats=("desk", weekly[1].id))) == [False, True, False]
    holder = Feed(id="f2", reader_id="curie", run_id="", room_id="", created_at=DAY)
    assert free(View(holder, Reader(id="curie"))) == [False, False]
    room = Feed(id="f3", reader_id="", run_id="", room_id="aula", created_at=DAY)
    assert free(View(room, Reader(id=""))) == [False, False]
    lecture = entries(VIEW, [examples.session(revised_at=DAY)], {}, instances_of, DAY)
    assert [each.free for each in lecture] == [False]
