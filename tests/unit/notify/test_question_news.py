"""Questions for those who teach: collected, each once, and left out when they are done."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from services.notify.domain.people import Question
from services.notify.domain.question_news import (
    LONGEST,
    MOST,
    SETTLE,
    QuestionDigest,
    WaitingQuestion,
    collected,
    joined,
    shortened,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def digest(*questions: WaitingQuestion, event_id: str = "e") -> QuestionDigest:
    """What an event tells grace."""
    return QuestionDigest("r:grace", "r", "grace", event_id, "t", questions)


def test_the_first_question_sets_the_time() -> None:
    """Others that come within the while do not put the message off."""
    first = collected(None, digest(WaitingQuestion("q", "Why?", 1)), NOON)
    assert first.tell_at == NOON + SETTLE
    later = collected(first, digest(WaitingQuestion("p", "How?", 1), event_id="f"), NOON + SETTLE)
    assert (later.tell_at, later.event_id, len(later.questions)) == (first.tell_at, "e", 2)


def test_what_a_class_left_open_comes_first() -> None:
    """A question is told once, by its newest event; what is known to be done is left out."""
    told = digest(
        WaitingQuestion("q", "Why?", 1),
        WaitingQuestion("p", "How?", 3, left_open=True),
        WaitingQuestion("done", "When?", 1),
    )
    news = told.news({"done": Question("done", 2), "p": Question("p", 3)})
    assert [each.question_id for each in news] == ["p", "q"]


def test_too_many_are_counted() -> None:
    """Beyond the most that are kept, questions are only counted."""
    many = digest(*(WaitingQuestion(str(each), "Why?", 1) for each in range(MOST + 5)))
    kept = collected(None, many, NOON)
    assert (len(kept.questions), kept.more) == (MOST, 5)
    assert len(shortened("x" * 5_000)) == LONGEST


@given(st.permutations([WaitingQuestion(q, q, n) for q in "ab" for n in (1, 2, 3)]))
def test_the_newest_event_counts_in_any_order(questions: list[WaitingQuestion]) -> None:
    """In whatever order events come, one by one or together, each question has its newest."""
    one_by_one: QuestionDigest | None = None
    for each in questions:
        one_by_one = collected(one_by_one, digest(each), NOON)
    together = collected(None, joined([digest(each) for each in questions])["r:grace"], NOON)
    expected = {("a", 3), ("b", 3)}
    for found in (one_by_one, together):
        assert found is not None
        assert {(each.question_id, each.sequence) for each in found.questions} == expected
