"""Agendas: no question is lost when classes end, move or are cancelled, whoever works meanwhile."""

from collections import Counter

import pytest
from google.protobuf.duration_pb2 import Duration
from tandem.sessions.v1 import events_pb2, questions_pb2, sessions_pb2
from tandem.types.v1 import types_pb2

from services.sessions.domain.questions import Question, QuestionPlace, QuestionState
from services.sessions.store import SessionsStore
from services.sessions.timers_questions import place_questions
from services.sessions.usecases import agendas
from tests.deep import only_deep
from tests.integration.sessions.forum import OPEN, Forum
from tests.integration.sessions.school import RUN, TEACHER, School, race, refused
from tests.integration.sessions.test_session_groups import DENIED, A, B, group, member, tutor


@pytest.fixture
def forum(school: School) -> Forum:
    return Forum(school, "ada", "eve", "max")


def carried(forum: Forum) -> list[events_pb2.QuestionCarriedOver]:
    """The questions that came to other agendas."""
    return forum.school.published(events_pb2.QuestionCarriedOver)


def add(forum: Forum, count: int, session_id: str) -> None:
    """Store open questions on a session's agenda, each of another learner."""
    now = forum.school.clock.now()

    def work(store: SessionsStore) -> None:
        for number in range(count):
            question = Question(
                id=f"q{number:05d}",
                run_id=RUN,
                asker_id=f"learner-{number}",
                text="Why?",
                asked_at=now,
                place=QuestionPlace.BETWEEN,
                open_since=now,
                session_id=session_id,
            )
            store.add_question(question)

    forum.school.database.transact(work)


def test_left_open_at_the_end(forum: Forum) -> None:
    """What a class leaves open is on the next agenda, and told to asker and instructor; what it
    answered is not.
    """
    monday, tuesday = forum.classes(2)
    open_, answered = forum.ask("ada", "Why?"), forum.ask("eve", "How?")
    forum.school.clock.forward(hours=4)
    forum.start(monday)
    forum.answer(answered, session_id=monday.id)
    live = forum.ask("max", "Louder?", session_id=monday.id)
    forum.school.clock.forward(seconds=1)
    later = forum.ask("max", "What is next?")
    assert later.session_id == tuesday.id
    forum.school.stop(monday)
    forum.work()
    assert forum.agenda(tuesday) == [open_.id, live.id, later.id]
    assert {(each.question_id, each.asker_id) for each in carried(forum)} == {
        (open_.id, "ada"),
        (live.id, "max"),
    }
    told = carried(forum)[0]
    assert told.left_open
    assert (told.from_session_id, told.session_id) == (monday.id, tuesday.id)
    assert [*told.instructor_ids] == [TEACHER]
    assert told.start_time == tuesday.start_time
    question = forum.now(open_)
    assert question.carried_over == 1
    assert question.history[-1].action == questions_pb2.QUESTION_ACTION_CARRIED_OVER
    assert question.history[-1].person_id == ""


def test_left_open_at_the_last_class(forum: Forum) -> None:
    """Without a next class the question waits as a thread, where it can be answered in words."""
    [monday] = forum.classes(1)
    question = forum.ask("ada", "Why?")
    forum.school.clock.forward(hours=4)
    forum.start(monday)
    forum.school.stop(monday)
    forum.work()
    [told] = carried(forum)
    assert (told.left_open, told.session_id) == (True, "")
    assert forum.now(question).session_id == ""
    forum.reply("eve", question, "So.")
    forum.answer(question, text="So.")


def test_cancelled_and_moved_classes_pass_questions_on(forum: Forum) -> None:
    """Questions follow the order of the classes; nobody is told that a class left them open."""
    monday, tuesday, friday = forum.classes(3)
    question = forum.ask("ada", "Why?")
    forum.cancel(monday)
    forum.work()
    assert forum.agenda(tuesday) == [question.id]
    forum.school.staff.MoveSession(
        sessions_pb2.MoveSessionRequest(
            session_id=tuesday.id,
            starts=types_pb2.CivilTime(local="2026-03-03T12:00:00", zone="Europe/Dublin"),
            reason="The lab is painted.",
        )
    )
    forum.work()
    assert forum.agenda(friday) == [question.id]
    assert not any(each.left_open for each in carried(forum))
    assert forum.now(question).carried_over == 0


