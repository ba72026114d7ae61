"""Questions, polls, hands and live answers on the line of a recording, through the RPCs."""

from datetime import datetime
from functools import partial

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from tandem.library.v1 import events_pb2 as library
from tandem.sessions.v1 import polls_pb2, questions_pb2, recordings_pb2

from tests.integration.sessions.forum import Forum
from tests.integration.sessions.lesson import SECOND, Kind, Lesson
from tests.integration.sessions.school import RUN, School, refused

PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION


@pytest.fixture
def lesson(school: School) -> Lesson:
    return Lesson(Forum(school, "ada", "eve", "max"))


def stamp(at: datetime) -> Timestamp:
    """An instant of a request."""
    made = Timestamp()
    made.FromDatetime(at)
    return made


def test_the_line_shows_what_a_class_asked(lesson: Lesson) -> None:
    """Questions, a poll, a hand and a live answer of a class with a pause are within two seconds of
    where they were, and so is what was asked later at a second of the file; learners see the same
    as staff, and nobody is named.
    """
    lesson.go_to(100)
    why = lesson.ask("ada", "Why is it upside down?")
    lesson.go_to(200)
    poll = lesson.poll()
    lesson.go_to(300)
    lesson.school.staff.ClosePoll(polls_pb2.ClosePollRequest(poll_id=poll.id))
    lesson.raise_hand("eve")
    lesson.go_to(700)  # the recorder pauses
    how = lesson.ask("eve", "How come?")
    lesson.go_to(1_000)
    lesson.forum.answer(why, session_id=lesson.session.id)
    lesson.end()
    assert lesson.seen() == []
    lesson.attach("film")
    later = lesson.ask_later("film", 1_200)
    truth = [
        ("QUESTION", 100, why.id),
        ("POLL_OPENED", 200, poll.id),
        ("HANDS", 300, ""),
        ("POLL_CLOSED", 300, poll.id),
        ("QUESTION", 600, how.id),
        ("CHAPTER", 700, why.id),
        ("ANSWERED", 700, why.id),
        ("QUESTION", 1_200, later.id),
    ]
    for reader in ("", "ada"):
        found = lesson.seen(reader)
        assert [(kind, about) for kind, _, about in found] == [(k, about) for k, _, about in truth]
        pairs = zip(found, truth, strict=True)
        assert max(abs(shown - true) for (_, shown, _), (_, true, _) in pairs) <= 2
    assert lesson.line("ada") == lesson.line(size=1_000)
    shown = str(lesson.line())
    assert not [name for name in ("ada", "eve", "max") if f'"{name}"' in shown]
    status, _ = refused(partial(lesson.line, "zoe"))
    assert status is grpc.StatusCode.PERMISSION_DENIED


def test_what_is_merged_or_gone(lesson: Lesson) -> None:
    """A merged question is shown as its target; one that is hidden or withdrawn is not shown, also
    not to staff, nor is its live answer a chapter.
    """
    first = lesson.ask("ada", "Why?")
    lesson.go_to(60)
    second, gone = lesson.ask("eve", "Why so?"), lesson.ask("eve", "Oh?")
    lesson.forum.merge(first, second)
    lesson.forum.withdraw(gone, "eve")
    lesson.forum.answer(first, session_id=lesson.session.id)
    lesson.attach("film")
    assert [(kind, about) for kind, _, about in lesson.seen("max")] == [
        ("QUESTION", first.id),
        ("CHAPTER", first.id),
        ("QUESTION", first.id),
        ("ANSWERED", first.id),
    ]
    lesson.forum.hide(first)
    assert lesson.seen() == lesson.seen("ada") == []


def test_only_what_the_recording_shows_can_be_asked_about(lesson: Lesson) -> None:
    """An item that is no part of it, and a second after its end, are refused with the fault."""
    lesson.end()
    lesson.school.hear("recordings", library.ItemAvailable(item_id="other"))
    for attached in (False, True):
        status, text = refused(partial(lesson.ask_later, "other", 0))
        assert (status, "'other' is no part" in text) == (PRECONDITION, True)
        if not attached:
            lesson.attach("film")
    status, text = refused(partial(lesson.ask_later, "film", 3_302))
    assert (status, "offset_seconds" in text, "where the file ends" in text) == (
        PRECONDITION,
        True,
        True,
    )
    asked = lesson.ask_later("film", 3_000)
    lesson.attach("cut", replaces_item_id="film")
    [point] = lesson.line()  # of what was replaced, the moment counts that it showed
    assert (point.item_id, round(point.second), point.about_id) == ("cut", 3_000, asked.id)


def test_the_end_of_a_recording_can_be_asked_about(lesson: Lesson) -> None:
    """There players stop. The question is at the file's end, also of one that replaces it."""
    lesson.end()
    lesson.attach("film")
    asked = lesson.ask_later("film", 3_300)
    assert lesson.seen() == [("QUESTION", 3_300, asked.id)]
    lesson.attach("cut", replaces_item_id="film")
    assert lesson.seen() == [("QUESTION", 3_300, asked.id)]


def test_a_live_answer_is_at_a_second_of_the_recording(lesson: Lesson) -> None:
    """GetQuestion and ListQuestions tell it when there is a recording, also a later one; a chapter
    that people set within 30 s takes the place of the answer's.
    """
    asked = lesson.ask("ada", "Why?")
    at = stamp(lesson.began + 1_000 * SECOND)
    lesson.end()
    answered = lesson.forum.answer(asked, session_id=lesson.session.id, at=at)
    assert [(each.item_id, each.second) for each in answered.moments] == [("", 0)]
    lesson.attach("film")
    listed = lesson.school.learner("max").ListQuestions(
        questions_pb2.ListQuestionsRequest(run_id=RUN)
    )
    for question in (*listed.questions, lesson.forum.get(asked, "eve").question):
        [moment] = question.moments
        assert (moment.item_id, moment.offset_seconds) == ("film", 1_000)
        assert abs(moment.second - 700) <= 2
    chapter = recordings_pb2.Chapter(title="Light")
    chapter.starts_at.FromSeconds(980)
    lesson.school.staff.SetChapters(
        recordings_pb2.SetChaptersRequest(session_id=lesson.session.id, chapters=[chapter])
    )
    assert [each.text for each in lesson.line() if each.kind == Kind.LINE_POINT_KIND_CHAPTER] == [
        "Light"
    ]
    lesson.school.staff.WithdrawRecording(
        recordings_pb2.WithdrawRecordingRequest(session_id=lesson.session.id, reason="A face.")
    )
    assert lesson.forum.now(asked).moments[0].item_id == ""


def test_long_texts_fit_a_page(lesson: Lesson) -> None:
    """The line has the beginning of a long text in any script, and pages end between such."""
    for _ in range(3):
        lesson.ask("ada", "猫" * 2_000)
    lesson.attach("film")
    assert [len(each.text) for each in lesson.line(size=1)] == [200] * 3
