"""Feedback through the real edge and MongoDB: who may leave it, and what is shown of it."""

from datetime import timedelta
from typing import Any

import grpc
from google.protobuf.duration_pb2 import Duration
from tandem.sessions.v1 import events_pb2, feedback_pb2, resources_pb2, sessions_pb2
from tandem.types.v1 import types_pb2

from services.sessions.domain.feedback import GRACE
from services.sessions.timers_feedback import show_feedback
from tests.integration.sessions.school import TEACHER, School, Stub, race, refused

PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION
DENIED = grpc.StatusCode.PERMISSION_DENIED
INVALID = grpc.StatusCode.INVALID_ARGUMENT
LEARNERS = tuple(f"l{number:02d}" for number in range(12))
WEEKS = timedelta(days=14)
Session = resources_pb2.Session


def held(school: School, *more: str) -> Session:
    """A class that has ended, of twelve learners, and more."""
    school.enrol(*LEARNERS, *more)
    return school.stop(school.live(school.room()))


def leave(
    school: School, session: Session, learner: str, rating: int = 4, comment: str = ""
) -> feedback_pb2.LeaveFeedbackResponse:
    """A learner's feedback; all three ratings are the same."""
    request = feedback_pb2.LeaveFeedbackRequest(
        session_id=session.id,
        learner_id=learner,
        pace=rating,
        clarity=rating,
        usefulness=rating,
        comment=comment,
    )
    return school.learner(learner).LeaveFeedback(request)


def read(
    school: School, session: Session, person: str = TEACHER, **page: Any
) -> feedback_pb2.Feedback:
    """What a person sees."""
    request = feedback_pb2.GetFeedbackRequest(session_id=session.id, **page)
    return Stub(school.channel_for(person)).GetFeedback(request)


def shown(feedback: feedback_pb2.Feedback) -> tuple[int, list[int], list[str]]:
    """How many answers are shown, their ratings of the pace, and their comments."""
    return feedback.published_answers, list(feedback.pace), sorted(feedback.comments)


def test_feedback_is_shown_five_by_five(school: School) -> None:
    """Nothing but the number below five; then it changes with each five more, and what changed
    meanwhile comes with them.
    """
    session = held(school)
    for place, learner in enumerate(LEARNERS[:4]):
        leave(school, session, learner, 1 + place, f"comment {place}")
    show_feedback(school.database)
    assert (read(school, session).answers, *shown(read(school, session))) == (4, 0, [], [])
    leave(school, session, LEARNERS[4], 5, " \u200b ")
    assert read(school, session).published_answers == 0
    show_feedback(school.database)
    first = read(school, session)
    comments = [f"comment {place}" for place in range(4)]
    assert (first.answers, *shown(first)) == (5, 5, [1, 1, 1, 1, 1], comments)
    assert first.clarity == first.usefulness == first.pace
    leave(school, session, LEARNERS[0], 5, "changed")
    for learner in LEARNERS[5:9]:
        leave(school, session, learner, 3)
    show_feedback(school.database)
    assert shown(read(school, session)) == shown(first)
    assert read(school, session).answers == 9
    leave(school, session, LEARNERS[9], 3)
    show_feedback(school.database)
    comments = ["changed", *comments[1:]]
    assert shown(read(school, session)) == (10, [0, 1, 6, 1, 2], comments)


