"""What meets moveOn at the same time, on two replicas: "satisfied" is said once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from tandem.progress.v1 import events_pb2
from tandem.types.v1 import types_pb2

from services.progress.domain.cmi5.terms import Verb
from tests.integration.progress.cmi5.units import Lms, unit

COMPLETED, PASSED, SATISFIED = Verb.COMPLETED, Verb.PASSED, Verb.SATISFIED
BOTH = types_pb2.MOVE_ON_COMPLETED_AND_PASSED


def at_once(*calls: Callable[[], object]) -> None:
    """Do all of them, none before each can begin."""
    ready = Barrier(len(calls))

    def do(call: Callable[[], object]) -> None:
        ready.wait()
        call()

    with ThreadPoolExecutor(len(calls)) as pool:
        list(pool.map(do, calls))


@pytest.mark.parametrize("move_on", [types_pb2.MOVE_ON_COMPLETED_OR_PASSED, BOTH])
def test_by_two_statements_of_a_session(lms: Lms, move_on: "types_pb2.MoveOn.ValueType") -> None:
    """Whether each of them is enough, or both are needed."""
    lms.classroom.open(unit(move_on=move_on), learners=["ada"])
    one = lms.launch().begin()
    other = one.at(lms.replica())
    completed, passed = one.defined(COMPLETED), one.defined(PASSED)
    at_once(lambda: one.send(completed), lambda: other.send(passed))
    assert [len(lms.statements(verb)) for verb in (COMPLETED, PASSED, SATISFIED)] == [1, 1, 1]
    lms.classroom.settle()
    (done,) = lms.classroom.published(events_pb2.ActivityCompleted)
    assert done.activity_id == "quiz"


def test_by_a_statement_that_is_sent_twice(lms: Lms) -> None:
    """The unit heard no answer, and repeats itself at another replica: both are told that it is
    stored.
    """
    lms.classroom.open(unit(), learners=["ada"])
    one = lms.launch().begin()
    other, said = one.at(lms.replica()), one.defined(COMPLETED)
    at_once(lambda: one.send(said), lambda: other.send(said))
    assert [len(lms.statements(verb)) for verb in (COMPLETED, SATISFIED)] == [1, 1]


def test_by_a_waiver_and_a_statement(lms: Lms) -> None:
    """Of the two last units one is waived while the other is passed."""
    lms.classroom.open(unit("one"), unit("two"), learners=["ada"])
    one = lms.launch(activity="one").begin()
    passed = one.defined(PASSED)
    at_once(lambda: one.send(passed), lambda: lms.waive("two"))
    assert [len(lms.statements(verb)) for verb in (PASSED, Verb.WAIVED, SATISFIED)] == [1, 1, 1]


def test_by_two_waivers(lms: Lms) -> None:
    """Of the same unit: it is waived once."""
    lms.classroom.open(unit(), learners=["ada"])
    at_once(lms.waive, lms.waive)
    assert [len(lms.statements(verb)) for verb in (Verb.WAIVED, SATISFIED)] == [1, 1]


def test_by_two_launches_where_nothing_is_needed(lms: Lms) -> None:
    """One of them satisfies the course, and one of the sessions is abandoned."""
    nothing = unit(move_on=types_pb2.MOVE_ON_NOT_APPLICABLE)
    lms.classroom.open(nothing, learners=["ada"])
    at_once(lms.launch, lms.launch)
    verbs = (Verb.LAUNCHED, Verb.ABANDONED, SATISFIED)
    assert [len(lms.statements(verb)) for verb in verbs] == [2, 1, 1]
