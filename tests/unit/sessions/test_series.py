"""Series: requests, recurrence ids, splitting, moving, and 09:00 in every zone."""

import zoneinfo
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.sessions.domain.civil import local_of, text_of
from services.sessions.domain.conflicts import conflict_violations
from services.sessions.domain.enums import CivilTime
from services.sessions.domain.planning import late_violations
from services.sessions.domain.roster import Policy, Run
from services.sessions.domain.series import (
    recurrence_ids,
    substitute_violations,
    substitutes,
    time_violations,
)
from services.sessions.domain.series_planning import (
    MOST,
    ScheduleSeries,
    instance_violations,
    planned_series,
    planned_session,
    request_violations,
    rule_text,
)
from services.sessions.domain.session import Session
from services.sessions.recurrences import instances
from tests.unit.sessions.examples import AULA, HOUR, NINE, SERIES_REQUEST, session

DUBLIN = "Europe/Dublin"
MONDAYS = [f"2026-03-{day:02d}T09:00:00" for day in (2, 9, 16, 23)]


def request(**changes: Any) -> ScheduleSeries:
    """A request for four Mondays at nine, with changes."""
    return replace(SERIES_REQUEST, **changes)


def given_by(command: ScheduleSeries) -> list[str]:
    """The local times of a request's rule; of too many one more than are allowed."""
    found = instances(rule_text(command), local_of(command.starts))
    return [*map(text_of, islice(found, MOST + 1))]


def sessions_of(command: ScheduleSeries) -> list[Session]:
    """The sessions that a request plans, s0 the first, in a series of the id `series`."""
    found = recurrence_ids(given_by(command), command.rdates, command.exdates)
    planned = (planned_session(command, found, at, AULA, f"s{at}") for at in range(len(found)))
    return [replace(each, series_id="series") for each in planned]


def told(command: ScheduleSeries) -> dict[str, str]:
    """What is wrong with a request, by field."""
    wrong = request_violations(command) or instance_violations(command, given_by(command))
    return {each.field: each.wrong for each in wrong}


# Requests


def test_a_good_request_plans_its_sessions() -> None:
    """In order, without what is excluded, each with its recurrence id and activity."""
    command = request(
        rdates=("2026-03-05T14:00", "2026-03-09T09:00:00"),
        exdates=("2026-03-16T09:00:00",),
        activity_ids=("a", "b", "c", "d"),
    )
    assert told(command) == {}
    sessions = sessions_of(command)
    assert [each.recurrence_id for each in sessions] == [
        "2026-03-02T09:00:00",
        "2026-03-05T14:00:00",
        "2026-03-09T09:00:00",
        "2026-03-23T09:00:00",
    ]
    assert [each.activity_id for each in sessions] == ["a", "b", "c", "d"]
    assert sessions[0].start_time == NINE
    series = planned_series(command, given_by(command), "series")
    assert series.rdates == ("2026-03-05T14:00:00",)
    assert series.rrule == "FREQ=WEEKLY;COUNT=4"


def test_an_until_becomes_a_count() -> None:
    """What the rule gives does not depend on the zone's law any more."""
    command = request(rrule="FREQ=WEEKLY;UNTIL=20260323T090000Z")
    assert planned_series(command, given_by(command), "s").rrule == "FREQ=WEEKLY;COUNT=4"


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"rrule": "FREQ=YEARLY"}, {"rrule": "FREQ is 'YEARLY'"}),
        ({"rdates": ("x",)}, {"rdates[0]": "'x' is no date and time"}),
        ({"exdates": ("2026-03-02",)}, {"exdates[0]": "'2026-03-02' is no date and time"}),
        ({"starts": CivilTime("x", "y"), "title": " "}, {"starts.local": "'x' is no date and time",
         "starts.zone": "'y' is no time zone", "title": "is blank"}),
        ({"rrule": "FREQ=WEEKLY;BYDAY=TU;COUNT=2"}, {"starts": "2026-03-02T09:00:00 is a MO"}),
        ({"rrule": "FREQ=MONTHLY;BYDAY=2MO;COUNT=2"},
         {"starts": "the rule gives no session at 2026-03-02T09:00:00"}),
        ({"rrule": "FREQ=DAILY;UNTIL=20260301"},
         {"starts": "the rule gives no session at 2026-03-02T09:00:00",
          "exdates": "no session is left"}),
        ({"rrule": "FREQ=DAILY;UNTIL=20290301"}, {"rrule": "gives more than 400 sessions"}),
        ({"rrule": "FREQ=MONTHLY;INTERVAL=99;COUNT=400"},
         {"rrule": "goes on after three years, on 5317-12-02T09:00:00"}),
        ({"exdates": tuple(MONDAYS)}, {"exdates": "no session is left"}),
        ({"exdates": ("2026-03-03T09:00:00",)},
         {"exdates[0]": "the series gives no session at 2026-03-03T09:00:00"}),
        ({"rdates": ("2026-03-01T09:00:00",)}, {"rdates[0]": "2026-03-01T09:00:00 is early"}),
        ({"activity_ids": ("a", "b")}, {"activity_ids": "2 are given for 4 sessions"}),
    ],
)  # fmt: skip
def test_everything_wrong_with_a_request_is_told(
    changes: dict[str, Any], wrong: dict[str, str]
) -> None:
    """All at once, by field."""
    assert told(request(**changes)) == wrong


