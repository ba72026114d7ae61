"""What the use cases need of a store, and of the library."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Protocol

from services.catalog.domain.enrolments import Enrolment
from services.catalog.domain.extensions import Extension
from services.catalog.domain.path import Path
from services.catalog.domain.people import Person
from services.catalog.domain.runs import Course, Run


class Library(Protocol):
    """What catalog asks the library."""

    def known(self, item_ids: Collection[str]) -> set[str]:
        """Those of the items that the library has, and did not refuse. Raises Unavailable."""


class Store(Protocol):
    """One unit of work's view of the catalog's data."""

    now: datetime

    def new_id(self) -> str:
        """A fresh UUIDv7."""

    def contends_for(self, kind: str, id_: str) -> None:
        """Lock a thing that other units of work may change too."""

    def record_event(self, *happened: object) -> None:
        """Record events, which are published after the unit of work is committed."""

    def people(self, ids: Iterable[str]) -> dict[str, Person]:
        """People by their ids; unknown ones are left out."""

    def known_people(self, ids: Iterable[str]) -> set[str]:
        """Those of the ids that the roster has."""

    def put_people(self, people: Collection[Person]) -> None:
        """Keep people, new or changed."""

    def course(self, course_id: str) -> Course | None:
        """A course by its id."""

    def course_of_code(self, code: str) -> Course | None:
        """A course by its code."""

    def add_course(self, course: Course) -> None:
        """Keep a new course."""

    def run(self, run_id: str) -> Run | None:
        """A run by its id."""

    def run_for_update(self, run_id: str) -> Run | None:
        """Return a run, locked: of two units of work that ask, one starts again."""

    def put_run(self, run: Run) -> None:
        """Keep a run, new or changed."""

    def path(self, run_id: str, version: int) -> Path | None:
        """A version of a run's path."""

    def add_path(self, path: Path) -> None:
        """Keep a new version of a path."""

    def enrolments(self, run_id: str, learner_ids: Iterable[str]) -> dict[str, Enrolment]:
        """Enrolments in a run by learner, withdrawn ones included; others are left out."""

    def first_waiting(self, run_id: str) -> Enrolment | None:
        """Return the first enrolment on a run's waiting list."""

    def add_enrolments(self, enrolments: Collection[Enrolment]) -> None:
        """Keep new enrolments; where one of them was made meanwhile, start again."""

    def put_enrolments(self, enrolments: Collection[Enrolment]) -> None:
        """Keep enrolments that changed."""

    def extended(self, enrolment_id: str) -> dict[str, datetime]:
        """Until when an enrolment's extensions are, by activity."""

    def add_extension(self, extension: Extension) -> None:
        """Keep an extension beside the earlier ones."""
