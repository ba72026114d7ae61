"""Keep up with what catalog says of learners in runs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.progress.domain.learner import Learner
from services.progress.domain.learner_run_state import EnrolmentUpdate, Extension, extended, merge
from services.progress.domain.people import Person
from services.progress.domain.replicas import newer
from services.progress.ports import Store
from services.progress.usecases.reviews import LearnerUpdate, review


@dataclass(frozen=True, slots=True)
class ExtensionUpdate:
    """One learner's deadline for one activity moved."""

    run_id: str
    learner_id: str
    activity_id: str
    until: datetime
    sequence: int


def learn_people(store: Store, arrived: Sequence[Person]) -> None:
    """Keep people; their zones are those of their timelines."""
    store.put_replicas(newer(store.replicas(Person, {person.id for person in arrived}), arrived))


def learn_enrolments(store: Store, news: Iterable[EnrolmentUpdate]) -> None:
    """Keep enrolments; what was known of a learner before counts from when the place is held."""
    review(store, [_enrolment(each, store.now) for each in news])


def learn_extensions(store: Store, news: Iterable[ExtensionUpdate]) -> None:
    """Keep extensions; dues are worked out from them when they are asked for."""
    review(store, [_extension(each, store.now) for each in news])


def _enrolment(news: EnrolmentUpdate, now: datetime) -> LearnerUpdate:
    def change(learner: Learner) -> Learner:
        return replace(learner, run_state=merge(learner.run_state, news))

    return LearnerUpdate((news.run_id, news.learner_id), now, change, targets=None)


def _extension(news: ExtensionUpdate, now: datetime) -> LearnerUpdate:
    def change(learner: Learner) -> Learner:
        moved = Extension(news.until, news.sequence)
        return replace(learner, run_state=extended(learner.run_state, news.activity_id, moved))

    return LearnerUpdate((news.run_id, news.learner_id), now, change)
