"""What nobody may do with questions: flood, or write where they are muted or have no part."""

from dataclasses import replace
from functools import partial

import grpc
import pytest
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.sessions.v1 import events_pb2, moderation_pb2, questions_pb2, resources_pb2

from services.sessions.domain.question_checks import MOST_OWN_REPLIES, MOST_REPLIES
from services.sessions.domain.questions import QuestionReply
from tests.integration.sessions.forum import Forum
from tests.integration.sessions.school import RUN, TEACHER, School, refused
from tests.integration.sessions.test_session_groups import DENIED, A, B, group, member

PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION


@pytest.fixture
def forum(school: School) -> Forum:
    return Forum(school, "ada", "eve", "max")


def edit(forum: Forum, learner: str, question: questions_pb2.Question, text: str) -> str:
    """The text of a question after its asker changed it."""
    request = questions_pb2.EditQuestionRequest(
        question_id=question.id, learner_id=learner, text=text
    )
    return forum.school.learner(learner).EditQuestion(request).text


def live(forum: Forum, **changes: object) -> resources_pb2.Session:
    """A class that is LIVE."""
    return forum.school.live(forum.school.room(), **changes)


def mute(forum: Forum, session: resources_pb2.Session, learner: str) -> None:
    """A learner is muted in a class."""
    forum.school.staff.MutePerson(
        moderation_pb2.MutePersonRequest(session_id=session.id, person_id=learner, reason="noise")
    )


def test_who_asks_and_withdraws_without_end(forum: Forum) -> None:
    """A learner asks at most 100 questions in a run within a day, whatever became of them; others,
    and the same learner a day later, ask on.
    """
    first = forum.ask("ada", "Why?")
    store = forum.school.database.reader()
    known = store.questions([first.id])[first.id]
    for number in range(99):
        store.add_question(replace(known, id=f"q{number}"))
    withdrawn = {"$set": {"state": "WITHDRAWN"}}
    forum.school.database.mongo["questions"].update_many({"asker_id": "ada"}, withdrawn)
    code, text = refused(partial(forum.ask, "ada", "And why?"))
    assert (code, "at most 100 a day" in text) == (PRECONDITION, True)
    forum.ask("eve", "And why?")
    forum.school.clock.forward(hours=24)
    forum.ask("ada", "And why?")


def test_a_text_is_changed_some_times(forum: Forum) -> None:
    """Twenty times, because each earlier text is kept; the same text again is no change."""
    question = forum.ask("ada", "Why?")
    for number in range(20):
        edit(forum, "ada", question, f"Why {number}?")
    assert edit(forum, "ada", question, "Why 19?") == "Why 19?"
    code, text = refused(partial(edit, forum, "ada", question, "Why 20?"))
    assert (code, "at most 20 times" in text) == (PRECONDITION, True)


def test_nobody_fills_a_thread_alone(forum: Forum) -> None:
    """A learner writes 50 of the 500 replies that learners may write; staff always replies."""
    question = forum.ask("ada", "Why?")
    now, store = forum.school.clock.now(), forum.school.database.reader()
    known = QuestionReply(id="", question_id=question.id, author_id="", text="So.", written_at=now)

    def write(author: str, count: int) -> None:
        for number in range(count):
            store.put_reply(replace(known, id=f"{author}-{number}", author_id=author))

    write("eve", MOST_OWN_REPLIES)
    code, text = refused(partial(forum.reply, "eve", question, "So."))
    assert (code, f"at most {MOST_OWN_REPLIES}" in text) == (PRECONDITION, True)
    forum.reply("max", question, "So.")
    write("others", MOST_REPLIES - MOST_OWN_REPLIES)
    code, text = refused(partial(forum.reply, "max", question, "So."))
    assert (code, f"at most {MOST_REPLIES}" in text) == (PRECONDITION, True)
    forum.reply(TEACHER, question, "Enough.")


