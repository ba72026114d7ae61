"""Questions: asked in all three ways, answered in both, merged, and seen by whom they may be."""

from dataclasses import replace
from functools import partial

import grpc
import pytest
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.library.v1 import events_pb2 as library
from tandem.sessions.v1 import events_pb2, questions_pb2, sessions_pb2

from tests.integration.sessions.forum import (
    ANSWERED,
    HIDDEN,
    MERGED,
    OPEN,
    WITHDRAWN,
    Forum,
)
from tests.integration.sessions.school import RUN, TEACHER, School, refused


@pytest.fixture
def forum(school: School) -> Forum:
    return Forum(school, "ada", "eve", "max")


def test_asked_in_between(forum: Forum) -> None:
    """A question asked in between is on the next session's agenda, and is told with its teacher."""
    monday, _ = forum.classes(2)
    question = forum.ask("ada", "Why is it upside down?")
    assert forum.agenda(monday) == [question.id]
    assert (question.session_id, question.asker_id, question.votes) == (monday.id, "ada", 1)
    assert question.wanted
    [told] = forum.school.published(events_pb2.QuestionAsked)
    assert (told.question_id, told.question, told.asker_id) == (
        question.id,
        "Why is it upside down?",
        "ada",
    )
    assert [*told.instructor_ids] == [TEACHER]
    assert told.place == questions_pb2.QUESTION_PLACE_BETWEEN


def test_asked_before_a_class_is_planned(forum: Forum) -> None:
    """A question waits while no class is planned, and is on the first that is."""
    question = forum.ask("ada", "When do we start?")
    assert question.session_id == ""
    [monday] = forum.classes(1)
    forum.work()
    assert forum.agenda(monday) == [question.id]
    [told] = forum.school.published(events_pb2.QuestionCarriedOver)
    assert (told.from_session_id, told.session_id, told.left_open) == ("", monday.id, False)
    assert told.title == "Motion"


def test_asked_live(forum: Forum) -> None:
    """A question asked in a class is on its agenda, with its second, and the class sees it."""
    monday, _ = forum.classes(2)
    forum.school.clock.forward(hours=4)
    forum.start(monday)
    forum.school.clock.forward(seconds=90)
    question = forum.ask("ada", "Louder?", session_id=monday.id)
    assert (question.session_id, question.offset_seconds) == (monday.id, 90)
    assert question.place == questions_pb2.QUESTION_PLACE_LIVE
    assert forum.shown(monday) == [(question.id, "Louder?", "OPEN")]


def test_asked_at_a_recording(forum: Forum) -> None:
    """A question at a moment of a recording keeps it, and is on the next agenda."""
    monday, tuesday = forum.classes(2)
    forum.school.clock.forward(hours=4)
    forum.start(monday)
    forum.school.clock.forward(hours=1)
    forum.school.stop(monday)
    at = {"session_id": monday.id, "item_id": "film", "offset_seconds": 754.5}
    code, _ = refused(lambda: forum.ask("ada", "What is that?", **at))
    assert code is grpc.StatusCode.FAILED_PRECONDITION
    forum.school.hear("recordings", library.ItemAvailable(item_id="film"))
    request = sessions_pb2.AttachRecordingRequest(session_id=monday.id, item_id="film")
    forum.school.staff.AttachRecording(request)
    question = forum.ask("ada", "What is that?", **at)
    assert (question.asked_in, question.item_id) == (monday.id, "film")
    assert (question.offset_seconds, question.session_id) == (754.5, tuesday.id)
    listed = questions_pb2.ListQuestionsRequest(run_id=RUN, asked_in=monday.id)
    assert [each.id for each in forum.school.staff.ListQuestions(listed).questions] == [question.id]


