"""Fitting catch-ups into the weeks of their learners, and what a week holds."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from chassis.civil import Calendar
from chassis.errors import check
from services.progress.domain import sittings
from services.progress.domain.catch_ups import (
    CatchUp,
    CatchUpDue,
    asks_for_room,
    placed,
    without_room,
)
from services.progress.domain.enums import Key
from services.progress.domain.learner import Learner
from services.progress.domain.learner_run_state import LearnerRunState
from services.progress.domain.people import Person
from services.progress.domain.plan import Plan
from services.progress.domain.study_hours import (
    SetStudyHours,
    StudyHours,
    violations_of,
    weeks_of,
)
from services.progress.domain.week_fit import Week, Work, first_due_that_fits
from services.progress.domain.week_works import (
    Task,
    dues_to_try,
    task_of,
    tasks_of,
    weeks_until,
    weeks_without_room,
)
from services.progress.ports import Store


def set_study_hours(store: Store, command: SetStudyHours) -> StudyHours:
    """Store the hours of a learner. Catch-ups that have a due keep it. Raises Invalid."""
    check(violations_of(command))
    known = store.study_hours([command.learner_id]).get(command.learner_id)
    hours = StudyHours(
        command.learner_id,
        command.time or timedelta(),
        command.other_weeks,
        known.placed if known else 0,
    )
    store.put_study_hours([hours])
    return hours


@dataclass(frozen=True, slots=True)
class Book:
    """One learner's time and work in all runs."""

    hours: StudyHours
    calendar: Calendar
    """Of the learner's zone."""
    places: Mapping[Key, LearnerRunState]
    plans: Mapping[str, Plan]
    catch_ups: Mapping[Key, Sequence[CatchUp]]

    def tasks(self, store: Store, but: str = "") -> Iterable[Task]:
        """Yield what is to do in all runs but one."""
        for key, run_state in self.places.items():
            plan = self.plans.get(key[0])
            if plan is not None and key[0] != but:
                yield from tasks_of(run_state, self.catch_ups.get(key, ()), plan, store.now)

    def weeks(self, store: Store, count: int) -> Sequence[Week]:
        """Return the weeks from the present one on."""
        monday = weeks_of(self.hours, self.calendar, store.now, 1)[0].start
        worked = (
            sittings.time_between(each.sittings, monday, store.now) for each in self.places.values()
        )
        return weeks_of(self.hours, self.calendar, store.now, count, sum(worked, timedelta()))


def book_of(store: Store, learner_id: str) -> Book:
    """Return the book of a learner, also of one who told no hours."""
    hours = store.study_hours([learner_id]).get(learner_id) or StudyHours(learner_id)
    return _books(store, {learner_id: hours})[learner_id]


def books_of(store: Store, learner_ids: Collection[str]) -> dict[str, Book]:
    """Return the books of those learners who told their hours, by learner."""
    told = {name: each for name, each in store.study_hours(learner_ids).items() if each.time}
    return _books(store, told) if told else {}


def _books(store: Store, told: Mapping[str, StudyHours]) -> dict[str, Book]:
    places, people = store.places_of(told.keys()), store.replicas(Person, told)
    plans, catch_ups = store.plans({run_id for run_id, _ in places}), store.catch_ups(places)
    own: dict[str, dict[Key, LearnerRunState]] = defaultdict(dict)
    for key, run_state in places.items():
        own[key[1]][key] = run_state
    return {
        name: Book(hours, Calendar(_zone(people.get(name))), own[name], plans, catch_ups)
        for name, hours in told.items()
    }


class Placement:
    """Places the catch-ups of one unit of work; the books are read when the first asks for room."""

    def __init__(self, store: Store, learner_ids: Collection[str]) -> None:
        self._store, self._learner_ids = store, learner_ids
        self._books: dict[str, Book] | None = None

    def placed(self, before: Learner, after: Learner, plan: Plan) -> Learner:
        """Return the learner after a review, whose new catch-ups are due where there is room."""
        if not plan.run.policy.slack:
            return after
        for session_id, catch_up in after.catch_ups.items():
            if asks_for_room(before.catch_ups.get(session_id), catch_up):
                book = self._book(after.run_state.learner_id)
                if book is not None:
                    after = self._place(book, after, catch_up, plan)
        return after

    def _book(self, learner_id: str) -> Book | None:
        if self._books is None:
            self._books = books_of(self._store, self._learner_ids)
        return self._books.get(learner_id)

    def _place(self, book: Book, learner: Learner, catch_up: CatchUp, plan: Plan) -> Learner:
        """Give a catch-up the first due with room, beside all else that the learner has to do."""
        others = self._others(book, learner, catch_up, plan)
        dues = list(dues_to_try(CatchUpDue(catch_up.due, catch_up.due_local), plan))
        weeks = book.weeks(self._store, weeks_until(dues[-1].at, self._store.now))
        work = task_of(catch_up, plan).work
        found = first_due_that_fits(work, [each.at for each in dues], others, weeks)
        due = next((each for each in dues if each.at == found), None)
        if due is not None:
            one = placed(catch_up, due)
        else:
            one = without_room(catch_up, weeks_without_room(others, weeks, dues[-1].at))
        self._store.put_study_hours([replace(book.hours, placed=book.hours.placed + 1)])
        catch_ups = {**learner.catch_ups, catch_up.session_id: one}
        # A unit of work may have another run of the same learner, too.
        known = {**book.catch_ups, learner.run_state.key: list(catch_ups.values())}
        assert self._books is not None
        self._books[learner.run_state.learner_id] = replace(book, catch_ups=known)
        return replace(learner, catch_ups=catch_ups)

    def _others(
        self, book: Book, learner: Learner, catch_up: CatchUp, plan: Plan
    ) -> Sequence[Work]:
        own = (each for each in learner.catch_ups.values() if each.id != catch_up.id)
        in_run = tasks_of(learner.run_state, own, plan, self._store.now)
        return [each.work for each in (*book.tasks(self._store, but=plan.run.id), *in_run)]


def _zone(person: Person | None) -> str:
    return person.zone if person else ""
