"""Sends a presentation to the services: people, run, materials, path, enrolments, statements.

Every command has a request id, and every statement an id, made from the dataset, so an interrupted
import can be started again.
"""

import itertools
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from typing import Any, TypeVar

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from tandem.catalog.v1 import catalog_pb2, resources_pb2
from tandem.library.v1 import library_pb2
from tandem.library.v1 import resources_pb2 as library_resources
from tandem.options.v1 import options_pb2
from tandem.progress.v1 import progress_pb2
from tandem.progress.v1 import resources_pb2 as progress
from tandem.types.v1 import types_pb2

from campus.client import Campus
from campus.demo import media
from campus.oulad.files import Assessment, Click, Material, Presentation
from campus.services import Services
from campus.upload import upload
from campus.waiting import wait_for

T = TypeVar("T")
Said = Callable[[str], None]

EXPERIENCED = "http://adlnet.gov/expapi/verbs/experienced"
COMPLETED = "http://adlnet.gov/expapi/verbs/completed"
BATCH = 500
PATIENCE = 600.0  # seconds that the platform has to apply what was sent
_NAMESPACE = uuid.UUID("7b0f7c52-6c1e-5c0c-9a0e-2f3f5d1f0a77")


class LoadError(Exception):
    """The platform refused a row, or did not apply it in time."""


@dataclass(frozen=True)
class Count:
    """One kind of data: how many the files have, and how many the platform has."""

    what: str
    files: int
    platform: int

    @property
    def ok(self) -> bool:
        """Return whether both numbers are equal."""
        return self.files == self.platform