def test_feedback_ends_after_two_weeks(school: School) -> None:
    """Then nothing changes, the last fewer than five are never shown, and what is kept names
    nobody.
    """
    session = held(school)
    closes_at = leave(school, session, LEARNERS[0], 1, "first").closes_at
    assert closes_at == school.at(WEEKS / timedelta(minutes=1))
    for learner in LEARNERS[1:8]:
        leave(school, session, learner)
    show_feedback(school.database)
    before = shown(read(school, session))
    for learner in LEARNERS[8:]:
        leave(school, session, learner, 5, "late")
    assert before == (8, [1, 0, 0, 7, 0], ["first"])
    school.clock.forward(days=14)
    code, text = refused(lambda: leave(school, session, LEARNERS[0]))
    assert (code, "until" in text) == (PRECONDITION, True)
    assert school.published(events_pb2.FeedbackClosed) == []
    school.clock.forward(seconds=GRACE.total_seconds())
    show_feedback(school.database)
    show_feedback(school.database)
    after = read(school, session)
    assert (after.answers, after.closed, *shown(after)) == (12, True, *before)
    (event,) = school.published(events_pb2.FeedbackClosed)
    assert (event.answers, [*event.pace]) == before[:2]
    (kept,) = school.database.mongo["feedback"].find()
    assert {*kept} == {"_id", "session_id", "shown_comment"}
    assert school.database.mongo["feedback_windows"].find_one()["secret"] == ""  # type: ignore[index]


def test_the_last_five_are_shown_at_the_end(school: School) -> None:
    """Also if the worker did not run before; and a class with fewer is told nothing."""
    session = held(school)
    for learner in LEARNERS[:5]:
        leave(school, session, learner)
    few = school.stop(
        school.live(
            school.room("Lab"),
            starts=types_pb2.CivilTime(local="2026-03-02T18:00:00", zone="Europe/Dublin"),
        )
    )
    for learner in LEARNERS[:4]:
        leave(school, few, learner)
    school.clock.forward(days=15)
    show_feedback(school.database)
    assert read(school, session).published_answers == 5
    assert (read(school, few).answers, read(school, few).published_answers) == (4, 0)
    (event,) = school.published(events_pb2.FeedbackClosed)
    assert event.session_id == session.id


def test_who_was_expected_or_there_leaves_feedback(school: School) -> None:
    """Not who studies at their own pace, unless they came; no strangers, and nobody for others."""
    school.enrol("sue", "tim", mode=types_pb2.ATTENDANCE_MODE_SELF_PACED)
    school.enrol(*LEARNERS)
    session = school.live(school.room())
    code, text = refused(lambda: leave(school, session, LEARNERS[0]))
    assert (code, "no feedback is asked" in text) == (PRECONDITION, True)
    school.presence_event(session, ("tim", sessions_pb2.PRESENCE_KIND_JOINED, 0))
    school.stop(session)
    leave(school, session, LEARNERS[0])
    leave(school, session, "tim")
    for learner in ("sue", "zoe"):
        code, text = refused(lambda one=learner: leave(school, session, one))  # type: ignore[misc]
        assert (code, "neither expected" in text) == (PRECONDITION, True)
    forged = feedback_pb2.LeaveFeedbackRequest(
        session_id=session.id, learner_id="tim", pace=1, clarity=1, usefulness=1
    )
    for other in (school.staff, school.meetings, school.learner("sue")):
        assert refused(lambda stub=other: stub.LeaveFeedback(forged))[0] is DENIED  # type: ignore[misc]
    assert refused(lambda: leave(school, session, LEARNERS[0], 6))[0] is INVALID


def own(school: School, session: Session, learner: str) -> tuple[int, str]:
    """A learner's own rating and comment, as the learner reads them back."""
    request = feedback_pb2.GetOwnFeedbackRequest(session_id=session.id, learner_id=learner)
    found = school.learner(learner).GetOwnFeedback(request)
    assert found.pace == found.clarity == found.usefulness
    return found.pace, found.comment