def test_a_start_that_is_taken_back(forum: Forum) -> None:
    """What was asked between while the class seemed to run comes to it after all."""
    monday, tuesday = forum.classes(2)
    forum.school.clock.forward(hours=4)
    forum.start(monday)
    forum.school.clock.forward(seconds=1)
    question = forum.ask("ada", "Why?")
    assert question.session_id == tuesday.id
    forum.school.staff.UndoStart(sessions_pb2.UndoStartRequest(session_id=monday.id))
    forum.work()
    assert forum.agenda(monday) == [question.id]


def test_most_wanted_first(forum: Forum) -> None:
    """The agenda has the most wanted first, then the oldest, in pages that repeat nothing."""
    [monday] = forum.classes(1)
    asked = [forum.ask(each, f"Why {each}?") for each in ("ada", "eve", "max")]
    forum.vote("ada", asked[2])
    forum.vote("eve", asked[2])
    forum.vote("ada", asked[1])
    forum.work()
    assert forum.agenda(monday) == [asked[2].id, asked[1].id, asked[0].id]
    request = questions_pb2.ListAgendaRequest(session_id=monday.id, page_size=2)
    page = forum.school.learner("ada").ListAgenda(request)
    assert [(each.votes, each.wanted) for each in page.questions] == [(3, True), (2, True)]
    request.page_token = page.next_page_token
    assert [each.id for each in forum.school.staff.ListAgenda(request).questions] == [asked[0].id]


def test_groups_have_their_own_agendas(forum: Forum) -> None:
    """A question comes to the classes of its asker's groups; staff of other groups do not reach
    it.
    """
    school = forum.school
    school.hear("rosters", group(A), group(B), member("ada", A), member("eve", B))
    of_b, of_a = (
        forum.classes(1, group_ids=[B])[0],
        school.schedule(
            school.room("A"),
            group_ids=[A],
            starts=types_pb2.CivilTime(local="2026-03-02T15:00:00", zone="Europe/Dublin"),
            duration=Duration(seconds=3600),
            instructor_id="bohr",
        ),
    )
    ada, eve = forum.ask("ada", "Why?"), forum.ask("eve", "How?")
    assert (ada.session_id, eve.session_id) == (of_a.id, of_b.id)
    school.hear("rosters", tutor("gauss", B))
    gauss = school.learner("gauss")
    request = questions_pb2.GetQuestionRequest(question_id=eve.id)
    assert gauss.GetQuestion(request).question.asker_id == "eve"
    listed = gauss.ListQuestions(questions_pb2.ListQuestionsRequest(run_id=RUN)).questions
    assert [each.id for each in listed] == [eve.id]
    text = questions_pb2.SuggestDuplicatesRequest(run_id=RUN, text="Why?")
    assert not gauss.SuggestDuplicates(text).similar
    assert school.learner("eve").SuggestDuplicates(text).similar
    request.question_id = ada.id
    assert refused(lambda: gauss.GetQuestion(request))[0] is DENIED
    merge = questions_pb2.MergeQuestionsRequest(question_id=eve.id, duplicate_ids=[ada.id])
    assert refused(lambda: gauss.MergeQuestions(merge))[0] is DENIED
    # who holds the class as a guest answers what is on its agenda
    answer = questions_pb2.AnswerQuestionRequest(question_id=ada.id, text="So.")
    assert school.learner("bohr").AnswerQuestion(answer).asker_id == "ada"


