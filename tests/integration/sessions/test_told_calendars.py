"""What events tell of calendars after each command, beside the feed of a learner."""

from collections.abc import Callable, Iterator
from typing import Any

from google.protobuf.duration_pb2 import Duration
from tandem.sessions.v1 import events_pb2, sessions_pb2
from tandem.types.v1 import types_pb2

from chassis.calendars.entries import Entry
from chassis.contracts.mapping import from_message
from services.notify.calendar_parts import invitation_text
from services.notify.domain.invitations import invitations_of
from tests.integration.sessions.calendars import Office, civil, move, series
from tests.integration.sessions.school import School
from tests.unit.sessions.test_told_calendars import events

IN_ROOM, ONLINE = types_pb2.SEAT_KIND_IN_ROOM, types_pb2.SEAT_KIND_ONLINE
TOLD: tuple[type[Any], ...] = (
    events_pb2.SessionMoved,
    events_pb2.SessionCancelled,
    events_pb2.SeriesMoved,
    events_pb2.SeriesCancelled,
)


def entries(school: School) -> list[Entry]:
    """What the one event tells that tells anything of calendars."""
    [data] = [each for cls in TOLD for each in school.published(cls) if each.calendar]
    return [from_message(each, Entry) for each in data.calendar]


def texts(told: list[Entry]) -> Iterator[bytes]:
    """The invitations of a mail."""
    for each in invitations_of(told):
        yield invitation_text(each, "o@example.com", "a@example.com").encode()


def steps_of(school: School, lab: str, single: str, weekly: Any) -> Iterator[Callable[[], Any]]:
    """Moves and cancellations of a class, of a series and its classes, and of a part of it."""
    staff, second = school.staff, weekly.occurrences[1].session_id

    def move_series(**changes: Any) -> Any:
        fields: dict[str, Any] = {"series_id": weekly.id, "reason": "strike", **changes}
        return staff.MoveSeries(sessions_pb2.MoveSeriesRequest(**fields))

    def cancel(session_id: str) -> Any:
        request = sessions_pb2.CancelSessionRequest(session_id=session_id, reason="ill")
        return staff.CancelSession(request)

    yield lambda: move(school, single, "2026-03-24T10:00:00")
    yield lambda: move(school, second, "2026-03-10T08:00:00")
    yield lambda: move_series(starts=civil("2026-03-02T14:00:00"), duration=Duration(seconds=2400))
    yield lambda: cancel(second)
    yield lambda: move_series(room_id=lab)
    # Nobody is told this one; it is a revision nevertheless.
    staff.UpdateRoom(sessions_pb2.UpdateRoomRequest(room_id=lab, name="Laboratory"))
    yield lambda: move(school, single, "2026-03-30T09:00:00")
    tail = civil("2026-03-17T14:00:00")
    yield lambda: move_series(from_recurrence_id="2026-03-16T14:00:00", starts=tail)
    yield lambda: cancel(single)
    whole = sessions_pb2.CancelSeriesRequest(series_id=weekly.id, reason="ill")
    yield lambda: staff.CancelSeries(whole)


def test_a_mail_and_the_feed_are_one_calendar(office: Office) -> None:
    """After every command, each event of the mail is in the feed with the same UID, SEQUENCE,
    DTSTAMP, start and length, and no SEQUENCE falls.
    """
    school, room, lab = office.school, office.school.room(), office.school.room("Lab")
    school.enrol("ada")
    single = school.schedule(room, title="Exam", starts=civil("2026-03-24T09:00:00"))
    weekly = series(school, room)
    url = office.create("ada").url
    sequences: dict[Any, int] = {}
    for step in steps_of(school, lab, single.id, weekly):
        school.database.mongo["outbox"].delete_many({})
        step()
        shown = events(office.get(url).data)
        for text in texts(entries(school)):
            sent = events(text)
            assert {key: shown[key] for key in sent} == sent
            assert all(facts[0] >= sequences.get(key, 0) for key, facts in sent.items())
            sequences |= {key: facts[0] for key, facts in sent.items()}
    assert sequences[f"{single.id}@sessions.tandem", None] == 3


def test_a_promoted_learner_is_told_the_class(office: Office) -> None:
    """Who had waited for a seat gets the class as the feed shows it, with the same SEQUENCE."""
    school, room = office.school, office.school.room(capacity=1)
    school.enrol("ada", "bohr")
    weekly = series(school, room)
    session = school.staff.GetSession(
        sessions_pb2.GetSessionRequest(session_id=weekly.occurrences[0].session_id)
    )
    for learner, kind in (("ada", IN_ROOM), ("bohr", IN_ROOM), ("ada", ONLINE)):
        school.choose(session, learner, kind)
    [promoted] = school.published(events_pb2.SeatPromoted)
    [text] = texts([from_message(each, Entry) for each in promoted.calendar])
    [((uid, _), facts)] = events(text).items()
    shown = events(office.get(office.create("bohr").url).data)
    assert (uid, facts[0]) == (f"{weekly.id}@sessions.tandem", shown[uid, None][0])
