"""Collecting questions for those who teach, and telling them what still waits."""

from collections.abc import Sequence

from services.notify.domain.enums import Kind
from services.notify.domain.notices import About, Notice
from services.notify.domain.people import Question, Run
from services.notify.domain.question_news import (
    QuestionDigest,
    WaitingQuestion,
    collected,
    joined,
)
from services.notify.domain.values import QuestionsWaiting
from services.notify.ports import Store, Texts
from services.notify.usecases.notifications import Addressed, notify

LISTED = 20
"""Questions that a message lists; it counts the others."""


def collect(store: Store, arrived: Sequence[QuestionDigest]) -> None:
    """Add questions to what those who teach are told later."""
    new = joined(arrived)
    known = store.replicas(QuestionDigest, new)
    store.put_replicas([collected(known.get(each.id), each, store.now) for each in new.values()])


def tell(store: Store, texts: Texts, digest_id: str) -> None:
    """Tell someone of the questions of a run that still wait; nothing if none does."""
    digest = store.replicas(QuestionDigest, [digest_id]).get(digest_id)
    if digest is None or digest.tell_at is None or digest.tell_at > store.now:
        return
    store.remove_question_digest(digest_id)
    known = store.replicas(Question, {each.question_id for each in digest.questions})
    news = digest.news(known)
    if news:
        run = store.replicas(Run, [digest.run_id])[digest.run_id]
        notify(store, texts, [Addressed(_notice(digest, news, run), digest.person_id)])


def _notice(digest: QuestionDigest, news: Sequence[WaitingQuestion], run: Run) -> Notice:
    values: QuestionsWaiting = {
        "run": run.title,
        "count": len(news) + digest.more,
        "left_open": sum(each.left_open for each in news),
        "questions": [each.text for each in news[:LISTED]],
    }
    about = About(
        Kind.QUESTIONS_WAITING,
        listed={each.question_id: each.sequence for each in news}
        if values["count"] <= LISTED
        else {},
        to_staff=digest.person_id in {each.person_id for each in run.staff},
    )
    return Notice(digest.event_id, digest.event_type, about.kind, values, about, digest.run_id)