def test_answered_in_words_and_live(forum: Forum) -> None:
    """An answer has its words in the thread and its moment in the class, and is told."""
    monday, _ = forum.classes(2)
    question = forum.ask("ada", "Why?")
    forum.school.clock.forward(hours=4)
    forum.start(monday)
    forum.school.clock.forward(minutes=10)
    answered = forum.answer(question, text="Light bends.", session_id=monday.id)
    assert answered.state == ANSWERED
    assert [(each.session_id, each.offset_seconds) for each in answered.moments] == [
        (monday.id, 600)
    ]
    [reply] = forum.get(question, "eve").replies
    assert (reply.text, reply.author_id, reply.by_staff, reply.is_answer) == (
        "Light bends.",
        TEACHER,
        True,
        True,
    )
    [told] = forum.school.published(events_pb2.QuestionAnswered)
    assert (told.asker_id, told.answer, told.session_id, told.offset_seconds) == (
        "ada",
        "Light bends.",
        monday.id,
        600,
    )
    assert forum.shown(monday) == [(question.id, "Why?", "ANSWERED")]
    assert forum.agenda(monday) == []


def test_a_reply_becomes_the_answer(forum: Forum) -> None:
    """A fellow learner's reply answers nothing until staff accepts it."""
    question = forum.ask("ada", "Why?")
    reply = forum.reply("eve", question, "Because light bends.")
    assert forum.now(question).state == OPEN
    forum.answer(question, reply_id=reply.id)
    assert forum.now(question).state == ANSWERED
    assert forum.get(question).replies[0].is_answer
    [told] = forum.school.published(events_pb2.QuestionAnswered)
    assert told.answer == "Because light bends."


def test_merged_askers_are_told_the_answer(forum: Forum) -> None:
    """Votes of merged questions count once a person, and each asker is told the answer."""
    [monday] = forum.classes(1)
    first, second = forum.ask("ada", "Why is it so?"), forum.ask("eve", "Why so?")
    forum.vote("max", first)
    forum.vote("max", second)
    forum.merge(first, second)
    forum.work()
    assert (forum.now(first).votes, forum.now(second).merged_into) == (3, first.id)
    assert forum.now(second).state == MERGED
    assert forum.vote("eve", second) == first.id
    assert forum.agenda(monday) == [first.id]
    forum.answer(first, text="So.")
    told = forum.school.published(events_pb2.QuestionAnswered)
    assert {(each.question_id, each.asker_id) for each in told} == {
        (first.id, "ada"),
        (second.id, "eve"),
    }
    assert {each.answered_question_id for each in told} == {first.id}
    assert len(forum.school.published(events_pb2.QuestionMerged)) == 1


def test_merging_into_an_answered_question_tells_the_answer(forum: Forum) -> None:
    """Who asked what was answered already is told at once; a chain of merges has one end."""
    first, second = forum.ask("ada", "Why?"), forum.ask("eve", "Why so?")
    third = forum.ask("max", "How come?")
    forum.merge(second, third)
    forum.answer(first, text="So.")
    forum.merge(first, second)
    assert forum.now(third).merged_into == first.id
    told = forum.school.published(events_pb2.QuestionAnswered)
    assert [each.asker_id for each in told] == ["ada", "eve", "max"]
    forum.merge(first, second)  # a repeat
    assert len(forum.school.published(events_pb2.QuestionAnswered)) == 3


def test_merges_that_are_refused_tell_all_reasons(forum: Forum) -> None:
    """Unknown questions, the same one, and answered ones are each named."""
    first, second = forum.ask("ada", "Why?"), forum.ask("eve", "Why so?")
    forum.answer(second, text="So.")
    strange = questions_pb2.Question(id="strange")
    code, _ = refused(lambda: forum.merge(first, first, second, strange))
    assert code is grpc.StatusCode.FAILED_PRECONDITION
    assert forum.now(first).state == OPEN


def test_learners_do_not_see_who_asked(forum: Forum) -> None:
    """Fellow learners see neither asker nor author, staff and the person do."""
    question = forum.ask("ada", "Why?")
    forum.reply("eve", question, "So.")
    seen = forum.get(question, "max")
    assert (seen.question.asker_id, seen.replies[0].author_id) == ("", "")
    assert [each.person_id for each in seen.question.history] == [""]
    seen = forum.get(question, "eve")
    assert (seen.question.asker_id, seen.replies[0].author_id) == ("", "eve")
    seen = forum.get(question)
    assert (seen.question.asker_id, seen.replies[0].author_id) == ("ada", "eve")
    assert [each.person_id for each in seen.question.history] == ["ada"]


