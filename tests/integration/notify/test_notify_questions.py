"""News of questions: askers at once, those who teach after a while, in one message for many."""

from typing import Any

import pytest
from google.protobuf.message import Message as Proto
from tandem.sessions.v1 import events_pb2 as sessions
from tandem.sessions.v1 import questions_pb2

from chassis.messaging.subscriptions import Wait
from services.notify import announcer
from services.notify.domain.messages import VANISHED
from services.notify.domain.question_news import SETTLE
from tests.integration.notify.world import HOUR, TEXTS, Mailbox, World, text_of

QUEUE = "notify.questions"
RECORDING = questions_pb2.QUESTION_PLACE_RECORDING
LIVE = questions_pb2.QUESTION_PLACE_LIVE


@pytest.fixture
def taught(world: World, ada: str) -> World:
    """A run in which ada learns and grace teaches."""
    world.people(ada, "grace", "alan")
    world.run(ada)
    return world


def asked(question: str, text: str = "Why?", **more: Any) -> Proto:
    """The event that a question was asked, at a recording unless `more` says where."""
    fields = {"place": RECORDING, "instructor_ids": ["grace"], **more}
    return sessions.QuestionAsked(question_id=question, run_id="r1", question=text, **fields)


def answered(question: str, asker: str, **more: Any) -> Proto:
    """The event that a question was answered."""
    return sessions.QuestionAnswered(
        question_id=question, run_id="r1", asker_id=asker, question="Why?", **more
    )


def carried(world: World, question: str, asker: str, *also: str, left_open: bool = True) -> Proto:
    """The event that a question came to the agenda of a class in a day."""
    told = sessions.QuestionCarriedOver(
        question_id=question,
        run_id="r1",
        asker_id=asker,
        question="Why?",
        from_title="Waves",
        left_open=left_open,
        title="Lenses",
        instructor_ids=["grace", "alan"],
        also_asked_by=also,
    )
    told.start_time.FromDatetime(world.clock.now() + 24 * HOUR)
    return told


def hear(world: World, *data: Proto) -> None:
    """Let events come in, all at once."""
    world.hear(QUEUE, *map(world.event, data))


def settle(world: World) -> None:
    """Let the time pass after which those who teach are told."""
    world.clock.forward(seconds=SETTLE.total_seconds())
    announcer.tell_questions(world.database, TEXTS)


def test_the_asker_is_told_the_answer(taught: World, mailbox: Mailbox, ada: str) -> None:
    """In words and with its moment in the class, in the inbox at once and by mail."""
    hear(
        taught,
        answered("q", ada, answer="So.", session_title="Waves", offset_seconds=754.0),
    )
    assert taught.notified("Answered") == [ada]
    taught.send(mailbox.server())
    (mail,) = mailbox.mails(ada)
    assert mail["Subject"] == "Answered: Why?"
    text = text_of(mail)
    assert "So." in text
    assert 'It was answered live in "Waves", in minute 13 of the class.' in text


def test_each_asker_of_merged_questions_is_told(taught: World, ada: str) -> None:
    """Each event of a merged question tells its own asker."""
    hear(taught, answered("q", ada), answered("p", "alan", answered_question_id="q"))
    assert sorted(taught.notified("Answered")) == sorted([ada, "alan"])


def test_questions_of_an_hour_are_one_message(taught: World) -> None:
    """Five hundred questions within the while are one message, which lists some and counts all."""
    hear(taught, *(asked(f"q{each}", f"Why {each}?") for each in range(500)))
    assert taught.notified() == []
    settle(taught)
    settle(taught)
    assert taught.notified() == ["grace"]
    (message,) = taught.rows("messages", {"person_id": "grace"})
    assert message["title"] == "500 questions wait: Physics & Waves"
    assert "- Why 0?" in message["body"]
    assert "... and 480 more" in message["body"]
    hear(taught, asked("new"))
    settle(taught)
    assert taught.notified() == ["grace", "grace"]


def test_who_asked_the_same_is_told_too(taught: World, ada: str) -> None:
    """Each asker of a question that was merged hears that a class left it open; only that."""
    hear(taught, carried(taught, "q", ada, "alan"))
    assert sorted(taught.notified("Still open")) == sorted([ada, "alan"])
    hear(taught, carried(taught, "p", ada, "alan", left_open=False))
    assert len(taught.notified("Still open")) == 2


def test_what_is_asked_in_class_is_no_news(taught: World) -> None:
    """Who teaches sees what is asked in class, and what another class takes over."""
    hear(taught, asked("q", place=LIVE), carried(taught, "p", "ada", left_open=False))
    settle(taught)
    assert taught.notified() == []


def test_what_a_class_left_open(taught: World, ada: str) -> None:
    """The asker is told when it is taken up; those who teach are told all together."""
    hear(taught, *(carried(taught, f"q{each}", ada) for each in range(3)))
    assert taught.notified("Still open") == [ada] * 3
    (message, *_) = taught.rows("messages", {"person_id": ada})
    assert 'It is on the agenda of "Lenses" on' in message["body"]
    settle(taught)
    assert sorted(taught.notified("3 questions wait")) == ["alan", "grace"]
    (message,) = taught.rows("messages", {"person_id": "grace"})
    assert "3 of them left open by a class" in message["body"]


def test_nobody_is_told_of_what_is_done(taught: World, ada: str) -> None:
    """What was answered, merged or withdrawn within the while is left out, in any order of
    events; that another class took one over changes nothing.
    """
    hear(taught, *(asked(each, each) for each in ("open", "done", "merged", "gone")))
    hear(
        taught,
        answered("done", ada),
        sessions.QuestionMerged(question_id="merged", run_id="r1", asker_id=ada),
        sessions.QuestionWithdrawn(question_id="gone", run_id="r1", asker_id=ada),
        carried(taught, "open", ada, left_open=False),
    )
    late = taught.event(answered("late", ada), sequence=2)
    taught.hear(QUEUE, late)
    taught.hear(QUEUE, taught.event(asked("late"), sequence=1))
    settle(taught)
    (message,) = taught.rows("messages", {"person_id": "grace"})
    assert message["title"] == "1 question waits: Physics & Waves"
    assert "- open" in message["body"]


def test_an_answer_overtakes_the_mail_that_it_is_open(
    taught: World, mailbox: Mailbox, ada: str
) -> None:
    """A mail that a question is still open is not sent after it was answered."""
    hear(taught, carried(taught, "q", ada))
    hear(taught, answered("q", ada))
    taught.send(mailbox.server())
    assert [each["Subject"] for each in mailbox.mails(ada)] == ["Answered: Why?"]
    assert [each.error for each in taught.deliveries() if each.error] == [VANISHED]


def test_events_of_strangers_wait(taught: World) -> None:
    """Events about people or runs that are not known yet wait, and nobody is told in part."""
    with pytest.raises(Wait) as waiting:
        hear(taught, answered("q", "stranger"), asked("p", instructor_ids=["nobody"]))
    assert len(waiting.value.reasons) == 2
    strange = sessions.QuestionAsked(question_id="r", run_id="r9")
    with pytest.raises(Wait):
        hear(taught, strange)
