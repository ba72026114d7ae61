"""The domain's events have the contract's names and fields, and fit into one message."""

import dataclasses
import inspect

import pytest
from tandem.sessions.v1 import events_pb2

from chassis.contracts.events import LARGEST_BODY, body_of, message_for
from services.sessions.domain import (
    clash_events,
    events,
    meeting_events,
    offer_events,
    poll_events,
    question_events,
    recording_events,
    series_events,
    timetable_events,
)
from services.sessions.domain.availability import AvailabilityChanged
from services.sessions.domain.calendars import fitting, told_of_session
from services.sessions.domain.enums import AttendanceStatus, SeatKind
from services.sessions.domain.events import (
    AttendanceSettled,
    SeatTaken,
    SessionCancelled,
    SessionScheduled,
    SettledAttendance,
    about,
)
from services.sessions.domain.finalising import LEARNERS_PER_EVENT, event_parts
from services.sessions.domain.series_events import (
    SeriesCancelled,
    SeriesScheduled,
    cancelled_occurrences,
    planned_occurrences,
    series_moved,
)
from services.sessions.domain.series_planning import MOST
from services.sessions.domain.session import cancelled
from tests.unit.sessions.examples import HOUR, NINE, SERIES, session

MODULES = (
    *(clash_events, events, meeting_events, offer_events, poll_events),
    *(question_events, recording_events, series_events, timetable_events),
)
EVENTS = [
    cls
    for module in MODULES
    for _, cls in inspect.getmembers(module, inspect.isclass)
    if cls.__module__ == module.__name__
] + [AvailabilityChanged]


def test_every_event_of_the_contract_is_there() -> None:
    """Each message of events.proto has its dataclass."""
    names = set(events_pb2.DESCRIPTOR.message_types_by_name)
    assert {cls.__name__ for cls in EVENTS} == names


@pytest.mark.parametrize("cls", EVENTS)
def test_events_have_the_fields_of_the_contract(cls: type) -> None:
    """Exactly these, in this order."""
    message = events_pb2.DESCRIPTOR.message_types_by_name[cls.__name__]
    assert [field.name for field in dataclasses.fields(cls)] == [f.name for f in message.fields]


def test_an_event_about_a_session_tells_the_session() -> None:
    """Fields of the session's own names are filled in, the rest is given."""
    message = message_for("sessions", about(session(), SessionScheduled))
    assert isinstance(message, events_pb2.SessionScheduled)
    assert (message.session_id, message.room) == ("s1", "Aula Maxima")
    assert message.starts.zone == "Europe/Dublin"
    assert message.end_time.ToDatetime() == (NINE + HOUR).replace(tzinfo=None)
    more = {"reason": "ill", "substitute_item_id": "book", "series_id": "", "calendar": ()}
    off = about(session(), SessionCancelled, **more)
    assert (off.session_id, off.reason, off.substitute_item_id) == ("s1", "ill", "book")


def test_giving_up_a_seat_is_unspecified() -> None:
    """No seat is UNSPECIFIED in the message."""
    event = about(
        session(),
        SeatTaken,
        learner_id="ada",
        kind=None,
        from_kind=SeatKind.ONLINE,
        taken_at=NINE,
    )
    message = message_for("sessions", event)
    assert isinstance(message, events_pb2.SeatTaken)
    assert message.kind == 0
    assert message.from_kind == 2


def test_the_largest_part_fits_into_an_event() -> None:
    """However long and odd the ids and titles are that a request may hold."""
    odd = "\x01" * 124
    rows = [
        SettledAttendance(f"{number:04d}{odd}", AttendanceStatus.CAUGHT_UP, 1 / 3 * 1000, True)
        for number in range(LEARNERS_PER_EVENT)
    ]
    materials = tuple(f"{number:02d}" + "\x01" * 62 for number in range(50))
    one = session(title="\x01" * 300, ended_at=NINE, material_item_ids=materials)
    (only,) = event_parts(rows, 0, last=True)
    event = about(one, AttendanceSettled, part=1, parts=1, learners=only.learners)
    assert len(body_of(message_for("sessions", event))) < LARGEST_BODY


def test_the_largest_series_fit_into_an_event() -> None:
    """400 sessions, with the longest and oddest texts that a request may hold."""
    ids = [f"{number:036d}" for number in range(MOST)]
    sessions = [
        session(id=each, room="\x01" * 300, recurrence_id="2026-03-02T09:00:00") for each in ids
    ]
    odd = "\x01" * 300
    one = dataclasses.replace(
        SERIES,
        title=odd,
        group_ids=tuple(f"{number:03d}" + "\x01" * 61 for number in range(100)),
        rdates=("2026-03-02T09:00:00",) * MOST,
        exdates=("2026-03-02T09:00:00",) * MOST,
    )
    entries = [each for every in sessions for each in told_of_session(every, one)]
    most = max((fitting(entries[:count], MOST) for count in range(MOST)), key=len)
    few = max((fitting(entries[:count], 200) for count in range(MOST)), key=len)
    gone = [cancelled(each, "\x01" * 64) for each in sessions]
    told = [
        about(one, SeriesScheduled, room=odd, occurrences=planned_occurrences(sessions)),
        series_moved(
            dataclasses.replace(one, instructor_id="\x01" * 128),
            [(each, each) for each in sessions],
            "\x01" * 1000,
            "\x02" * 128,
            ids[0],
            most,
        ),
        about(
            one,
            SeriesCancelled,
            reason="\x01" * 1000,
            occurrences=cancelled_occurrences(gone),
            calendar=most,
        ),
        about(
            one,
            SeriesCancelled,
            reason="\x01" * 1000,
            occurrences=cancelled_occurrences(gone[:200]),
            calendar=few,
        ),
    ]
    sizes = [len(body_of(message_for("sessions", each))) for each in told]
    assert few
    assert max(sizes) < LARGEST_BODY, sizes