class Load:
    """One import of one presentation."""

    def __init__(self, campus: Campus, source: Presentation, said: Said) -> None:
        self._services: Services = campus.calling_as("oulad-import", "service")
        self._source = source
        self._said = said
        self._key = f"oulad-{source.module}-{source.name}"

    def everything(self) -> list[Count]:
        """Send all data, and return the counts. It can be repeated. Raises LoadError."""
        students = [row.student for row in self._source.registrations()]
        self._people(students)
        run = self._run()
        items = self._materials(run)
        self._path(run, items)
        self._enrol(run, students)
        statements = self._statements(run, items)
        withdrawn = self._withdraw(run)
        self._end(run)
        return self._compare(run, list(items.values()), withdrawn, statements)

    def _people(self, students: list[str]) -> None:
        self._said(f"{len(students)} people")
        for number, chunk in enumerate(_chunks(students, BATCH)):
            answer = self._services.catalog.BatchUpsertPeople(
                catalog_pb2.BatchUpsertPeopleRequest(
                    request_id=f"{self._key}-people-{number}", people=map(_person, chunk)
                )
            )
            _check_taken(answer.results)

    def _run(self) -> str:
        course = self._services.catalog.CreateCourse(
            catalog_pb2.CreateCourseRequest(
                request_id=self._key[:64], code=self._key, title=f"OULAD {self._source.module}"
            )
        )
        run = self._services.catalog.OpenRun(
            catalog_pb2.OpenRunRequest(
                request_id=self._key[:64],
                course_id=course.id,
                term=self._source.name,
                delivery_mode=types_pb2.DELIVERY_MODE_ASYNCHRONOUS,
                zone="Europe/London",
                start_date=self._source.start.isoformat(),
                # The presentation is over, and a run that has ended takes no enrolments: `_end`
                # sets the true date.
                end_date=date.max.isoformat(),
            )
        )
        return run.id

    def _end(self, run: str) -> None:
        self._services.catalog.UpdateRun(
            catalog_pb2.UpdateRunRequest(
                request_id=f"{self._key}-end",
                run_id=run,
                end_date=(self._source.start + self._source.length).isoformat(),
            )
        )

    def _materials(self, run: str) -> dict[str, str]:
        """Upload a page for each material; return item ids by site."""
        materials = self._source.materials()
        self._said(f"{len(materials)} materials")
        with ThreadPoolExecutor(4) as pool:
            ids = list(pool.map(lambda row: self._upload(row, run), materials))
        self._wait("the materials to be verified", lambda: self._available(ids) == len(ids))
        return {material.site: item for material, item in zip(materials, ids, strict=True)}

    def _upload(self, material: Material, run: str) -> str:
        title = f"{material.kind} {material.site}"
        return upload(
            self._services,
            title,
            media.document(title),
            types_pb2.ITEM_KIND_PDF,
            "application/pdf",
            run_ids=[run],
            request_id=f"{self._key}-{material.site}",
        )

    def _available(self, ids: list[str]) -> int:
        """Return how many of the items are AVAILABLE."""
        answers = (
            self._services.library.ListItems(
                library_pb2.ListItemsRequest(item_ids=chunk, page_size=BATCH)
            )
            for chunk in _chunks(ids, BATCH)
        )
        states = [item.state for answer in answers for item in answer.items]
        return states.count(library_resources.ITEM_STATE_AVAILABLE)

    def _path(self, run: str, items: dict[str, str]) -> None:
        activities = [
            resources_pb2.Activity(
                id=f"site-{material.site}",
                title=f"{material.kind} {material.site}",
                kind=types_pb2.ACTIVITY_KIND_ITEM,
                item_id=items[material.site],
                optional=True,
            )
            for material in self._source.materials()
        ]
        activities += [self._assessment(row) for row in self._source.assessments()]
        self._said(f"a path of {len(activities)} activities")
        self._services.catalog.PublishPath(
            catalog_pb2.PublishPathRequest(
                request_id=f"{self._key}-path", run_id=run, activities=activities
            )
        )

    def _assessment(self, row: Assessment) -> resources_pb2.Activity:
        deadline = None
        if row.day is not None:
            deadline = resources_pb2.TimeRule(fixed=self._stamp(row.day, clock_time(12)))
        return resources_pb2.Activity(
            id=f"assessment-{row.id}",
            title=f"{row.kind} {row.id}",
            kind=types_pb2.ACTIVITY_KIND_TASK,
            deadline=deadline,
        )

    def _enrol(self, run: str, students: list[str]) -> None:
        self._said(f"{len(students)} enrolments")
        for number, chunk in enumerate(_chunks(students, BATCH)):
            answer = self._services.catalog.BatchEnrol(
                catalog_pb2.BatchEnrolRequest(
                    request_id=f"{self._key}-enrol-{number}",
                    run_id=run,
                    rows=[
                        catalog_pb2.EnrolRow(
                            learner_id=person_id(student),
                            mode=types_pb2.ATTENDANCE_MODE_SELF_PACED,
                        )
                        for student in chunk
                    ],
                )
            )
            _check_taken(answer.results)

    def _statements(self, run: str, items: dict[str, str]) -> int:
        """Send clicks and submissions; return how many the files have."""
        sent = 0
        clicks = (self._click(row, run, items) for row in self._source.clicks())
        submissions = (
            self._submission(row.student, row.assessment, row.day, run)
            for row in self._source.submissions()
        )
        for batches in _chunks(_chunks(itertools.chain(clicks, submissions), BATCH), 20):
            sent += sum(map(len, batches))
            self._stream(batches)
            self._said(f"{sent:,} statements")
        return sent

    def _stream(self, batches: list[list[progress.Statement]]) -> None:
        requests = (progress_pb2.RecordStatementsRequest(statements=batch) for batch in batches)
        for answer in self._services.progress.StreamStatements(requests):
            _check_taken(answer.results)

    def _click(self, row: Click, run: str, items: dict[str, str]) -> progress.Statement:
        name = f"{self._key}-click-{row.student}-{row.site}-{row.day}-{row.nth}"
        return progress.Statement(
            id=str(uuid.uuid5(_NAMESPACE, name)),
            learner_id=person_id(row.student),
            verb=EXPERIENCED,
            run_id=run,
            activity_id=f"site-{row.site}",
            item_id=items[row.site],
            timestamp=self._stamp(row.day, clock_time(12)),
        )

    def _submission(self, student: str, assessment: str, day: int, run: str) -> progress.Statement:
        return progress.Statement(
            id=str(uuid.uuid5(_NAMESPACE, f"submission-{student}-{assessment}")),
            learner_id=person_id(student),
            verb=COMPLETED,
            run_id=run,
            activity_id=f"assessment-{assessment}",
            timestamp=self._stamp(day, clock_time(12)),
        )

    def _withdraw(self, run: str) -> int:
        left = [row.student for row in self._source.registrations() if row.unregistered]
        self._said(f"{len(left)} withdrawals")
        for student in left:
            self._services.catalog.Withdraw(
                catalog_pb2.WithdrawRequest(
                    request_id=f"{self._key}-w-{student}",
                    run_id=run,
                    learner_id=person_id(student),
                )
            )
        return len(left)

    def _compare(self, run: str, items: list[str], withdrawn: int, statements: int) -> list[Count]:
        """Return the counts of the files and of the platform."""
        students = [row.student for row in self._source.registrations()]
        staying = len(students) - withdrawn
        self._wait("the statements", lambda: self._summary(run).statements >= statements)
        self._wait("the withdrawals", lambda: self._summary(run).learners == staying)
        summary = self._summary(run)
        materials, assessments = self._source.materials(), self._source.assessments()
        path = self._services.catalog.GetPath(catalog_pb2.GetPathRequest(run_id=run))
        return [
            Count("people", len(students), self._known(students)),
            Count("items", len(materials), self._available(items)),
            Count("activities", len(materials) + len(assessments), len(path.activities)),
            Count("enrolments that stay", staying, self._enrolled(run)),
            Count("learners in progress", staying, summary.learners),
            Count(
                "deadlines of each", len(_dated(assessments)) * (staying > 0), self._deadlines(run)
            ),
            Count("statements", statements, summary.statements),
        ]

    def _known(self, students: list[str]) -> int:
        """Return how many of the students are in the roster."""

        def is_known(student: str) -> bool:
            request = catalog_pb2.GetPersonRequest(person_id=person_id(student))
            try:
                return self._services.catalog.GetPerson(request).family_name == student
            except grpc.RpcError as error:
                if error.code() == grpc.StatusCode.NOT_FOUND:
                    return False
                raise

        with ThreadPoolExecutor(4) as pool:
            return sum(pool.map(is_known, students))

    def _enrolled(self, run: str) -> int:
        """Return how many learners have a place in the run."""
        states: list[resources_pb2.EnrolmentState.ValueType] = []
        request = catalog_pb2.ListEnrolmentsRequest(run_id=run, page_size=1000)
        while True:
            page = self._services.catalog.ListEnrolments(request)
            states += [row.state for row in page.enrolments]
            if not page.next_page_token:
                return states.count(resources_pb2.ENROLMENT_STATE_ENROLLED)
            request.page_token = page.next_page_token

    def _deadlines(self, run: str) -> int:
        """Return how many activities have a due, for a learner who is still enrolled; 0 if all have
        withdrawn.
        """
        rows = self._source.registrations()
        enrolled = next((row for row in rows if not row.unregistered), None)
        if enrolled is None:
            return 0
        answer = self._services.progress.GetProgress(
            progress_pb2.GetProgressRequest(run_id=run, learner_id=person_id(enrolled.student))
        )
        return sum(activity.HasField("due") for activity in answer.activities)

    def _summary(self, run: str) -> progress.RunSummary:
        return self._services.progress.ListRunProgress(
            progress_pb2.ListRunProgressRequest(run_id=run, page_size=1)
        ).summary

    def _stamp(self, day: int, hour: clock_time) -> Timestamp:
        moment = datetime.combine(self._source.start, hour, UTC) + timedelta(days=day)
        stamp = Timestamp()
        stamp.FromDatetime(moment)
        return stamp

    def _wait(self, what: str, holds: Callable[[], bool]) -> None:
        wait_for(what, holds, PATIENCE, LoadError)


def _dated(assessments: list[Assessment]) -> list[Assessment]:
    """Return the assessments that have a date; an exam may have none."""
    return [row for row in assessments if row.day is not None]


def person_id(student: str) -> str:
    """Return a student's id in the roster."""
    return f"oulad-{student}"


def _person(student: str) -> resources_pb2.Person:
    return resources_pb2.Person(
        id=person_id(student),
        given_name="Student",
        family_name=student,
        email=f"oulad-{student}@example.edu",
        language="en",
        zone="Europe/London",
        roles=[options_pb2.ROLE_LEARNER],
    )


def _check_taken(results: Iterable[Any]) -> None:
    """Raise LoadError for the first row that was refused."""
    for row in results:
        if row.violations:
            fault = row.violations[0]
            raise LoadError(f"row {row.row}: {fault.field} {fault.wrong}; {fault.right}")


def _chunks(rows: Iterable[T], size: int) -> Iterator[list[T]]:
    source = iter(rows)
    while chunk := list(itertools.islice(source, size)):
        yield chunk
