"""Things to try the rules of sessions on."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from services.sessions.domain.enums import (
    AttendanceMode,
    CivilTime,
    EnrolmentState,
    SessionKind,
)
from services.sessions.domain.planning import Schedule, planned
from services.sessions.domain.polls import OpenPoll, Poll, PollResults, opened
from services.sessions.domain.roster import Enrolment
from services.sessions.domain.series_planning import ScheduleSeries, planned_series
from services.sessions.domain.session import Room, Session

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
AULA = Room("aula", "Aula Maxima", 30)
ENROLLED = Enrolment("run", "ada", EnrolmentState.ENROLLED, 1, AttendanceMode.CLASSROOM, 1)
REQUEST = Schedule(
    run_id="run",
    activity_id="lecture",
    title="Motion",
    kind=SessionKind.HYBRID,
    room_id="aula",
    instructor_id="curie",
    starts=CivilTime("2026-03-02T09:00:00", "Europe/Dublin"),
    duration=HOUR,
    room_seats=0,
    online_seats=0,
    join_url="https://meet.example.edu/1",
    recorded=True,
    material_item_ids=("slides",),
)

SERIES_REQUEST = ScheduleSeries(
    **{field.name: getattr(REQUEST, field.name) for field in fields(REQUEST)},
    activity_ids=(),
    rrule="FREQ=WEEKLY;COUNT=4",
)
SERIES = planned_series(
    SERIES_REQUEST, [f"2026-03-{day:02d}T09:00:00" for day in (2, 9, 16, 23)], "series"
)


OPEN_POLL = OpenPoll(
    session_id="s1", question="What is g?", options=("9", "9.8"), results_shown=PollResults.AT_ONCE
)


def poll(**changes: Any) -> Poll:
    """An OPEN anonymous poll with two options, with changes."""
    return replace(opened(OPEN_POLL, "p1", "run", "curie", "ab" * 32, NINE), **changes)


def request(**changes: Any) -> Schedule:
    """A request to plan, with changes."""
    return replace(REQUEST, **changes)


def session(**changes: Any) -> Session:
    """A SCHEDULED hybrid session in the Aula, Monday from 9 to 10, with changes."""
    return replace(planned(REQUEST, AULA, "s1", "ab" * 32), **changes)
