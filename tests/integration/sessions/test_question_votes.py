"""Votes: each learner counts once, however many vote at once, and whatever is merged meanwhile."""

import random
from collections.abc import Callable
from functools import partial

import pytest
from tandem.sessions.v1 import events_pb2, questions_pb2

from services.sessions.timers_questions import count_votes
from tests.integration.sessions.forum import Forum
from tests.integration.sessions.school import School, race


@pytest.fixture
def forum(school: School) -> Forum:
    return Forum(school, "ada", "eve", "max")


def told(forum: Forum) -> list[int]:
    """The counts that were told, in order."""
    return [each.votes for each in forum.school.published(events_pb2.QuestionVoted)]


def vote(learner: str, question_id: str, wanted: bool = True) -> questions_pb2.VoteQuestionRequest:
    """A request to vote."""
    return questions_pb2.VoteQuestionRequest(
        question_id=question_id, learner_id=learner, wanted=wanted
    )


def test_a_hundred_vote_at_once(forum: Forum) -> None:
    """A hundred learners who vote at once, some twice, are a hundred, told in one event."""
    learners = [f"learner-{number}" for number in range(100)]
    forum.school.enrol(*learners)
    question = forum.ask("ada", "Why?")
    requests = [vote(each, question.id) for each in [*learners, *learners[:10]]]
    race(lambda request: forum.school.api.VoteQuestion(request, None), requests)
    assert forum.school.database.reader().question_tallies([question.id]) == {question.id: 101}
    assert not told(forum)
    count_votes(forum.school.database)
    assert told(forum) == [101]
    assert forum.now(question).votes == 101
    count_votes(forum.school.database)
    assert told(forum) == [101]


def test_a_vote_is_taken_back(forum: Forum) -> None:
    """Repeats change nothing, and a vote that is taken back counts no more."""
    question = forum.ask("ada", "Why?")
    for wanted in (True, True, False, False, True):
        forum.vote("eve", question, wanted)
    forum.vote("ada", question, wanted=False)
    forum.work()
    assert forum.now(question).votes == 1
    assert not forum.get(question, "ada").question.wanted
    assert forum.get(question, "eve").question.wanted


def test_a_vote_taken_back_after_a_merge(forum: Forum) -> None:
    """Who takes the vote back does so for all that were merged."""
    first, second = forum.ask("ada", "Why?"), forum.ask("eve", "Why so?")
    forum.vote("max", first)
    forum.vote("max", second)
    forum.merge(first, second)
    assert forum.get(first, "eve").question.wanted
    forum.vote("max", second, wanted=False)
    forum.work()
    assert forum.now(first).votes == 2
    assert not forum.get(first, "max").question.wanted


def test_merging_while_others_vote(forum: Forum) -> None:
    """Votes for a question that is merged at the same moment count for the one that stays."""
    learners = [f"learner-{number}" for number in range(20)]
    forum.school.enrol(*learners)
    first, second = forum.ask("ada", "Why?"), forum.ask("eve", "Why so?")
    api = forum.school.api
    merge = questions_pb2.MergeQuestionsRequest(question_id=first.id, duplicate_ids=[second.id])
    calls: list[Callable[[], object]] = [
        partial(api.VoteQuestion, vote(each, second.id), None) for each in learners
    ]
    calls.append(lambda: api.MergeQuestions(merge, None))
    random.shuffle(calls)
    race(lambda call: call(), calls)
    forum.work()
    assert forum.now(first).votes == 22
