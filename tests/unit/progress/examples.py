"""Examples that the tests of progress's rules share."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from services.progress.domain.enums import (
    ActivityKind,
    AttendanceMode,
    AttendanceStatus,
    EnrolmentState,
    ItemKind,
    SessionState,
)
from services.progress.domain.learner import Learner, did
from services.progress.domain.learner_run_state import Attendance, LearnerRunState
from services.progress.domain.path import Activity, AfterActivity, Path, Policy, Run, TimeRule
from services.progress.domain.plan import Plan
from services.progress.domain.plan_history import PlanHistory
from services.progress.domain.sessions import Item, Session
from services.progress.domain.statements import Result, Statement
from services.progress.domain.video import VideoExtensions

MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
RUN, ADA = "run-1", "ada"
ADL = "http://adlnet.gov/expapi/verbs/"
COMPLETED, PASSED, EXPERIENCED = f"{ADL}completed", f"{ADL}passed", f"{ADL}experienced"
FAILED = f"{ADL}failed"
PAUSED = "https://w3id.org/xapi/video/verbs/paused"

POLICY = Policy(catch_up_within=3 * DAY, watched_share=0.9)
ITEMS = {
    "film": Item("film", ItemKind.VIDEO, 100.0, True, 1),
    "book": Item("book", ItemKind.EBOOK, 0.0, True, 1),
}


def statement(**fields: Any) -> Statement:
    """A statement of Ada's about the film."""
    given: dict[str, Any] = {
        "id": str(uuid.uuid4()),
        "learner_id": ADA,
        "verb": EXPERIENCED,
        "run_id": RUN,
        "activity_id": "",
        "item_id": "film",
        "timestamp": MONDAY,
        **fields,
    }
    return Statement(**given)


def watched(segments: str, item_id: str = "film", **fields: Any) -> Statement:
    """A statement of a player that paused."""
    video = VideoExtensions(length=100.0, played_segments=segments)
    return statement(verb=PAUSED, item_id=item_id, video=video, **fields)


def said(verb: str, activity_id: str, result: Result | None = None, **fields: Any) -> Statement:
    """A statement about an activity."""
    more = {"item_id": "", **fields}
    return statement(verb=verb, activity_id=activity_id, result=result, **more)


def activity(id_: str, kind: ActivityKind = ActivityKind.TASK, **fields: Any) -> Activity:
    """A step of a path."""
    return Activity(id=id_, title=id_.title(), kind=kind, **fields)


def after(activity_id: str, offset: timedelta | None = None) -> TimeRule:
    """A time that hangs on another activity."""
    return TimeRule(after_activity=AfterActivity(activity_id, offset))


def session(id_: str = "s1", **fields: Any) -> Session:
    """Monday's class, which is over, was recorded, and holds the activity `class`."""
    given: dict[str, Any] = {
        "run_id": RUN,
        "activity_id": "class",
        "title": "Motion",
        "start_time": MONDAY,
        "end_time": MONDAY + HOUR,
        "state": SessionState.ENDED,
        "ended_at": MONDAY + HOUR,
        "recorded": True,
        "recording_item_id": "film",
        **fields,
    }
    return Session(id_, **given)


def plan(*activities: Activity, sessions: tuple[Session, ...] = (), **fields: Any) -> Plan:
    """The plan of a run with these activities and sessions."""
    given: dict[str, Any] = {
        "run": Run(RUN, "Physics", "Europe/Dublin", POLICY, 1),
        "path": Path(RUN, 1, activities, 1),
        "sessions": {each.id: each for each in sessions},
        "items": ITEMS,
        "history": PlanHistory(RUN, version=1, asks=1),
        **fields,
    }
    return Plan(**given)


def run_state(**fields: Any) -> LearnerRunState:
    """Ada's learner run state: she is enrolled."""
    given: dict[str, Any] = {
        "enrolment_id": "e1",
        "state": EnrolmentState.ENROLLED,
        "enrolled_at": MONDAY - DAY,
        "mode": AttendanceMode.ONLINE,
        **fields,
    }
    return LearnerRunState(RUN, ADA, **given)


def attendance_with(value: AttendanceStatus, session_id: str = "s1") -> dict[str, Attendance]:
    """The recorded attendance of a session."""
    return {session_id: Attendance(value, 1)}


def learner(*statements: Statement, **fields: Any) -> Learner:
    """Ada after these statements."""
    ada = Learner(run_state(**fields), {}, {})
    for each in statements:
        ada = did(ada, each)
    return ada
