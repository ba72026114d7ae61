"""What becomes of questions, and of who asks them, when a recording is replaced or withdrawn."""

from functools import partial

import grpc
import pytest
from tandem.library.v1 import events_pb2 as library
from tandem.sessions.v1 import questions_pb2, recordings_pb2

from tests.integration.sessions.forum import Forum
from tests.integration.sessions.lesson import SECOND, Lesson, stretch
from tests.integration.sessions.school import School, refused

PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION
# The cut version lacks the class's first 300 s, and is 3,000 s long.
CUT = [stretch(300 * SECOND, 300 * SECOND), stretch(900 * SECOND, 2_700 * SECOND)]


@pytest.fixture
def watched(school: School) -> Lesson:
    """A class that has ended, with a recording that Max is in the middle of."""
    lesson = Lesson(Forum(school, "ada", "eve", "max"))
    lesson.end()
    lesson.attach("film")
    return lesson


def shown(question: questions_pb2.Question) -> tuple[str, int]:
    """Where the present recording shows when a question was asked."""
    return question.shown_item_id, round(question.shown_second)


def replace(lesson: Lesson) -> None:
    """The recording is replaced by its cut version, which the library has verified."""
    lesson.attach("cut", replaces_item_id="film", stretches=CUT)
    lesson.school.hear("recordings", library.ItemAvailable(item_id="cut", seconds=3_000))


def withdraw(lesson: Lesson, item_id: str = "") -> None:
    """A part of the recording is withdrawn, or all of it."""
    lesson.school.staff.WithdrawRecording(
        recordings_pb2.WithdrawRecordingRequest(
            session_id=lesson.session.id, item_id=item_id, reason="A face."
        )
    )


def test_questions_follow_to_the_new_recording(watched: Lesson) -> None:
    """What was asked at a second of the old file is at the second of the new one that shows the
    same of the class; what the new one lacks is at the next second that it has. It keeps where it
    was asked, and goes back with the old file.
    """
    kept, lost = watched.ask_later("film", 1_200), watched.ask_later("film", 100)
    assert (shown(kept), shown(lost)) == (("film", 1_200), ("film", 100))
    replace(watched)
    now = watched.forum.now
    assert [shown(now(each)) for each in (kept, lost)] == [("cut", 900), ("cut", 0)]
    assert (now(kept).item_id, now(kept).offset_seconds) == ("film", 1_200)
    assert [(each.about_id, round(each.second)) for each in watched.line()] == [
        (lost.id, 0),
        (kept.id, 900),
    ]
    watched.attach("film", replaces_item_id="cut")
    assert shown(now(kept)) == ("film", 1_200)


def test_who_is_in_the_middle_of_a_replaced_file_asks(watched: Lesson) -> None:
    """The question is taken at a second of the old file, and is shown where the new one shows the
    same, also after a second replacement; a second that the old file never had is refused.
    """
    replace(watched)
    asked = watched.ask_later("film", 1_200)
    assert shown(asked) == ("cut", 900)
    watched.attach("last", replaces_item_id="cut")
    for again in (watched.forum.now(asked), watched.ask_later("film", 1_200)):
        assert shown(again) == ("last", 1_200)
    assert shown(watched.ask_later("cut", 900)) == ("last", 1_200)
    status, text = refused(partial(watched.ask_later, "film", 3_400))
    assert (status, "where the file ends" in text) == (PRECONDITION, True)


def test_nobody_asks_at_what_was_withdrawn(watched: Lesson) -> None:
    """Neither at the recording nor at what it took the place of; what was asked stays, without a
    place, and has one again with the next recording.
    """
    asked = watched.ask_later("film", 1_200)
    replace(watched)
    withdraw(watched)
    for item_id in ("film", "cut"):
        status, text = refused(partial(watched.ask_later, item_id, 0))
        assert (status, f"{item_id!r} is no part" in text) == (PRECONDITION, True)
    assert shown(watched.forum.now(asked)) == ("", 0)
    assert watched.line() == []
    watched.attach("new")
    assert shown(watched.forum.now(asked)) == ("new", 1_200)
    assert [each.about_id for each in watched.line()] == [asked.id]


def test_a_part_that_is_withdrawn_leaves_the_others(watched: Lesson) -> None:
    """Who watches the other part asks on; what was asked at the gone one is at the next second."""
    watched.attach("second", further_part=True, stretches=[stretch(4_000 * SECOND, 60 * SECOND)])
    asked = watched.ask_later("film", 1_200)
    assert shown(watched.ask_later("second", 30)) == ("second", 30)
    withdraw(watched, "film")
    assert refused(partial(watched.ask_later, "film", 0))[0] is PRECONDITION
    assert shown(watched.forum.now(asked)) == ("second", 0)


def test_a_live_question_is_at_a_second_of_the_recording(school: School) -> None:
    """It is known in lists, too, once there is a recording; what was asked in between has none."""
    lesson = Lesson(Forum(school, "ada"))
    lesson.go_to(1_000)
    live, between = lesson.ask("ada", "Why?"), lesson.forum.ask("ada", "When?")
    lesson.end()
    assert shown(lesson.forum.now(live)) == ("", 0)
    lesson.attach("film")
    request = questions_pb2.ListQuestionsRequest(run_id=live.run_id)
    listed = {
        each.id: shown(each) for each in school.learner("ada").ListQuestions(request).questions
    }
    assert listed == {live.id: ("film", 700), between.id: ("", 0)}
