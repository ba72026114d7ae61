"""What sessions tells in its metrics of questions, polls, feedback and check-ins."""

import time
from collections.abc import Callable

import pytest
from tandem.library.v1 import events_pb2 as library
from tandem.sessions.v1 import feedback_pb2, polls_pb2, sessions_pb2

from chassis.testing import figure
from services.sessions.timers_feedback import show_feedback
from services.sessions.timers_questions import count_votes, place_questions, watch
from tests.integration.sessions.forum import Forum
from tests.integration.sessions.school import School, refused

LEARNERS = ("ada", "bob", "cyd", "dan", "eve", "fay")


def counted(metric: str, act: Callable[[], object], *events: str) -> list[float]:
    """By how much each event of a metric grows when something is done."""

    def now() -> list[float]:
        return [figure(f"tandem_sessions_{metric}_total", event=each) for each in events]

    before = now()
    act()
    return [after - first for first, after in zip(before, now(), strict=True)]


def waits(school: School, notes: str) -> float:
    """What the worker tells of the oldest note."""
    watch(school.database)
    return figure("tandem_sessions_oldest_note_seconds", notes=notes)


@pytest.fixture
def forum(school: School) -> Forum:
    """A school with learners who ask."""
    return Forum(school, *LEARNERS)


def test_questions_are_counted_by_where_they_are_asked_and_answered(
    school: School, forum: Forum
) -> None:
    """Each once: a second answer to a question counts no more, and a refused one not at all."""
    session = school.live(school.room())

    def lesson() -> None:
        first, second, third = (
            forum.ask("ada", f"{each}?", session_id=session.id) for each in "abc"
        )
        between = forum.ask("bob", "In between?")
        forum.answer(first, session_id=session.id)
        forum.answer(first, text="Also in words.")
        forum.answer(between, text="Yes.")
        forum.merge(second, third)
        assert refused(lambda: forum.ask("zoe", "Who?"))
        school.stop(session)
        place_questions(school.database)
        school.hear("recordings", library.ItemAvailable(item_id="film", seconds=60))
        school.staff.AttachRecording(
            sessions_pb2.AttachRecordingRequest(session_id=session.id, item_id="film")
        )
        forum.ask("bob", "What is that?", session_id=session.id, item_id="film")

    events = {
        "asked_live": 3,
        "asked_between": 1,
        "asked_recording": 1,
        "answered_live": 1,
        "answered_in_words": 1,
        "merged": 1,
        "carried_over": 1,
    }
    assert counted("questions", lesson, *events) == [*events.values()]


def test_polls_and_their_voters_are_counted(school: School, forum: Forum) -> None:
    """A vote that is changed counts once."""
    session = school.live(school.room())

    def ask() -> None:
        asked = polls_pb2.OpenPollRequest(
            session_id=session.id,
            question="What is g?",
            options=["9", "10"],
            results_shown=polls_pb2.POLL_RESULTS_AT_ONCE,
        )
        poll = school.staff.OpenPoll(asked)
        for learner, choice in (("ada", 1), ("ada", 2), ("bob", 1)):
            school.learner(learner).VotePoll(
                polls_pb2.VotePollRequest(poll_id=poll.id, learner_id=learner, choices=[choice])
            )
        for _ in range(2):
            school.staff.ClosePoll(polls_pb2.ClosePollRequest(poll_id=poll.id))

    assert counted("polls", ask, "opened", "voted", "closed") == [1, 2, 1]


def test_feedback_is_counted_also_what_nobody_will_read(school: School, forum: Forum) -> None:
    """Six answers, one of which is changed: five are shown, and the last one is held back."""
    session = school.stop(school.live(school.room()))

    def leave(*learners: str) -> None:
        for each in learners:
            school.learner(each).LeaveFeedback(
                feedback_pb2.LeaveFeedbackRequest(
                    session_id=session.id, learner_id=each, pace=1, clarity=2, usefulness=3
                )
            )
        show_feedback(school.database)

    def fortnight() -> None:
        leave(*LEARNERS[:5])
        leave(LEARNERS[0], LEARNERS[5])
        school.clock.forward(days=15)
        show_feedback(school.database)

    assert counted("feedback", fortnight, "given", "shown", "held_back") == [6, 5, 1]


def test_check_ins_are_counted_by_what_was_wrong_with_the_code(school: School) -> None:
    """A code that was shown some minutes ago is told from one that was not, also to the learner."""
    school.enrol("ada")
    session = school.live(school.room(), "ada")
    shown = school.get(session).check_in_code
    school.clock.forward(minutes=5)

    def check_in(code: str) -> None:
        request = sessions_pb2.CheckInRequest(session_id=session.id, learner_id="ada", code=code)
        school.learner("ada").CheckIn(request)

    def try_all() -> None:
        for code, wrong in ((shown, "is shown no more"), ("x", "is not the session's code")):
            assert wrong in refused(lambda one=code: check_in(one))[1]  # type: ignore[misc]
        check_in(school.get(session).check_in_code)

    events = "old_code", "wrong_code", "accepted"
    assert counted("check_ins", try_all, *events) == [1, 1, 1]


def test_the_oldest_open_question_is_told(school: School, forum: Forum) -> None:
    """For how long it has been open, if it is on the agenda of a class to come; one without a class
    is not, because its run may be over.
    """
    first = forum.ask("ada", "Without a class?")
    watch(school.database)
    assert figure("tandem_sessions_oldest_question_seconds") == 0
    forum.classes(1)
    place_questions(school.database)
    school.clock.forward(hours=2)
    later = forum.ask("bob", "Later?")
    watch(school.database)
    assert figure("tandem_sessions_oldest_question_seconds") == 7_200
    forum.answer(first, text="Yes.")
    school.clock.forward(hours=1)
    watch(school.database)
    assert figure("tandem_sessions_oldest_question_seconds") == 3_600
    forum.withdraw(later, "bob")
    watch(school.database)
    assert figure("tandem_sessions_oldest_question_seconds") == 0


def test_the_oldest_notes_are_told(
    school: School, forum: Forum, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of agendas and of votes, until the worker has acted on them."""
    question = forum.ask("ada", "Why?")
    forum.vote("bob", question)
    in_an_hour = time.time() + 3_600
    monkeypatch.setattr("services.sessions.store_counts.time.time", lambda: in_an_hour)
    for notes, act in (("agendas", place_questions), ("votes", count_votes)):
        assert waits(school, notes) > 3_500
        act(school.database)
        assert waits(school, notes) == 0
