"""Lists of questions, in pages, as their callers may see them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from chassis.contracts.mapping import from_document
from chassis.data.pages import Page, find_page
from services.sessions.domain.questions import (
    GONE,
    Question,
    QuestionReply,
    QuestionState,
)
from services.sessions.domain.similarity import Similar, distinct_words, similar
from services.sessions.store import SessionsStore

Query = dict[str, Any]


@dataclass(frozen=True, slots=True)
class QuestionsWanted:
    """Which questions to list: of a run; in some states, asked in a session (empty: all)."""

    run_id: str
    states: tuple[QuestionState, ...]
    asked_in: str


def questions_page(
    store: SessionsStore, wanted: QuestionsWanted, own_of: str | None, page: Page
) -> tuple[list[Question], str]:
    """Return questions of a run, the oldest first, and the token of the next page. `own_of`: a
    learner, who sees of those that are gone only the own ones; None: staff, who sees all.
    """
    query: Query = {"run_id": wanted.run_id}
    if wanted.states:
        query["state"] = {"$in": [*wanted.states]}
    if wanted.asked_in:
        query["asked_in"] = wanted.asked_in
    if own_of is not None:
        query["$or"] = [{"state": {"$nin": [*GONE]}}, {"asker_id": own_of}]
    return _page(store, query, [("_id", 1)], page)


def agenda_page(store: SessionsStore, session_id: str, page: Page) -> tuple[list[Question], str]:
    """Return the open questions on a session's agenda, most wanted first, then the oldest; and the
    token of the next page.
    """
    query = {"session_id": session_id, "state": QuestionState.OPEN}
    return _page(store, query, [("votes", -1), ("asked_at", 1), ("_id", 1)], page)


def replies_page(
    store: SessionsStore, question_id: str, page: Page
) -> tuple[list[QuestionReply], str]:
    """Return the replies in a question's thread, the oldest first, and the token of the next
    page.
    """
    everyone = replace(page, runs=None)  # replies name no run: the question's was checked
    query = {"question_id": question_id}
    rows, token = find_page(store["question_replies"], query, [("_id", 1)], everyone, store.session)
    return [from_document(row, QuestionReply) for row in rows], token


def _page(
    store: SessionsStore, query: Query, order: Sequence[tuple[str, int]], page: Page
) -> tuple[list[Question], str]:
    """Return questions without their history, which lists do not show, and the next token."""
    left_out = ("history", "words")
    rows, token = find_page(store["questions"], query, order, page, store.session, left_out)
    return [from_document(row, Question) for row in rows], token


def similar_questions(
    store: SessionsStore, run_id: str, text: str, but: str = ""
) -> Sequence[tuple[Similar, Question]]:
    """Return open questions of a run that may be the same as a text, but not the question `but`."""
    others = [each for each in store.words_of_open(run_id) if each[0] != but]
    found = similar(distinct_words(text), others)
    known = store.questions([each.id for each in found])
    return [(each, known[each.id]) for each in found if each.id in known]