def test_each_class_that_the_clocks_skip_is_told() -> None:
    """With its place in the series, and a time that would be right."""
    night = CivilTime("2026-03-28T01:30:00", DUBLIN)
    command = request(starts=night, rrule="FREQ=DAILY;COUNT=3")
    (violation,) = instance_violations(command, given_by(command))
    assert violation.field == "occurrences[1].starts.local"
    assert violation.right == "for example 2026-03-29T02:30:00"


def test_a_time_that_comes_twice_is_the_first() -> None:
    """RFC 5545, section 3.3.5."""
    night = CivilTime("2026-10-24T01:30:00", DUBLIN)
    second = sessions_of(request(starts=night, rrule="FREQ=DAILY;COUNT=2"))[1]
    assert second.start_time == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert second.end_time - second.start_time == HOUR


def test_classes_after_the_runs_end_are_told() -> None:
    """Up to the last day they are not."""
    run = Run("run", (), Policy(), 1, ends_at=NINE + timedelta(days=10))
    late = [each.id for each in sessions_of(request()) if list(late_violations(each, run))]
    assert late == ["s2", "s3"]


def test_substitutes_are_none_one_or_as_many() -> None:
    """One counts for all."""
    sessions = sessions_of(request())[:2]
    assert substitutes((), sessions) == ["", ""]
    assert substitutes(("book",), sessions) == ["book", "book"]
    assert substitutes(("book", "film"), sessions) == ["book", "film"]
    assert not list(substitute_violations(("book",), 2))
    assert [each.field for each in substitute_violations(("a", "b", "c"), 2)] == [
        "substitute_item_ids"
    ]


# Zones


def zones_with_clock_changes() -> Iterator[str]:
    """Every IANA zone whose clocks change in the two years of the tests."""
    days = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=10 * at) for at in range(74)]
    for name in sorted(zoneinfo.available_timezones()):
        if len({day.astimezone(ZoneInfo(name)).utcoffset() for day in days}) > 1:
            yield name


ZONES = tuple(zones_with_clock_changes())


def test_a_class_at_nine_is_at_nine_all_year_in_every_zone() -> None:
    """On the wall; its length is elapsed time; and there are many such zones."""
    assert len(ZONES) > 100
    command = request(rrule="FREQ=WEEKLY;COUNT=53")
    found = given_by(command)
    for name in ZONES:
        starts = replace(command, starts=CivilTime("2026-03-02T09:00:00", name))
        zone, offsets = ZoneInfo(name), set()
        for place in range(len(found)):
            one = planned_session(starts, found, place, AULA, "s")
            wall = one.start_time.astimezone(zone)
            offsets.add(wall.utcoffset())
            assert text_of(wall.replace(tzinfo=None)) == found[place]
            assert one.end_time - one.start_time == HOUR
        assert len(offsets) > 1


@settings(max_examples=30)
@given(st.sampled_from(ZONES), st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)))
def test_every_time_is_on_the_wall_or_is_refused(name: str, start: datetime) -> None:
    """Whatever the hour and the zone: a time that the clocks skip is told, and no other."""
    local = start.replace(microsecond=0)
    zone = ZoneInfo(name)
    starts = CivilTime(text_of(local), name)
    command = request(starts=starts, rrule="FREQ=DAILY;INTERVAL=2;COUNT=40")
    found = given_by(command)
    skipped = {each.field for each in time_violations(dict(enumerate(found)), name)}
    for place, wanted in enumerate(found):
        one = planned_session(command, found, place, AULA, "s")
        wall = text_of(one.start_time.astimezone(zone).replace(tzinfo=None))
        assert (wall != wanted) == (f"occurrences[{place}].starts.local" in skipped)


# Conflicts


def test_every_conflict_of_every_session_is_told() -> None:
    """By the place of the session in the series."""
    sessions = sessions_of(request())
    others = [
        session(id="x", start_time=sessions[1].start_time, end_time=sessions[1].end_time),
        session(id="y", start_time=sessions[3].start_time, room_id="lab",
                end_time=sessions[3].end_time),
    ]  # fmt: skip
    named = {f"occurrences[{place}].": each for place, each in enumerate(sessions)}
    assert [each.field for each in conflict_violations(named, others)] == [
        "occurrences[1].room_id",
        "occurrences[1].instructor_id",
        "occurrences[3].instructor_id",
    ]


def test_sessions_of_a_series_conflict_with_each_other() -> None:
    """A further date half an hour after another session is told of both."""
    sessions = sessions_of(request(rdates=("2026-03-09T09:30:00",)))
    named = {f"{place}.": each for place, each in enumerate(sessions)}
    fields = [each.field for each in conflict_violations(named, sessions)]
    assert fields == ["1.room_id", "1.instructor_id", "2.room_id", "2.instructor_id"]


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 200), st.integers(1, 48)), max_size=30))
def test_conflicts_are_those_of_all_pairs(spans: list[tuple[int, int]]) -> None:
    """The search by time finds the same as looking at each pair."""
    others = [
        session(id=f"o{at}", start_time=NINE + start * HOUR / 2,
                end_time=NINE + (start + length) * HOUR / 2)
        for at, (start, length) in enumerate(spans)
    ]  # fmt: skip
    mine = session(id="mine", start_time=NINE + 40 * HOUR, end_time=NINE + 44 * HOUR)
    pairs = [
        each
        for each in others
        if each.start_time < mine.end_time and mine.start_time < each.end_time
    ]
    assert len(list(conflict_violations({"": mine}, others))) == 2 * len(pairs)
