"""Which messages the demo wants for events of questions."""

from datetime import UTC, datetime, timedelta

from google.protobuf.message import Message
from tandem.sessions.v1 import events_pb2, questions_pb2

from campus.demo.question_news import digests, to_asker
from chassis.contracts.events import Event, event_type

SUNDAY = datetime(2026, 3, 1, 18, 0, tzinfo=UTC)
BETWEEN, LIVE = questions_pb2.QUESTION_PLACE_BETWEEN, questions_pb2.QUESTION_PLACE_LIVE


def event(id_: str, data: Message) -> Event[Message]:
    """An event of a question."""
    kind = event_type(type(data))
    return Event(id_, kind, "sessions", SUNDAY, "q", "question/q", 1, "", data)


def asked(
    id_: str, minutes: float, place: "questions_pb2.QuestionPlace.ValueType" = BETWEEN
) -> Event[Message]:
    """A question that was asked some minutes after Sunday's."""
    data = events_pb2.QuestionAsked(asker_id="ada", place=place)
    data.asked_at.FromDatetime(SUNDAY + timedelta(minutes=minutes))
    return event(id_, data)


def carried(id_: str, minutes: float, left_open: bool = True) -> Event[Message]:
    """A question that another class took over, some minutes after Sunday's."""
    data = events_pb2.QuestionCarriedOver(
        asker_id="ada", also_asked_by=["bob"], left_open=left_open
    )
    data.carried_at.FromDatetime(SUNDAY + timedelta(minutes=minutes))
    return event(id_, data)


def test_what_comes_within_ten_minutes_is_one_message() -> None:
    """The tenth minute after the first begins the next message; the order of events is free."""
    events = [asked("c", 10), asked("b", 9.9), asked("a", 0), carried("d", 19), asked("e", 20)]
    assert digests(events) == {"a": "a", "b": "a", "c": "c", "d": "c", "e": "e"}


def test_instructors_are_not_told_what_they_see_anyway() -> None:
    """Neither what is asked in class, nor that another class takes a question over before it."""
    assert digests([asked("a", 0, LIVE), carried("b", 0, left_open=False)]) == {}


def test_askers_are_told_of_answers_and_of_what_is_left_open() -> None:
    """Of nothing else: they know what they asked. Who asked the same is told, too."""
    answered = event("a", events_pb2.QuestionAnswered(asker_id="ada"))
    events = [answered, carried("b", 0), carried("c", 0, left_open=False), asked("d", 0)]
    assert [to_asker(each) for each in events] == [["ada"], ["ada", "bob"], [], []]
