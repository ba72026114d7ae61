"""What the metrics of cmi5 count."""

import pytest

from chassis.testing import figure
from services.progress.domain.cmi5.terms import Verb
from tests.integration.progress.cmi5.units import Lms, Refused, unit

SESSIONS = ("launched", "terminated", "abandoned")
RULES = ("context", "order", "timestamp", "object", "verb", "result", "ended")


def sessions() -> list[float]:
    """The sessions that were launched, terminated and abandoned."""
    return [figure("tandem_progress_cmi5_sessions_total", event=each) for each in SESSIONS]


def refused() -> dict[str, float]:
    """The statements that were refused, by rule."""
    return {each: figure("tandem_progress_cmi5_refused_total", rule=each) for each in RULES}


def test_sessions_are_counted_once(lms: Lms) -> None:
    """Three launches, of which the first is abandoned, the second ends by itself; its last
    statement, which comes twice, ends it once.
    """
    lms.classroom.open(unit(), learners=["ada"])
    before = sessions()
    lms.launch().begin()
    second = lms.launch().begin()
    second.send(second.say(Verb.TERMINATED))
    lms.launch()
    assert [now - then for now, then in zip(sessions(), before, strict=True)] == [3, 1, 1]


def test_refused_statements_are_counted_by_rule(lms: Lms) -> None:
    """For each statement every rule that it breaks; those that are stored count nowhere."""
    lms.classroom.open(unit(), learners=["ada"])
    before = refused()
    said = lms.launch()
    said.fetch()
    early = said.allowed()
    with pytest.raises(Refused, match="before initialized"):
        said.send(early)
    said.say(Verb.INITIALIZED)
    wrong = said.defined(Verb.COMPLETED, completion=False) | {"object": {"id": "https://x.example"}}
    with pytest.raises(Refused, match=r"object\.id"):
        said.send(said.defined(Verb.PASSED), wrong, wrong | {"id": early["id"]})
    holder, late = said.holder(), said.allowed()
    lms.launch()
    assert said.ask_as(holder, "POST", "/statements", [late]).status == 403
    told = {rule: count - before[rule] for rule, count in refused().items()}
    assert told == {**dict.fromkeys(RULES, 0), "order": 1, "object": 2, "result": 2, "ended": 1}
