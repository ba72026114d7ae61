"""In any order of events, a class ends with the attendance of all its presence events."""

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tandem.sessions.v1 import events_pb2, resources_pb2, sessions_pb2
from tandem.types.v1 import types_pb2

from services.sessions.domain import finalising
from services.sessions.domain.attendance import finalise
from services.sessions.domain.enums import PresenceKind
from services.sessions.domain.presence import PresenceEvent as KeptMark
from services.sessions.domain.presence import by_learner
from services.sessions.domain.roster import Policy
from services.sessions.worker import finalise_next
from tests.deep import DEEP, deep
from tests.integration.sessions.school import School

JOINED, LEFT = sessions_pb2.PRESENCE_KIND_JOINED, sessions_pb2.PRESENCE_KIND_LEFT
EXPECTED, GUESTS = ("ada", "bob", "cyd", "dan"), ("eve", "fay")
START, SETTLE, SWEEP, END = "start", "settle", "sweep", "end"

# learner, kind, minutes after the start
PresenceEvent = tuple[str, "sessions_pb2.PresenceKind.ValueType", int]
PRESENCE_EVENTS = st.tuples(
    st.sampled_from(EXPECTED + GUESTS), st.sampled_from([JOINED, LEFT]), st.integers(0, 59)
)
STEPS = st.lists(st.one_of(PRESENCE_EVENTS, st.sampled_from([SETTLE, SETTLE, SWEEP])), max_size=25)
_hours = itertools.count()


@deep
@given(before=st.lists(PRESENCE_EVENTS, max_size=10), after=STEPS)
@settings(
    max_examples=100 if DEEP else 6,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
)
def test_any_order_of_presence_events_end_and_parts_ends_alike(
    school: School, before: Sequence[PresenceEvent], after: Sequence["PresenceEvent | str"]
) -> None:
    """Marks before the end, between the parts or after them: as if all had been there before."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("services.sessions.usecases.finalising.LEARNERS", 2)
        patch.setattr(finalising, "LEARNERS", 2)
        session = _begun(school)
        for presence_event in before:
            _record(school, session, presence_event)
        school.clock.forward(hours=1)
        school.stop(session)
        for step in after:
            _act(school, session, step)
        school.finalise()
        school.let_finalisations_end()
    presence_events = [*before, *(step for step in after if not isinstance(step, str))]
    wanted = _as_if_known(school, session, presence_events)
    rows = {one: row.verdict for one, row in school.attendance(session).items()}
    assert rows == wanted
    assert _as_consumed(school, session) == wanted


def _begun(school: School) -> resources_pb2.Session:
    number = next(_hours)
    school.clock.forward(days=1)
    if not school.database.mongo["enrolments"].count_documents({}):
        school.enrol(*EXPECTED)
        school.enrol(*GUESTS, mode=types_pb2.ATTENDANCE_MODE_SELF_PACED)
    starts = types_pb2.CivilTime(
        local=school.clock.now().replace(tzinfo=None).isoformat(timespec="seconds"), zone="UTC"
    )
    session = school.schedule(school.room(f"Room {number}"), starts=starts)
    return school.staff.StartSession(sessions_pb2.StartSessionRequest(session_id=session.id))


def _record(school: School, session: resources_pb2.Session, presence_event: PresenceEvent) -> None:
    learner, kind, minute = presence_event
    begin = session.start_time.ToDatetime()
    now = school.clock.now().replace(tzinfo=None)
    offset = (begin - now).total_seconds() / 60
    school.presence_event(session, (learner, kind, offset + minute))


def _act(school: School, session: resources_pb2.Session, step: "PresenceEvent | str") -> None:
    if isinstance(step, tuple):
        _record(school, session, step)
    elif step is SETTLE:
        finalise_next(school.database)
    else:
        school.make_due()
        finalise_next(school.database)


def _as_if_known(
    school: School, session: resources_pb2.Session, presence_events: Sequence[PresenceEvent]
) -> dict[str, int]:
    """The attendance from one finalisation with all presence events."""
    kept = school.database.reader().session_by_id(session.id)
    assert kept is not None
    assert kept.started_at is not None
    begin = kept.started_at.replace(second=0, microsecond=0)
    kinds = {JOINED: PresenceKind.JOINED, LEFT: PresenceKind.LEFT}
    heaps = by_learner(
        KeptMark(who, kinds[kind], begin.replace(minute=minute), "laptop")
        for who, kind, minute in presence_events
    )
    rows = finalise(kept, EXPECTED + GUESTS, set(EXPECTED), heaps, Policy())
    value = types_pb2.AttendanceVerdict.Value
    return {row.learner_id: value(f"ATTENDANCE_VERDICT_{row.verdict}") for row in rows}


def _as_consumed(school: School, session: resources_pb2.Session) -> dict[str, int]:
    """The knowledge of a consumer that prefers amended statuses to finalised ones."""
    statuses: dict[str, int] = {}
    for part in school.published(events_pb2.AttendanceSettled):
        if part.session_id == session.id:
            assert not statuses.keys() & {one.learner_id for one in part.learners}
            statuses |= {one.learner_id: one.verdict for one in part.learners}
    for event in school.published(events_pb2.AttendanceAmended):
        if event.session_id == session.id:
            statuses[event.learner_id] = event.to_verdict
    return {one: verdict for one, verdict in statuses.items() if verdict}
