"""Keep up with what catalog says of learners in runs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.progress.domain.copies import newer
from services.progress.domain.learner import Learner
from services.progress.domain.people import Person
from services.progress.domain.standing import EnrolmentNews, Extension, extended, told
from services.progress.ports import Store
from services.progress.usecases.reviews import News, review


@dataclass(frozen=True, slots=True)
class ExtensionNews:
    """One learner's deadline for one activity moved."""

    run_id: str
    learner_id: str
    activity_id: str
    until: datetime
    sequence: int


def learn_people(store: Store, arrived: Sequence[Person]) -> None:
    """Keep people; their zones are those of their timelines."""
    store.put_copies(newer(store.copies(Person, {person.id for person in arrived}), arrived))


def learn_enrolments(store: Store, news: Iterable[EnrolmentNews]) -> None:
    """Keep enrolments; what was known of a learner before counts from when the place is held."""
    review(store, [_enrolment(each, store.now) for each in news])


def learn_extensions(store: Store, news: Iterable[ExtensionNews]) -> None:
    """Keep extensions; dues are worked out from them when they are asked for."""
    review(store, [_extension(each, store.now) for each in news])


def _enrolment(news: EnrolmentNews, now: datetime) -> News:
    def change(learner: Learner) -> Learner:
        return replace(learner, standing=told(learner.standing, news))

    return News((news.run_id, news.learner_id), now, change, targets=None)


def _extension(news: ExtensionNews, now: datetime) -> News:
    def change(learner: Learner) -> Learner:
        moved = Extension(news.until, news.sequence)
        return replace(learner, standing=extended(learner.standing, news.activity_id, moved))

    return News((news.run_id, news.learner_id), now, change)
