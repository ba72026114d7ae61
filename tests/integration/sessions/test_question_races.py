"""Questions that many people change at once: every order ends in the same state."""

from collections.abc import Callable, Sequence
from functools import partial
from random import Random

import pytest
from tandem.sessions.v1 import questions_pb2, resources_pb2, sessions_pb2

from tests.deep import ONLY_DEEP
from tests.integration.sessions.forum import ANSWERED, MERGED, OPEN, WITHDRAWN, Forum
from tests.integration.sessions.school import RUN, School, race

LEARNERS = [f"learner-{number}" for number in range(6)]
Question = questions_pb2.Question
Act = Callable[[], object]


@pytest.fixture
def forum(school: School) -> Forum:
    return Forum(school, *LEARNERS, "late")


def votes(forum: Forum, questions: Sequence[Question]) -> list[Act]:
    """Each learner votes for each question, merged or not."""
    made = list[Act]()
    for learner in LEARNERS:
        for question in questions:
            request = questions_pb2.VoteQuestionRequest(
                question_id=question.id, learner_id=learner, wanted=True
            )
            made.append(partial(forum.school.api.VoteQuestion, request, None))
    return made


def acts(forum: Forum, monday: resources_pb2.Session, asked: Sequence[Question]) -> list[Act]:
    """What people do at once: the first three questions are the same, the fourth is answered, the
    fifth is taken back, the class ends, somebody asks, and the worker works.
    """
    api = forum.school.api
    same, second, third, easy, mistaken, _ = asked
    merge = questions_pb2.MergeQuestionsRequest
    ask = questions_pb2.AskQuestionRequest(run_id=RUN, learner_id="late", text="And?")
    requests: list[Act] = [
        partial(api.MergeQuestions, merge(question_id=same.id, duplicate_ids=[each.id]), None)
        for each in (second, third)
    ]
    answer = questions_pb2.AnswerQuestionRequest(question_id=easy.id, text="So.")
    withdraw = questions_pb2.WithdrawQuestionRequest(
        question_id=mistaken.id, learner_id=mistaken.asker_id
    )
    return [
        *requests,
        partial(api.AnswerQuestion, answer, None),
        partial(api.WithdrawQuestion, withdraw, None),
        partial(api.EndSession, sessions_pb2.EndSessionRequest(session_id=monday.id), None),
        partial(api.AskQuestion, ask, None),
        forum.work,
        *votes(forum, [same, second, third]),
    ]


@pytest.mark.parametrize("seed", [0, *(pytest.param(n, marks=ONLY_DEEP) for n in range(1, 13))])
def test_every_order_ends_in_the_same_state(forum: Forum, seed: int) -> None:
    """Merged questions have the votes of all, each learner once; what was open when the class ended
    is on the next agenda, most wanted first, and nothing is lost.
    """
    monday, tuesday = forum.classes(2)
    forum.school.clock.forward(hours=4)
    forum.start(monday)
    asked = [forum.ask(each, f"{each}?", session_id=monday.id) for each in LEARNERS]
    at_once = acts(forum, monday, asked)
    Random(seed).shuffle(at_once)
    race(lambda act: act(), at_once)
    forum.work()
    now = [forum.now(each) for each in asked]
    same, second, third, easy, mistaken, other = now
    assert [each.state for each in now] == [OPEN, MERGED, MERGED, ANSWERED, WITHDRAWN, OPEN]
    assert {second.merged_into, third.merged_into} == {same.id}
    assert (same.votes, other.votes, easy.votes, mistaken.votes) == (6, 1, 1, 1)
    first, *rest = forum.agenda(tuesday)
    assert first == same.id
    assert other.id in rest
    assert len(rest) == 2  # the other one was asked meanwhile
    assert forum.agenda(monday) == []


@pytest.mark.parametrize("turns", [1, pytest.param(10, marks=ONLY_DEEP)])
def test_merges_at_once_make_no_cycle(forum: Forum, turns: int) -> None:
    """Of merges of each into the next, all around, some are refused: one question stays in the end,
    or a few, and each that is merged leads to one that stays, which has its votes.
    """
    api = forum.school.api
    for turn in range(turns):
        asked = [forum.ask(each, f"{each} {turn}?") for each in LEARNERS]

        def merge(pair: tuple[Question, Question]) -> None:
            into, other = pair
            request = questions_pb2.MergeQuestionsRequest(
                question_id=into.id, duplicate_ids=[other.id]
            )
            try:
                api.MergeQuestions(request, None)
            except Exception as error:
                assert "MERGED" in str(getattr(error, "violations", error))  # noqa: PT017

        race(merge, list(zip(asked, [*asked[1:], asked[0]], strict=True)))
        forum.work()
        now = {each.id: forum.now(each) for each in asked}
        stay = [each for each in now.values() if each.state == OPEN]
        assert stay
        assert sum(each.votes for each in stay) == len(asked)
        gone = [each for each in now.values() if each.state == MERGED]
        assert {each.merged_into for each in gone} <= {each.id for each in stay}
        assert len(stay) + len(gone) == len(asked)
