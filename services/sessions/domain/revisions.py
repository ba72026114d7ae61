"""Revisions: what calendars show of a class has changed (SEQUENCE of RFC 5545, section 3.8.7.4)."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from services.sessions.domain.series import Series
from services.sessions.domain.session import Session

R = TypeVar("R", Session, Series)


def revised(planned: R, now: datetime) -> R:
    """Return a session or a series with its next revision."""
    return replace(planned, revision=planned.revision + 1, revised_at=now)


def calendars_of(sessions: Collection[Session]) -> set[str]:
    """Return the calendars that show some sessions: of runs, instructors and rooms (kind:id)."""
    return {
        name
        for each in sessions
        for name in (run_calendar(each.run_id), person_calendar(each.instructor_id))
    } | {room_calendar(each.room_id) for each in sessions if each.room_id}


def run_calendar(run_id: str) -> str:
    """Return the name of a run's calendar."""
    return f"run:{run_id}"


def room_calendar(room_id: str) -> str:
    """Return the name of a room's calendar."""
    return f"room:{room_id}"


def person_calendar(person_id: str) -> str:
    """Return the name of the calendar of what a person holds."""
    return f"person:{person_id}"