def test_who_is_muted_asks_nothing_in_the_class(forum: Forum) -> None:
    """Neither by a new question nor by changing one that the class sees; in between, and to take
    one back, is allowed.
    """
    monday = live(forum)
    question = forum.ask("ada", "Why?", session_id=monday.id)
    mute(forum, monday, "ada")
    for attempt in (
        partial(forum.ask, "ada", "Hey!", session_id=monday.id),
        partial(edit, forum, "ada", question, "Hey!"),
    ):
        code, text = refused(attempt)
        assert (code, "muted" in text) == (DENIED, True)
    forum.ask("ada", "And why?")
    forum.ask("eve", "Why so?", session_id=monday.id)
    forum.withdraw(question, "ada")
    assert "Hey!" not in {text for _, text, _ in forum.shown(monday)}


def test_who_has_no_part_in_a_class_asks_nothing_in_it(forum: Forum) -> None:
    """A class of a group is for its learners; others of the run ask in between."""
    school = forum.school
    school.hear("rosters", group(A), group(B), member("ada", A), member("eve", B))
    of_a = live(forum, group_ids=[A])
    forum.ask("ada", "Why?", session_id=of_a.id)
    code, text = refused(partial(forum.ask, "eve", "Why?", session_id=of_a.id))
    assert (code, "for others" in text) == (DENIED, True)
    assert forum.ask("eve", "Why?").group_ids == [B]


def test_who_has_left_changes_nothing(forum: Forum) -> None:
    """The question of a learner who dropped stays on the agenda, and can be taken back only; the
    votes of others count on.
    """
    [monday] = forum.classes(1)
    question = forum.ask("ada", "Why?")
    forum.vote("eve", question)
    left = catalog.EnrolmentWithdrawn(enrolment_id="e-ada", run_id=RUN, learner_id="ada")
    forum.school.hear("rosters", left)
    forum.work()
    assert refused(partial(edit, forum, "ada", question, "Hey!"))[0] is PRECONDITION
    assert refused(partial(forum.ask, "ada", "Hey!"))[0] is PRECONDITION
    assert (forum.agenda(monday), forum.now(question).votes) == ([question.id], 2)
    forum.answer(question, text="So.")
    assert [each.asker_id for each in forum.school.published(events_pb2.QuestionAnswered)] == [
        "ada"
    ]


def test_a_run_that_is_over_is_read_only_to_learners(forum: Forum) -> None:
    """Nobody asks, edits, votes or replies any more; staff answers what was left open."""
    question = forum.ask("ada", "Why?")
    facts = catalog.RunFacts(run_id=RUN, instructor_ids=[TEACHER], closed_at=forum.school.at())
    forum.school.hear("rosters", catalog.RunClosed(run_id=RUN, run=facts))
    for attempt in (
        partial(forum.ask, "ada", "Hey!"),
        partial(edit, forum, "ada", question, "Hey!"),
        partial(forum.vote, "eve", question),
        partial(forum.reply, "eve", question, "Hey!"),
    ):
        code, text = refused(attempt)
        assert (code, "is over" in text) == (PRECONDITION, True)
    assert forum.answer(question, text="So.").answered_at.seconds


def test_who_hid_a_reply_is_in_the_history(forum: Forum) -> None:
    """With the reason, once; learners see that a reply was hidden, and not why."""
    question = forum.ask("ada", "Why?")
    reply = forum.reply("eve", question, "Rude words")
    for _ in range(2):
        forum.hide(question, reply_id=reply.id, reason="rude")
    for reader, reason in (("", "rude"), ("ada", "")):
        *_, change = forum.get(question, reader).question.history
        assert change.action == questions_pb2.QUESTION_ACTION_HIDDEN
        assert (change.reply_id, change.text) == (reply.id, reason)
        assert len(forum.get(question, reader).question.history) == 2
    assert forum.now(question).history[-1].person_id == TEACHER