def test_a_killed_worker_leaves_its_work(forum: Forum, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks that were done stay done, the next worker does the others, and each is told once."""
    monkeypatch.setattr(agendas, "MOST", 3)
    monday, tuesday = forum.classes(2)
    add(forum, 10, monday.id)
    forum.school.clock.forward(hours=4)
    forum.start(monday)
    forum.school.stop(monday)
    work, calls = agendas.place_next, Counter[str]()

    def killed(*args: object, **more: object) -> str:
        calls["chunks"] += 1
        if calls["chunks"] == 3:
            raise SystemExit
        return work(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(agendas, "place_next", killed)
    with pytest.raises(SystemExit):
        place_questions(forum.school.database)
    assert len(carried(forum)) == 6
    forum.work()
    assert len(forum.agenda(tuesday)) == 10
    assert {*Counter(each.question_id for each in carried(forum)).values()} == {1}
    assert len(carried(forum)) == 10


def test_asking_while_the_class_ends(forum: Forum) -> None:
    """Whoever asks while the class ends is refused or on the next agenda; no question is lost."""
    monday, tuesday = forum.classes(2)
    forum.school.clock.forward(hours=4)
    forum.start(monday)
    learners = [f"learner-{number}" for number in range(12)]
    forum.school.enrol(*learners)
    api = forum.school.api
    asked: list[str] = []

    def act(person: str) -> None:
        if person == TEACHER:
            api.EndSession(sessions_pb2.EndSessionRequest(session_id=monday.id), None)
            return
        session_id = monday.id if person.endswith(("1", "2", "3")) else ""
        request = questions_pb2.AskQuestionRequest(
            run_id=RUN, learner_id=person, text=f"{person}?", session_id=session_id
        )
        try:
            asked.append(api.AskQuestion(request, None).question.id)
        except Exception as error:
            assert "LIVE" in str(getattr(error, "violations", error))  # noqa: PT017

    race(act, [*learners[:6], TEACHER, *learners[6:]])
    forum.work()
    assert sorted(forum.agenda(tuesday)) == sorted(asked)


@only_deep
def test_two_thousand_left_open(forum: Forum) -> None:
    """The end of a class with 2,000 open questions is one short unit of work, and the worker
    carries them over in chunks, each told once.
    """
    monday, tuesday = forum.classes(2)
    add(forum, 2_000, monday.id)
    forum.school.clock.forward(hours=4)
    forum.start(monday)
    forum.school.stop(monday)
    assert not carried(forum)
    forum.work()
    assert len({each.question_id for each in carried(forum)}) == len(carried(forum)) == 2_000
    query = {"session_id": tuesday.id, "state": QuestionState.OPEN}
    assert forum.school.database.mongo["questions"].count_documents(query) == 2_000


def test_merging_moves_no_agenda(forum: Forum) -> None:
    """A merged question leaves the agenda, and comes to no other one."""
    monday, tuesday = forum.classes(2)
    first, second = forum.ask("ada", "Why?"), forum.ask("eve", "Why so?")
    forum.merge(first, second)
    forum.cancel(monday)
    forum.work()
    assert forum.agenda(tuesday) == [first.id]
    assert forum.now(first).state == OPEN
    assert forum.now(second).session_id == monday.id
    assert [each.question_id for each in carried(forum)] == [first.id]


def test_merged_questions_come_to_the_classes_of_all_who_asked(forum: Forum) -> None:
    """The question that stays is on the first agenda of all their groups; when a class leaves it
    open, each asker is told, once.
    """
    school = forum.school
    school.hear("rosters", group(A), group(B), member("ada", A), member("eve", B))
    school.hear("rosters", member("max", B))
    [of_b] = forum.classes(1, group_ids=[B])
    at_three = types_pb2.CivilTime(local="2026-03-02T15:00:00", zone="Europe/Dublin")
    of_a = school.schedule(
        school.room("A"), group_ids=[A], starts=at_three, duration=Duration(seconds=3600)
    )
    first = forum.ask("ada", "Why?")
    assert forum.agenda(of_a) == [first.id]
    forum.merge(first, forum.ask("eve", "Why so?"), forum.ask("max", "How so?"))
    forum.work()
    assert (forum.agenda(of_a), forum.agenda(of_b)) == ([], [first.id])
    assert list(forum.now(first).group_ids) == [A, B]
    school.clock.forward(hours=4)
    forum.start(of_b)
    school.stop(of_b)
    forum.work()
    assert forum.agenda(of_a) == [first.id]
    told = [each for each in carried(forum) if each.left_open]
    assert [(each.asker_id, [*each.also_asked_by]) for each in told] == [("ada", ["eve", "max"])]
    assert not [each for each in carried(forum) if not each.left_open and each.also_asked_by]
