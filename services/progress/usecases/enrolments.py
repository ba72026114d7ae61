"""Applying catalog's events on learners in runs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from chassis.replicas import upsert_if_newer
from services.progress.domain.due_news import adopted
from services.progress.domain.learner import Learner
from services.progress.domain.learner_run_state import EnrolmentUpdate, Extension, extended, merge
from services.progress.domain.people import Person
from services.progress.ports import Store
from services.progress.usecases.reviews import LearnerUpdate, review


@dataclass(frozen=True, slots=True)
class ExtensionUpdate:
    """One learner's deadline for one activity was extended."""

    run_id: str
    learner_id: str
    activity_id: str
    until: datetime
    sequence: int


def learn_people(store: Store, arrived: Sequence[Person]) -> None:
    """Store people; timelines use their zones."""
    upsert_if_newer(store, Person, arrived)


def learn_enrolments(store: Store, news: Iterable[EnrolmentUpdate]) -> None:
    """Store enrolments; earlier facts of a learner count as soon as the learner has a place."""
    review(store, [_enrolment(each, store.now) for each in news])


def adopt_enrolments(store: Store, news: Iterable[EnrolmentUpdate]) -> None:
    """Store enrolments of a resync. Who is new by one has been a learner before: what was due or
    open until now is no news.
    """
    review(store, [_adoption(each, store.now) for each in news])


def learn_extensions(store: Store, news: Iterable[ExtensionUpdate]) -> None:
    """Store extensions; dues are computed from them when they are needed."""
    review(store, [_extension(each, store.now) for each in news])


def _enrolment(news: EnrolmentUpdate, now: datetime) -> LearnerUpdate:
    def change(learner: Learner) -> Learner:
        return replace(learner, run_state=merge(learner.run_state, news))

    return LearnerUpdate((news.run_id, news.learner_id), now, change, targets=None)


def _adoption(news: EnrolmentUpdate, now: datetime) -> LearnerUpdate:
    def change(learner: Learner) -> Learner:
        before = learner.run_state
        return replace(learner, run_state=adopted(before, merge(before, news), now))

    return LearnerUpdate((news.run_id, news.learner_id), now, change, targets=None)


def _extension(news: ExtensionUpdate, now: datetime) -> LearnerUpdate:
    def change(learner: Learner) -> Learner:
        moved = Extension(news.until, news.sequence)
        return replace(learner, run_state=extended(learner.run_state, news.activity_id, moved))

    return LearnerUpdate((news.run_id, news.learner_id), now, change)
