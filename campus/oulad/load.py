"""Sends a presentation to the services: people, run, materials, path, enrolments, statements.

Every command has a request id, and every statement an id, made from the dataset, so an interrupted
import can be started again.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from functools import cached_property, partial

from tandem.catalog.v1 import catalog_pb2
from tandem.progress.v1 import progress_pb2
from tandem.progress.v1 import resources_pb2 as progress
from tandem.types.v1 import types_pb2

from campus.client import Campus
from campus.oulad.compare import Count, Sent, compared, items_available
from campus.oulad.files import Material, Presentation
from campus.oulad.messages import Statements, key_of, page_of, path, person, person_id, title_of
from campus.oulad.patience import LoadError, Said, wait_while_moving
from campus.parallel import chunks, several_at_once
from campus.services import Services
from campus.upload import upload

Results = Sequence[types_pb2.RowResult]

BATCH = 500
AT_ONCE = 4
TOLD_EVERY = 20_000  # statements
LONGEST = timedelta(days=1)  # of one presentation


class Load:
    """One import of one presentation. `seconds`: how long each step took."""

    def __init__(self, campus: Campus, source: Presentation, said: Said) -> None:
        self._services: Services = campus.persisting_as("oulad-import", "service", lifetime=LONGEST)
        self._source, self._said, self._key = source, said, key_of(source)
        self.seconds = dict[str, float]()

    def everything(self) -> list[Count]:
        """Send all data, and return the counts. It can be repeated. Raises LoadError."""
        if not (self._source.materials or self._source.assessments):
            raise LoadError("it has no activities: neither materials nor assessments")
        with self._step("people"):
            self._people()
        run = self._open_run()
        with self._step("materials"):
            items = self._materials(run)
        with self._step("enrolments"):
            self._publish(run, items)
            self._enrol(run)
        with self._step("statements"):
            statements = self._statements(Statements(self._source, run, items))
        with self._step("withdrawals"):
            withdrawn = self._withdraw(run)
            self._end(run)
        with self._step("progress"):
            sent = Sent(run, list(items.values()), statements, withdrawn)
            return compared(self._services, self._source, sent, self._said)

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.seconds[name] = time.monotonic() - began

    def _people(self) -> None:
        self._said(f"{len(self._students)} people")
        for number, chunk in enumerate(chunks(self._students, BATCH)):
            answer = self._services.catalog.BatchUpsertPeople(
                catalog_pb2.BatchUpsertPeopleRequest(
                    request_id=f"{self._key}-people-{number}", people=map(person, chunk)
                )
            )
            _check_taken(answer.results)

    def _open_run(self) -> str:
        course = self._services.catalog.CreateCourse(
            catalog_pb2.CreateCourseRequest(
                request_id=self._key, code=self._key, title=f"OULAD {self._source.module}"
            )
        )
        run = self._services.catalog.OpenRun(
            catalog_pb2.OpenRunRequest(
                request_id=self._key,
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
        materials = self._source.materials
        self._said(f"{len(materials)} materials")
        ids = list(several_at_once(lambda row: self._upload(row, run), materials, AT_ONCE))
        available = partial(items_available, self._services, ids)
        wait_while_moving("materials verified", available, len(ids), self._said)
        return {material.site: item for material, item in zip(materials, ids, strict=True)}

    def _upload(self, material: Material, run: str) -> str:
        return upload(
            self._services,
            title_of(material),
            page_of(material),
            types_pb2.ITEM_KIND_JOURNAL,
            "text/plain",
            run_ids=[run],
            request_id=f"{self._key}-{material.site}",
        )

    def _publish(self, run: str, items: dict[str, str]) -> None:
        activities = list(path(self._source, items))
        self._said(f"a path of {len(activities)} activities")
        self._services.catalog.PublishPath(
            catalog_pb2.PublishPathRequest(
                request_id=f"{self._key}-path", run_id=run, activities=activities
            )
        )

    def _enrol(self, run: str) -> None:
        self._said(f"{len(self._students)} enrolments")
        for number, chunk in enumerate(chunks(self._students, BATCH)):
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

    def _statements(self, statements: Statements) -> int:
        """Send clicks and submissions; return how many the files have."""
        sent = new = 0
        batches = statements.batches(BATCH, AT_ONCE)
        for taken in several_at_once(self._record, batches, AT_ONCE):
            new += sum(row.changed for row in taken)
            before, sent = sent, sent + len(taken)
            if before // TOLD_EVERY < sent // TOLD_EVERY:
                self._said(f"{sent:,} statements")
        self._said(f"{sent:,} statements, {new:,} of them new")
        return sent

    def _record(self, batch: list[progress.Statement]) -> Results:
        request = progress_pb2.RecordStatementsRequest(statements=batch)
        results = self._services.progress.RecordStatements(request).results
        _check_taken(results)
        return results

    def _withdraw(self, run: str) -> int:
        left = [row.student for row in self._source.registrations if row.unregistered]
        self._said(f"{len(left)} withdrawals")
        withdraw = partial(self._withdraw_one, run)
        return sum(1 for _ in several_at_once(withdraw, left, AT_ONCE))

    def _withdraw_one(self, run: str, student: str) -> None:
        self._services.catalog.Withdraw(
            catalog_pb2.WithdrawRequest(
                request_id=f"{self._key}-w-{student}", run_id=run, learner_id=person_id(student)
            )
        )

    @cached_property
    def _students(self) -> list[str]:
        return [row.student for row in self._source.registrations]


def _check_taken(results: Results) -> None:
    """Raise LoadError for the first row that was refused."""
    for row in results:
        if row.violations:
            fault = row.violations[0]
            raise LoadError(f"row {row.row}: {fault.field} {fault.wrong}; {fault.right}")