def test_what_is_gone_is_gone_for_fellow_learners(forum: Forum) -> None:
    """Hidden and withdrawn questions are for staff and who asked; a class sees them go."""
    [monday] = forum.classes(1)
    bad, mistaken = forum.ask("ada", "Rude words"), forum.ask("eve", "Wrong class")
    forum.school.clock.forward(hours=4)
    forum.start(monday)
    assert forum.hide(bad, reason="Rude.").state == HIDDEN
    assert forum.withdraw(mistaken, "eve").state == WITHDRAWN
    for question, own in ((bad, "ada"), (mistaken, "eve")):
        code, _ = refused(partial(forum.get, question, "max"))
        assert code is grpc.StatusCode.NOT_FOUND
        assert forum.get(question, own).question.text == question.text
    request = questions_pb2.ListQuestionsRequest(run_id=RUN)
    seen = {
        reader: [each.id for each in forum.school.learner(reader).ListQuestions(request).questions]
        for reader in ("ada", "max")
    }
    assert seen == {"ada": [bad.id], "max": []}
    assert len(forum.school.staff.ListQuestions(request).questions) == 2
    assert forum.shown(monday) == [(bad.id, "", "HIDDEN"), (mistaken.id, "", "WITHDRAWN")]
    told = forum.school.published(events_pb2.QuestionWithdrawn)
    assert [each.hidden_by for each in told] == [TEACHER, ""]
    assert forum.get(bad, "ada").question.history[-1].text == ""  # the reason is for staff


def test_a_hidden_reply_keeps_its_place(forum: Forum) -> None:
    """Learners read a hidden reply no more, and it can't become the answer."""
    question = forum.ask("ada", "Why?")
    reply = forum.reply("eve", question, "Rude words")
    forum.hide(question, reply_id=reply.id)
    [seen] = forum.get(question, "ada").replies
    assert (seen.hidden, seen.text) == (True, "")
    assert forum.get(question).replies[0].text == "Rude words"
    code, _ = refused(lambda: forum.answer(question, reply_id=reply.id))
    assert code is grpc.StatusCode.FAILED_PRECONDITION


def test_reopened_questions_come_to_the_next_agenda(forum: Forum) -> None:
    """An answer that was none is taken back, and the question is on an agenda again."""
    [monday] = forum.classes(1)
    question = forum.ask("ada", "Why?")
    forum.answer(question, text="So.")
    again = forum.reopen(question)
    assert (again.state, again.session_id) == (OPEN, monday.id)
    [told] = forum.school.published(events_pb2.QuestionReopened)
    assert told.session_id == monday.id
    actions = [each.action for each in forum.now(question).history]
    assert actions == [
        questions_pb2.QUESTION_ACTION_ASKED,
        questions_pb2.QUESTION_ACTION_ANSWERED,
        questions_pb2.QUESTION_ACTION_REOPENED,
    ]


def test_edited_questions_keep_their_earlier_text_for_staff(forum: Forum) -> None:
    """Only who asked edits it, and staff reads in the history what it was."""
    question = forum.ask("ada", "Wy?")
    request = questions_pb2.EditQuestionRequest(
        question_id=question.id, learner_id="ada", text="Why?"
    )
    assert forum.school.learner("ada").EditQuestion(request).text == "Why?"
    assert forum.now(question).history[-1].text == "Wy?"
    assert forum.get(question, "max").question.history[-1].text == ""
    request.learner_id = "eve"
    code, _ = refused(lambda: forum.school.learner("eve").EditQuestion(request))
    assert code is grpc.StatusCode.NOT_FOUND


