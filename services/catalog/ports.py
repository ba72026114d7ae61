"""The interfaces that the use cases need."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Protocol, TypeVar

from chassis.replicas import Replica
from services.catalog.domain.advice import Wishes
from services.catalog.domain.drafts import DraftPath
from services.catalog.domain.enrolments import Enrolment
from services.catalog.domain.enums import ActivityKind
from services.catalog.domain.extensions import Extension
from services.catalog.domain.groups import Group
from services.catalog.domain.oneroster.files import File
from services.catalog.domain.oneroster.imports import Import
from services.catalog.domain.oneroster.rows import ImportRow, Link, Step
from services.catalog.domain.path import Path
from services.catalog.domain.people import Person
from services.catalog.domain.runs import Course, Run

C = TypeVar("C", bound=Replica)


class Library(Protocol):
    """The library service."""

    def known(self, item_ids: Collection[str]) -> set[str]:
        """Return those of the items that the library has and that are not FAILED.

        Raises Unavailable.
        """


class Store(Protocol):
    """One unit of work's view of the catalog's data."""

    now: datetime

    def new_id(self) -> str:
        """Return a new UUIDv7."""

    def contends_for(self, kind: str, id_: str) -> None:
        """Lock an object that other units of work may change too."""

    def record_event(self, *happened: object) -> None:
        """Record events, which are published after the unit of work is committed."""

    def people(self, ids: Iterable[str]) -> dict[str, Person]:
        """Return people by id; unknown ones are left out."""

    def present_people(self, ids: Iterable[str]) -> set[str]:
        """Return those of the ids that the roster has, without people who left."""

    def put_people(self, people: Collection[Person]) -> None:
        """Store people, new or changed."""

    def course(self, course_id: str) -> Course | None:
        """Return a course; None if there is none."""

    def course_of_code(self, code: str) -> Course | None:
        """Return the course with a code, in any case or form; None if there is none."""

    def add_course(self, course: Course) -> None:
        """Store a new course."""

    def put_course(self, course: Course) -> None:
        """Store a changed course."""

    def run(self, run_id: str) -> Run | None:
        """Return a run; None if there is none."""

    def runs(self, run_ids: Iterable[str]) -> dict[str, Run]:
        """Return runs by id; unknown ones are left out."""

    def open_runs_of(self, course_id: str) -> list[Run]:
        """Return the runs of a course that are not closed."""

    def run_for_update(self, run_id: str) -> Run | None:
        """Return a run, locked: of two units of work that do so, one starts again."""

    def runs_staffed_by(self, person_id: str) -> list[Run]:
        """Return the runs where a person is staff."""

    def runs_of_learner(self, learner_id: str) -> list[str]:
        """Return the runs where a learner has a place or waits for one, in order."""

    def put_run(self, run: Run) -> None:
        """Store a run, new or changed."""

    def group(self, group_id: str) -> Group | None:
        """Return a group; None if there is none."""

    def groups(self, group_ids: Iterable[str]) -> dict[str, Group]:
        """Return groups by id; unknown ones are left out."""

    def group_named(self, run_id: str, name: str) -> Group | None:
        """Return the run's group with a name, in any case or form; None if there is none."""

    def put_group(self, group: Group) -> None:
        """Store a group, new or changed."""

    def path(self, run_id: str, version: int) -> Path | None:
        """Return a version of a run's path; None if there is none."""

    def activity_kinds(self, run_id: str, ids: Collection[str]) -> dict[str, ActivityKind]:
        """Return the kinds of those activities that a version of a run's path had, by id."""

    def add_path(self, path: Path) -> None:
        """Store a new version of a path."""

    def enrolments(self, run_id: str, learner_ids: Iterable[str]) -> dict[str, Enrolment]:
        """Return enrolments in a run by learner, withdrawn ones included; others are left out."""

    def enrolments_in(
        self, wanted: Mapping[str, Collection[str]]
    ) -> dict[tuple[str, str], Enrolment]:
        """Return enrolments by run and learner, for some learners of each run, withdrawn ones
        included; others are left out.
        """

    def enrolments_of(self, enrolment_ids: Iterable[str]) -> dict[str, Enrolment]:
        """Return enrolments by id; unknown ones are left out."""

    def first_waiting(self, run_id: str, count: int) -> list[Enrolment]:
        """Return the first enrolments on a run's waiting list, in order."""

    def count_learners(self, run_id: str) -> tuple[int, int]:
        """Return how many learners of a run have a place, and how many wait for one."""

    def add_enrolments(self, enrolments: Collection[Enrolment]) -> None:
        """Store new enrolments; if one was made meanwhile, the unit of work starts again."""

    def put_enrolments(self, enrolments: Collection[Enrolment]) -> None:
        """Store changed enrolments."""

    def extended(self, enrolment_id: str) -> dict[str, datetime]:
        """Return the latest extension of each activity for an enrolment."""

    def extensions_of(self, enrolment_ids: Collection[str]) -> list[Extension]:
        """Return all extensions of these enrolments, the latest of each activity last."""

    def add_extension(self, extension: Extension) -> None:
        """Store an extension; earlier ones stay."""

    # Advice on delivery

    def replicas(self, cls: type[C], ids: Iterable[str]) -> Mapping[str, C]:
        """Return the known replicas of one class (Availability), by id."""

    def wishes(self, run_id: str) -> Wishes:
        """Return how many learners of a run wish what, those who wait for a place too."""

    def draft_path(self, run_id: str) -> DraftPath | None:
        """Return the draft of a run's path; None if there is none."""

    def put_draft_path(self, draft: DraftPath) -> None:
        """Store a draft, in place of the run's draft before."""

    # Imports

    def links(self, source: str, file: File, sourced_ids: Iterable[str]) -> dict[str, Link]:
        """Return external ids by sourcedId, removed ones included."""

    def all_links(self, source: str, file: File) -> Iterator[Link]:
        """Yield all external ids of a source's file that are not removed."""

    def links_within(
        self, source: str, file: File, parents: Iterable[str], removed: bool = False
    ) -> list[Link]:
        """Return external ids that belong to some parents; `removed`: removed ones, too."""

    def links_to(self, file: File, targets: Iterable[str]) -> list[Link]:
        """Return the external ids of things, of all sources, removed ones included."""

    def put_links(self, links: Collection[Link]) -> None:
        """Store external ids, new or changed."""

    def add_import(self, begun: Import) -> None:
        """Store a new import."""

    def get_import(self, import_id: str) -> Import | None:
        """Return an import; None if there is none."""

    def put_import(self, begun: Import) -> None:
        """Store a changed import."""

    def wake_import(self, import_id: str) -> None:
        """Give an import to the workers."""

    def end_import(self, begun: Import) -> None:
        """Store an import on which no worker works any more; remove its file, let others go on."""

    def claimed_import(self, import_id: str, claim: str) -> Import | None:
        """Return an import on which a claim works; None if it was taken over."""

    def add_part(self, import_id: str, offset: int, data: bytes) -> None:
        """Store a part of an import's file."""

    def next_rows(self, plan: str) -> tuple[str, Step, list[ImportRow]] | None:
        """Return the next rows that are to be applied, with their chunk's id; None: all are."""

    def put_rows(self, chunk_id: str, rows: Collection[ImportRow]) -> None:
        """Store what became of a chunk's rows."""