def test_a_learner_reads_back_and_changes_the_own_feedback(school: School) -> None:
    """Until it is closed; nobody else reads it, not even staff, and each reads only the own."""
    session = held(school)
    leave(school, session, "l00", 2, "too fast")
    until = leave(school, session, "l01", 5, "great").closes_at
    assert own(school, session, "l00") == (2, "too fast")
    leave(school, session, "l00", 3)
    assert (own(school, session, "l00"), own(school, session, "l01")) == ((3, ""), (5, "great"))
    code, text = refused(lambda: own(school, session, "l02"))
    assert (code, "has left no feedback" in text) == (grpc.StatusCode.NOT_FOUND, True)
    request = feedback_pb2.GetOwnFeedbackRequest(session_id=session.id, learner_id="l00")
    assert school.learner("l00").GetOwnFeedback(request).closes_at == until
    for other in (school.staff, school.meetings, school.learner("l01")):
        assert refused(lambda stub=other: stub.GetOwnFeedback(request))[0] is DENIED  # type: ignore[misc]
    school.clock.forward(days=15)
    show_feedback(school.database)
    code, text = refused(lambda: own(school, session, "l00"))
    assert (code, "was closed at" in text) == (PRECONDITION, True)


def test_nobody_reads_more_than_staff(school: School) -> None:
    """The registrar reads the same, learners read nothing, and nothing stored has an id."""
    session = held(school)
    for learner in LEARNERS:
        leave(school, session, learner, comment=f"by {learner[0]}")
    show_feedback(school.database)
    request = feedback_pb2.GetFeedbackRequest(session_id=session.id)
    assert Stub(school.channel_for("office", "registrar")).GetFeedback(request) == read(
        school, session
    )
    assert refused(lambda: read(school, session, LEARNERS[0]))[0] is DENIED
    mongo = school.database.mongo
    stored = [*mongo["feedback"].find(), *mongo["requests"].find({"_id": {"$regex": "Feedback"}})]
    assert len(stored) == len(LEARNERS)
    assert not any(learner in str(row) for row in stored for learner in LEARNERS)


def test_comments_come_in_pages(school: School) -> None:
    """Each once, in the order of hashes."""
    session = held(school)
    for learner in LEARNERS:
        leave(school, session, learner, comment=learner)
    show_feedback(school.database)
    first = read(school, session, page_size=7)
    second = read(school, session, page_size=7, page_token=first.next_page_token)
    assert (len(first.comments), second.next_page_token) == (7, "")
    assert sorted([*first.comments, *second.comments]) == sorted(LEARNERS)


def test_a_run_may_ask_for_no_feedback_or_for_a_shorter_time(school: School) -> None:
    """By its policy: 0 asks for none."""
    school.open_run(feedback_within=Duration(seconds=3600))
    session = held(school)
    leave(school, session, LEARNERS[0])
    school.clock.forward(hours=1)
    assert refused(lambda: leave(school, session, LEARNERS[1]))[0] is PRECONDITION
    school.open_run("run-2", feedback_within=Duration())
    school.enrol("ada", run_id="run-2")
    starts = types_pb2.CivilTime(local="2026-03-02T18:00:00", zone="Europe/Dublin")
    other = school.stop(school.live(school.room("Lab"), run_id="run-2", starts=starts))
    assert refused(lambda: leave(school, other, "ada"))[0] is PRECONDITION
    request = feedback_pb2.GetFeedbackRequest(session_id=other.id)
    assert refused(lambda: school.staff.GetFeedback(request))[0] is PRECONDITION


def test_answers_at_once_are_all_there(school: School) -> None:
    """While the worker shows answers, none is lost, and none is shown twice."""
    session = held(school)

    def act(place: int) -> None:
        if place % 4 == 3:
            show_feedback(school.database)
        request = feedback_pb2.LeaveFeedbackRequest(
            session_id=session.id, learner_id=LEARNERS[place], pace=1, clarity=2, usefulness=3
        )
        school.api.LeaveFeedback(request, None)

    race(act, range(len(LEARNERS)))
    school.clock.forward(days=15)
    show_feedback(school.database)
    after = read(school, session)
    assert after.answers == len(LEARNERS)
    assert after.published_answers in range(5, len(LEARNERS) + 1)
    assert (sum(after.pace), after.pace[0]) == (after.published_answers, after.published_answers)