def test_only_learners_with_a_place_take_part(forum: Forum) -> None:
    """Who waits for a place, or is a stranger, neither asks, votes nor replies."""
    question = forum.ask("ada", "Why?")
    waiting = catalog.EnrolmentWaitlisted(enrolment_id="e-kim", run_id=RUN, learner_id="kim")
    forum.school.hear("rosters", waiting)
    for person in ("kim", "zoe"):
        for attempt in (
            partial(forum.ask, person, "Me?"),
            partial(forum.vote, person, question),
            partial(forum.reply, person, question, "Me."),
        ):
            assert refused(attempt)[0] is grpc.StatusCode.FAILED_PRECONDITION
    assert forum.get(question, "kim").question.text == "Why?"
    code, _ = refused(lambda: forum.get(question, "zoe"))
    assert code is grpc.StatusCode.PERMISSION_DENIED


def test_nobody_asks_without_end(forum: Forum) -> None:
    """A learner has at most 50 open questions in a run; the same request id asks once."""
    first = forum.ask("ada", "Why?", request_id="first")
    assert forum.ask("ada", "Why?", request_id="first").id == first.id
    store = forum.school.database.reader()
    known = store.questions([first.id])[first.id]
    for number in range(49):
        store.add_question(replace(known, id=f"q{number}"))
    code, text = refused(lambda: forum.ask("ada", "And why?"))
    assert code is grpc.StatusCode.FAILED_PRECONDITION, text
    forum.ask("eve", "And why?")


def test_bad_answers_are_refused(forum: Forum) -> None:
    """No answer at all, blank words, and moments outside of the class are refused."""
    [monday] = forum.classes(1)
    question = forum.ask("ada", "Why?")
    school = forum.school
    for how, code in (
        ({}, grpc.StatusCode.INVALID_ARGUMENT),
        ({"text": "\u200b"}, grpc.StatusCode.INVALID_ARGUMENT),
        ({"text": "So.", "at": school.at()}, grpc.StatusCode.INVALID_ARGUMENT),
        ({"session_id": monday.id}, grpc.StatusCode.FAILED_PRECONDITION),
        ({"session_id": "unknown"}, grpc.StatusCode.NOT_FOUND),
        ({"reply_id": "unknown"}, grpc.StatusCode.NOT_FOUND),
    ):
        assert refused(partial(forum.answer, question, **how))[0] is code, how
    school.clock.forward(hours=4)
    forum.start(monday)
    school.clock.forward(hours=1)
    school.stop(monday)
    for at in (school.at(-61), school.at(1), None):
        attempt = {"session_id": monday.id, **({"at": at} if at else {})}
        code, _ = refused(partial(forum.answer, question, **attempt))
        assert code is grpc.StatusCode.FAILED_PRECONDITION
    assert forum.answer(question, session_id=monday.id, at=school.at(-30)).state == ANSWERED


def test_similar_questions_are_suggested(forum: Forum) -> None:
    """Who asks sees open questions with the same words, and why they are similar."""
    first = forum.ask("ada", "Why is the image in a lens upside down?")
    forum.ask("eve", "When is the exam?")
    request = questions_pb2.AskQuestionRequest(
        run_id=RUN, learner_id="max", text="Upside down image: why?"
    )
    answer = forum.school.learner("max").AskQuestion(request)
    assert [each.question.id for each in answer.similar] == [first.id]
    assert {*answer.similar[0].words} == {"upside", "down", "image", "why"}
    assert answer.similar[0].question.asker_id == ""
    suggested = forum.school.learner("max").SuggestDuplicates(
        questions_pb2.SuggestDuplicatesRequest(run_id=RUN, text="What about exam dates?")
    )
    assert not any(each.question.id == first.id for each in suggested.similar)


def test_nothing_in_a_text_steers_others(forum: Forum) -> None:
    """What is asked, changed, replied and answered loses control and direction characters, and
    keeps its lines; a text of such characters alone is refused.
    """
    bad, good = "Why\u202e\x07?\r\n\tSo", "Why ?\n\tSo"
    question = forum.ask("ada", bad)
    forum.reply("eve", question, bad)
    forum.answer(question, text=bad)
    found = forum.get(question)
    assert {found.question.text, *(each.text for each in found.replies)} == {good}
    [told] = forum.school.published(events_pb2.QuestionAnswered)
    assert (told.question, told.answer) == (good, good)
    code, _ = refused(lambda: forum.ask("ada", "\x07\u202e\x00"))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
