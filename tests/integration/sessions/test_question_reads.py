"""What lists of questions, agendas and the line read of a run with many questions: by indexes."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pymongo
import pytest
from tandem.sessions.v1 import questions_pb2, recordings_pb2
from tandem.types.v1 import types_pb2

from chassis.context.principal import Principal, acting_as
from chassis.contracts.mapping import to_document
from chassis.data.store import CLIENT, Database
from services.sessions.api import SessionsApi
from services.sessions.domain.questions import (
    Question,
    QuestionMoment,
    QuestionPlace,
    QuestionState,
)
from services.sessions.store import SessionsStore
from tests.deep import only_deep
from tests.integration.sessions.forum import Forum
from tests.integration.sessions.lesson import Lesson
from tests.integration.sessions.school import RUN, School
from tests.mongo import Commands

OTHER = "run-2"
REGISTRAR = Principal("registrar", frozenset({"registrar"}))
READERS = [
    REGISTRAR,
    Principal("ada", frozenset({"learner"}), runs={RUN: frozenset()}),
    Principal(
        "gauss", frozenset({"learner"}), runs={RUN: frozenset({"a", "b"}), OTHER: frozenset()}
    ),
]
"""Also a learner, and staff of some groups."""
ListQuestions = questions_pb2.ListQuestionsRequest


@pytest.fixture
def lesson(school: School) -> Lesson:
    """A class that has ended, with a recording."""
    lesson = Lesson(Forum(school, "ada"))
    lesson.end()
    lesson.attach("film")
    return lesson


@pytest.fixture
def commands() -> Commands:
    return Commands()


@pytest.fixture
def watched(school: School, stack: dict[str, str], commands: Commands) -> Iterator[SessionsApi]:
    """The API with a client of its own, whose commands are known."""
    with pymongo.MongoClient[dict[str, Any]](
        stack["TANDEM_MONGO_URL"], event_listeners=[commands], **CLIENT
    ) as client:
        name = school.database.mongo.name
        yield SessionsApi(Database(client, name, SessionsStore, school.clock))


def fill(lesson: Lesson, count: int) -> None:
    """Store questions of our run, and as many of another one: half of them asked in the class, of
    which each second was answered there; the others are on the agenda of a class to come.
    """
    rows = [_question(lesson, number) for number in range(count)]
    rows += [_of_other_run(each) for each in rows]
    documents = [to_document(each) | {"words": ["why", each.id]} for each in rows]
    lesson.school.database.mongo["questions"].insert_many(documents)


def _question(lesson: Lesson, number: int) -> Question:
    at = lesson.began + timedelta(seconds=number % 3_000)
    live, answered = number % 2 == 0, number % 4 == 0
    moment = QuestionMoment(lesson.session.id, at, (at - lesson.began).total_seconds())
    return Question(
        id=f"q{number:05d}",
        run_id=RUN,
        group_ids=("a",),
        asker_id=f"learner-{number}",
        text=f"Why {number}?",
        asked_at=at,
        place=QuestionPlace.LIVE if live else QuestionPlace.BETWEEN,
        asked_in=lesson.session.id if live else "",
        state=QuestionState.ANSWERED if answered else QuestionState.OPEN,
        open_since=at,
        session_id="" if answered else "next",
        votes=1 + number % 7,
        moments=(moment,) if answered else (),
    )


def _of_other_run(question: Question) -> Question:
    return Question(
        id=f"other-{question.id}",
        run_id=OTHER,
        asker_id=question.asker_id,
        text=question.text,
        asked_at=question.asked_at,
        place=QuestionPlace.BETWEEN,
        open_since=question.open_since,
        session_id="other",
    )


def looked_at(lesson: Lesson, commands: Commands) -> tuple[int, int]:
    """How many questions the last call looked at, and in how many commands."""
    sent = [each for name in ("find", "aggregate") for each in commands.take(name)]
    asked = [each for each in sent if "questions" in (each.get("find"), each.get("aggregate"))]
    kept = ("find", "filter", "sort", "limit", "projection")
    told = [
        lesson.school.database.mongo.command(
            "explain",
            {name: each[name] for name in kept if name in each},
            verbosity="executionStats",
        )
        for each in asked
    ]
    assert all("COLLSCAN" not in str(each["queryPlanner"]["winningPlan"]) for each in told)
    assert all("'stage': 'SORT'" not in str(each["queryPlanner"]["winningPlan"]) for each in told)
    return sum(each["executionStats"]["totalDocsExamined"] for each in told), len(sent)


@pytest.mark.parametrize("reader", READERS, ids=lambda each: each.subject)
def test_pages_read_what_they_show(
    lesson: Lesson, watched: SessionsApi, commands: Commands, reader: Principal
) -> None:
    """A page of a run's questions, in some states, asked in a class, or of an agenda looks at its
    rows and one more, whoever reads; the number of commands does not depend on that of the rows.
    """
    fill(lesson, 200)
    answered = questions_pb2.QUESTION_STATE_ANSWERED
    wanted = [
        ListQuestions(run_id=RUN, page_size=10),
        ListQuestions(run_id=RUN, page_size=10, states=[answered]),
        ListQuestions(run_id=RUN, page_size=10, asked_in=lesson.session.id),
    ]
    with acting_as(reader):
        for request in wanted:
            commands.take("find")
            assert len(watched.ListQuestions(request, None).questions) == 10
            examined, sent = looked_at(lesson, commands)
            assert examined <= 11
            assert sent <= 8


def test_an_agenda_reads_what_it_shows(
    lesson: Lesson, watched: SessionsApi, commands: Commands
) -> None:
    """The most wanted of an agenda are found by an index that has their order."""
    tomorrow = types_pb2.CivilTime(local="2026-03-03T12:00:00", zone="Europe/Dublin")
    coming = lesson.school.schedule(lesson.school.room("Next"), starts=tomorrow)
    fill(lesson, 200)
    here = {"session_id": "next"}
    lesson.school.database.mongo["questions"].update_many(here, {"$set": {"session_id": coming.id}})
    request = questions_pb2.ListAgendaRequest(session_id=coming.id, page_size=10)
    with acting_as(REGISTRAR):
        found = watched.ListAgenda(request, None)
    assert [each.votes for each in found.questions] == [7] * 10
    examined, sent = looked_at(lesson, commands)
    assert examined <= 11
    assert sent <= 8


def test_the_line_reads_the_class(lesson: Lesson, watched: SessionsApi, commands: Commands) -> None:
    """It looks at the questions that were asked or answered in the class, and at no others."""
    fill(lesson, 200)
    request = recordings_pb2.GetRecordingLineRequest(session_id=lesson.session.id, page_size=10)
    with acting_as(REGISTRAR):
        assert len(watched.GetRecordingLine(request, None).points) == 10
    examined, sent = looked_at(lesson, commands)
    assert examined == 100 + 50
    assert sent <= 12


@only_deep
def test_ten_thousand_questions_have_one_order(lesson: Lesson) -> None:
    """Page by page, while others ask, edit, vote and answer, each question of a run comes once, the
    oldest first.
    """
    fill(lesson, 10_000)
    stub, found, token = lesson.school.staff, list[str](), ""
    while True:
        request = questions_pb2.ListQuestionsRequest(run_id=RUN, page_size=1_000, page_token=token)
        page = stub.ListQuestions(request)
        found += [each.id for each in page.questions]
        token = page.next_page_token
        if not token:
            break
        lesson.forum.ask("ada", f"{len(found)}?")
        changed = {"$inc": {"votes": 3}, "$set": {"state": "ANSWERED"}}
        lesson.school.database.mongo["questions"].update_many({"_id": {"$in": found[::7]}}, changed)
    stored = [each for each in found if each.startswith("q")]
    assert stored == [f"q{number:05d}" for number in range(10_000)]
    assert len(found) == len(set(found))
