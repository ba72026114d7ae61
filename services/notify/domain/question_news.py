"""News of questions for those who teach: collected for a while, and told in one message.

A class may leave hundreds of questions open at once, and learners ask at any hour. A question is
news as long as nothing newer is known of it: who answers, merges or hides one within that while is
not told of it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.notify.domain.people import Question

SETTLE = timedelta(minutes=10)
"""How long the first question waits for others."""
MOST = 1_000
"""Questions that are collected; more are only counted."""
LONGEST = 300
"""Characters of a question that a message shows."""


@dataclass(frozen=True, slots=True)
class WaitingQuestion:
    """A question that waits for an answer."""

    question_id: str
    text: str
    sequence: int
    """The event that told it."""
    left_open: bool = False
    """Whether a class ended with it still open; else it was asked in between."""


@dataclass(frozen=True, slots=True)
class QuestionDigest:
    """The questions of a run that someone who teaches is to be told of."""

    id: str
    run_id: str
    person_id: str
    event_id: str
    event_type: str
    """Those of its first question."""
    questions: tuple[WaitingQuestion, ...]
    more: int = 0
    """Questions that are not in `questions` any more, because they were too many."""
    tell_at: datetime | None = None
    sequence: int = 0

    def news(self, known: Mapping[str, Question]) -> list[WaitingQuestion]:
        """Return the questions that still wait, by what is known of them, those that a class left
        open first.
        """
        left = [each for each in self.questions if not _is_overtaken(each, known)]
        return sorted(left, key=lambda each: not each.left_open)


def digest_id(person_id: str, run_id: str) -> str:
    """Return the id of the digest of a person in a run; a run's id has no colon."""
    return f"{run_id}:{person_id}"


def collected(
    digest: QuestionDigest | None, arrived: QuestionDigest, now: datetime
) -> QuestionDigest:
    """Return a digest with what has arrived; a newer event of a question replaces an older one."""
    whole = digest or replace(arrived, questions=(), tell_at=now + SETTLE)
    waiting = {each.question_id: each for each in whole.questions}
    for each in arrived.questions:
        known = waiting.get(each.question_id)
        if known is None or each.sequence > known.sequence:
            waiting[each.question_id] = each
    questions = tuple(waiting.values())
    more = max(len(questions) - MOST, 0)
    return replace(whole, questions=questions[:MOST], more=whole.more + more)


def joined(digests: Iterable[QuestionDigest]) -> dict[str, QuestionDigest]:
    """Return what has arrived together, one digest for each person and run, by id."""
    found: dict[str, QuestionDigest] = {}
    for each in digests:
        before = found.get(each.id)
        both = (*(before.questions if before else ()), *each.questions)
        found[each.id] = replace(before or each, questions=both)
    return found


def shortened(text: str) -> str:
    """Return the text of a question as a message shows it."""
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _is_overtaken(question: WaitingQuestion, known: Mapping[str, Question]) -> bool:
    newest = known.get(question.question_id)
    return newest is not None and newest.sequence > question.sequence
