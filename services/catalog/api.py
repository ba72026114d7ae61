"""The gRPC service CatalogService."""

from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future
from typing import Any

from google.protobuf.message import Message
from tandem.catalog.v1 import (
    catalog_pb2,
    imports_pb2,
    resources_pb2,
)
from tandem.types.v1 import types_pb2

from chassis.context import principal
from chassis.contracts.mapping import from_message, to_message
from chassis.data.commands import execute
from chassis.data.pages import page_of
from chassis.data.store import Database
from chassis.edge.validation import violations_of
from chassis.errors import FieldViolation, NotFound, Unavailable, check
from chassis.resync.rpcs import ResyncRpcs
from services.catalog import external_ids, queries, rights
from services.catalog.api_advice import AdviceApi, size_of
from services.catalog.api_privacy import PrivacyApi
from services.catalog.copies import COPIES
from services.catalog.counts import Counts
from services.catalog.domain.extensions import ExtendDue, Extension
from services.catalog.domain.groups import AssignGroup, CreateGroup, UpdateGroup
from services.catalog.domain.oneroster.files import File
from services.catalog.domain.oneroster.imports import AppendImport, StartImport
from services.catalog.domain.people import Person, erased_violations
from services.catalog.domain.runs import OpenRun, Run, SetRunStaff, UpdateRun
from services.catalog.originals import ORIGINALS
from services.catalog.ports import Library
from services.catalog.roster import person_violations
from services.catalog.settings import IMPORT_SIZE, LARGE_INTAKE
from services.catalog.sources import SOURCES
from services.catalog.store import CatalogStore
from services.catalog.usecases import courses, enrolments, groups, people, runs
from services.catalog.usecases.courses import CreateCourse, PublishPath, UpdateCourse
from services.catalog.usecases.enrolments import ChangeMode, Enrol, EnrolRow, RowOutcome, Withdraw
from services.catalog.usecases.lookup import get_course, get_person, get_run
from services.catalog.usecases.oneroster import imports

Row = types_pb2.RowResult

# Rows of a batch in one unit of work: 200 take about 50 ms, and lock a run with a capacity so long.
ROWS_AT_ONCE = 200


class CatalogApi(ResyncRpcs, PrivacyApi, AdviceApi):
    """Calls a use case for each request, and turns its result into a response."""

    _sources, _digested = SOURCES, {**ORIGINALS, **COPIES}

    def __init__(
        self,
        database: Database[CatalogStore],
        library: Library,
        import_size: int = IMPORT_SIZE,
        large_intake: int = LARGE_INTAKE,
    ) -> None:
        """`import_size`: the bytes that the file of an import may have; `large_intake`: the number
        of learners that makes a lecture a large one.
        """
        self._database, self._library = database, library
        self._import_size, self._large_intake = import_size, large_intake
        self._counts = Counts()

    def BatchUpsertPeople(
        self, request: catalog_pb2.BatchUpsertPeopleRequest, _context: Any
    ) -> catalog_pb2.BatchUpsertPeopleResponse:
        violations = [person_violations(row) for row in request.people]
        good = [
            from_message(row, Person)
            for row, bad in zip(request.people, violations, strict=True)
            if not bad
        ]

        def work(store: CatalogStore) -> Message:
            changed = people.upsert_people(store, good)
            erased = people.erased_people(store, {row.id for row in good})
            wrong = [
                [*erased_violations()] if row.id in erased else bad
                for row, bad in zip(request.people, violations, strict=True)
            ]
            rows = [
                _refused(place, bad)
                if bad
                else Row(row=place, id=row.id, changed=row.id in changed)
                for place, (row, bad) in enumerate(zip(request.people, wrong, strict=True))
            ]
            return catalog_pb2.BatchUpsertPeopleResponse(results=rows)

        return self._execute(request, catalog_pb2.BatchUpsertPeopleResponse, work)

    def GetPerson(
        self, request: catalog_pb2.GetPersonRequest, _context: Any
    ) -> resources_pb2.Person:
        reader = self._database.reader()
        person = get_person(reader, request.person_id)
        return external_ids.told(reader, File.USERS, [to_message(person, resources_pb2.Person)])[0]

    def RetirePerson(
        self, request: catalog_pb2.RetirePersonRequest, _context: Any
    ) -> resources_pb2.Person:
        return self._execute(
            request,
            resources_pb2.Person,
            lambda store: people.retire_person(store, request.person_id),
        )

    def CreateCourse(
        self, request: catalog_pb2.CreateCourseRequest, _context: Any
    ) -> resources_pb2.Course:
        command = from_message(request, CreateCourse)
        return self._execute(
            request, resources_pb2.Course, lambda store: courses.create_course(store, command)
        )

    def UpdateCourse(
        self, request: catalog_pb2.UpdateCourseRequest, _context: Any
    ) -> resources_pb2.Course:
        command = from_message(request, UpdateCourse)
        return self._execute(
            request, resources_pb2.Course, lambda store: courses.update_course(store, command)
        )

    def RetireCourse(
        self, request: catalog_pb2.RetireCourseRequest, _context: Any
    ) -> resources_pb2.Course:
        return self._execute(
            request,
            resources_pb2.Course,
            lambda store: courses.retire_course(store, request.course_id),
        )

    def GetCourse(
        self, request: catalog_pb2.GetCourseRequest, _context: Any
    ) -> resources_pb2.Course:
        reader = self._database.reader()
        course = to_message(get_course(reader, request.course_id), resources_pb2.Course)
        return external_ids.told(reader, File.COURSES, [course])[0]

    def ListCourses(
        self, request: catalog_pb2.ListCoursesRequest, _context: Any
    ) -> catalog_pb2.ListCoursesResponse:
        reader = self._database.reader()
        rows, token = queries.courses_page(reader, page_of(request))
        courses = [to_message(row, resources_pb2.Course) for row in rows]
        return catalog_pb2.ListCoursesResponse(
            courses=external_ids.told(reader, File.COURSES, courses), next_page_token=token
        )

    def OpenRun(self, request: catalog_pb2.OpenRunRequest, _context: Any) -> resources_pb2.Run:
        command = from_message(request, OpenRun)
        return self._execute(
            request, resources_pb2.Run, lambda store: runs.open_run(store, command)
        )

    def UpdateRun(self, request: catalog_pb2.UpdateRunRequest, _context: Any) -> resources_pb2.Run:
        command = from_message(request, UpdateRun)
        return self._run(request, lambda store: runs.update_run(store, command))

    def SetRunStaff(
        self, request: catalog_pb2.SetRunStaffRequest, _context: Any
    ) -> resources_pb2.Run:
        command = from_message(request, SetRunStaff)
        return self._run(request, lambda store: runs.set_run_staff(store, command))

    def CloseRun(self, request: catalog_pb2.CloseRunRequest, _context: Any) -> resources_pb2.Run:
        return self._run(request, lambda store: runs.close_run(store, request.run_id))

    def ReopenRun(self, request: catalog_pb2.ReopenRunRequest, _context: Any) -> resources_pb2.Run:
        return self._run(request, lambda store: runs.reopen_run(store, request.run_id))

    def GetRun(self, request: catalog_pb2.GetRunRequest, _context: Any) -> resources_pb2.Run:
        reader = self._database.reader()
        run = _shown(self._counted(reader, get_run(reader, request.run_id)))
        return external_ids.told(reader, File.CLASSES, [run])[0]

    def ListRuns(
        self, request: catalog_pb2.ListRunsRequest, _context: Any
    ) -> catalog_pb2.ListRunsResponse:
        reader = self._database.reader()
        rows, token = queries.runs_page(reader, request.course_id, page_of(request))
        shown = [_shown(row) for row in self._counts.counted(reader, rows)]
        return catalog_pb2.ListRunsResponse(
            runs=external_ids.told(reader, File.CLASSES, shown), next_page_token=token
        )

    def PublishPath(
        self, request: catalog_pb2.PublishPathRequest, _context: Any
    ) -> resources_pb2.Path:
        command = from_message(request, PublishPath, size=size_of(request.activities))
        named = {each.item_id for each in command.activities if each.item_id}
        # Asked before the transaction, which should not stay open while another service answers.
        known = self._ask(named)
        publisher = principal.current().subject
        return self._execute(
            request,
            resources_pb2.Path,
            lambda store: courses.publish_path(store, command, known.result(), publisher),
        )

    def _ask(self, item_ids: Collection[str]) -> Future[Collection[str]]:
        """Return the items that the library has, or the error if it can't be asked, as a future: a
        repeated request never reads it.
        """
        answer = Future[Collection[str]]()
        try:
            answer.set_result(self._library.known(item_ids) if item_ids else ())
        except Unavailable as error:
            answer.set_exception(error)
        return answer

    def GetPath(self, request: catalog_pb2.GetPathRequest, _context: Any) -> resources_pb2.Path:
        reader = self._database.reader()
        run = reader.run(request.run_id)
        version = request.version or (run.path_version if run else 0)
        path = reader.path(request.run_id, version)
        if path is None:
            raise NotFound(f"run {request.run_id!r} has no path of version {version}")
        return to_message(path, resources_pb2.Path)

    def Enrol(self, request: catalog_pb2.EnrolRequest, _context: Any) -> resources_pb2.Enrolment:
        command = from_message(request, Enrol)
        by_learner = not principal.current().is_office
        return self._enrolment(request, lambda store: enrolments.enrol(store, command, by_learner))

    def BatchEnrol(
        self, request: catalog_pb2.BatchEnrolRequest, _context: Any
    ) -> catalog_pb2.BatchEnrolResponse:
        violations = [violations_of(row) for row in request.rows]
        good = [
            from_message(row, EnrolRow)
            for row, bad in zip(request.rows, violations, strict=True)
            if not bad
        ]

        results = iter(self._enrol_in_chunks(request, good))
        rows = [
            _refused(place, bad) if bad else _placed(next(results), place)
            for place, bad in enumerate(violations)
        ]
        return catalog_pb2.BatchEnrolResponse(results=rows)

    def _enrol_in_chunks(
        self, request: catalog_pb2.BatchEnrolRequest, rows: Sequence[EnrolRow]
    ) -> Iterator[Row]:
        """Yield a result for each row. Each chunk is a unit of work with an idempotency record of
        its own, so that other requests wait for a chunk at most.
        """
        for first in range(0, len(rows), ROWS_AT_ONCE):
            chunk = rows[first : first + ROWS_AT_ONCE]

            def work(store: CatalogStore, chunk: Sequence[EnrolRow] = chunk) -> Message:
                outcomes = enrolments.batch_enrol(store, request.run_id, chunk)
                return catalog_pb2.BatchEnrolResponse(results=map(_row, outcomes))

            answer = catalog_pb2.BatchEnrolResponse
            yield from execute(self._database, request, answer, work, chunk=first).results

    def CreateGroup(
        self, request: catalog_pb2.CreateGroupRequest, _context: Any
    ) -> resources_pb2.Group:
        command = from_message(request, CreateGroup)
        return self._execute(
            request, resources_pb2.Group, lambda store: groups.create_group(store, command)
        )

    def UpdateGroup(
        self, request: catalog_pb2.UpdateGroupRequest, _context: Any
    ) -> resources_pb2.Group:
        command = from_message(request, UpdateGroup)
        return self._execute(
            request, resources_pb2.Group, lambda store: groups.update_group(store, command)
        )

    def RetireGroup(
        self, request: catalog_pb2.RetireGroupRequest, _context: Any
    ) -> resources_pb2.Group:
        return self._execute(
            request,
            resources_pb2.Group,
            lambda store: groups.retire_group(store, request.run_id, request.group_id),
        )

    def AssignGroup(
        self, request: catalog_pb2.AssignGroupRequest, _context: Any
    ) -> resources_pb2.Enrolment:
        command = from_message(request, AssignGroup)
        return self._enrolment(request, lambda store: groups.assign_group(store, command))

    def ListGroups(
        self, request: catalog_pb2.ListGroupsRequest, _context: Any
    ) -> catalog_pb2.ListGroupsResponse:
        reader = self._database.reader()
        rows, token = queries.groups_page(reader, request.run_id, page_of(request))
        groups = [to_message(row, resources_pb2.Group) for row in rows]
        return catalog_pb2.ListGroupsResponse(
            groups=external_ids.told(reader, File.CLASSES, groups), next_page_token=token
        )

    def Withdraw(
        self, request: catalog_pb2.WithdrawRequest, _context: Any
    ) -> resources_pb2.Enrolment:
        command = from_message(request, Withdraw)
        return self._enrolment(request, lambda store: enrolments.withdraw(store, command))

    def ChangeMode(
        self, request: catalog_pb2.ChangeModeRequest, _context: Any
    ) -> resources_pb2.Enrolment:
        command = from_message(request, ChangeMode)
        return self._enrolment(request, lambda store: enrolments.change_mode(store, command))

    def ListEnrolments(
        self, request: catalog_pb2.ListEnrolmentsRequest, _context: Any
    ) -> catalog_pb2.ListEnrolmentsResponse:
        check(_named_violations(request))
        reader = self._database.reader()
        rows, token = queries.enrolments_page(
            reader, request.run_id, request.learner_id, page_of(request)
        )
        found = [to_message(row, resources_pb2.Enrolment) for row in rows]
        return catalog_pb2.ListEnrolmentsResponse(
            enrolments=external_ids.told(reader, File.ENROLLMENTS, found), next_page_token=token
        )

    def ExtendDue(
        self, request: catalog_pb2.ExtendDueRequest, _context: Any
    ) -> catalog_pb2.Extension:
        command = from_message(request, ExtendDue)
        granted_by = principal.current().subject

        def work(store: CatalogStore) -> Extension:
            rights.check_learner(store, command.run_id, command.learner_id)
            return enrolments.extend_due(store, command, granted_by)

        return self._execute(request, catalog_pb2.Extension, work)

    def StartImport(
        self, request: imports_pb2.StartImportRequest, _context: Any
    ) -> imports_pb2.Import:
        command = from_message(request, StartImport)
        creator, most = principal.current().subject, self._import_size
        return self._execute(
            request,
            imports_pb2.Import,
            lambda store: imports.start_import(store, command, creator, most),
        )

    def AppendImport(
        self, request: imports_pb2.AppendImportRequest, _context: Any
    ) -> imports_pb2.Import:
        command = from_message(request, AppendImport)
        return self._execute(
            request, imports_pb2.Import, lambda store: imports.append_import(store, command)
        )

    def GetImport(self, request: imports_pb2.GetImportRequest, _context: Any) -> imports_pb2.Import:
        found = imports.get_import(self._database.reader(), request.import_id)
        return to_message(found, imports_pb2.Import)

    def ConfirmImport(
        self, request: imports_pb2.ConfirmImportRequest, _context: Any
    ) -> imports_pb2.Import:
        return self._execute(
            request,
            imports_pb2.Import,
            lambda store: imports.confirm_import(store, request.import_id),
        )

    def ListImportRows(
        self, request: imports_pb2.ListImportRowsRequest, _context: Any
    ) -> imports_pb2.ListImportRowsResponse:
        wanted = from_message(request, queries.RowsWanted)
        rows, token = queries.import_rows_page(self._database.reader(), wanted, page_of(request))
        return imports_pb2.ListImportRowsResponse(
            rows=[to_message(row, imports_pb2.ImportRow) for row in rows], next_page_token=token
        )

    def _run(self, request: Message, work: Callable[[CatalogStore], Run]) -> resources_pb2.Run:
        return self._execute(
            request, resources_pb2.Run, lambda store: self._counted(store, work(store))
        )

    def _counted(self, store: CatalogStore, run: Run) -> Run:
        (counted,) = self._counts.counted(store, [run])
        return counted

    def _enrolment(
        self, request: Message, work: Callable[[CatalogStore], object]
    ) -> resources_pb2.Enrolment:
        return self._execute(request, resources_pb2.Enrolment, work)


def _shown(run: Run) -> resources_pb2.Run:
    """Return a run as its caller sees it: others than the registrar see no invitations but their
    own.
    """
    who, answer = principal.current(), to_message(run, resources_pb2.Run)
    if not who.is_office:
        own = [each for each in answer.enrolment.invited_ids if each == who.subject]
        answer.enrolment.invited_ids[:] = own
    return answer


def _named_violations(request: catalog_pb2.ListEnrolmentsRequest) -> Iterator[FieldViolation]:
    if not request.run_id and not request.learner_id:
        yield FieldViolation("run_id", "is missing, and so is learner_id", "one of the two")


def _row(outcome: RowOutcome) -> Row:
    if outcome.enrolment is None:
        return _refused(0, outcome.violations)
    return Row(id=outcome.enrolment.id, changed=outcome.changed)


def _placed(row: Row, place: int) -> Row:
    """Return the result with its row number."""
    row.row = place
    return row


def _refused(place: int, violations: Sequence[FieldViolation]) -> Row:
    return Row(
        row=place,
        violations=[to_message(violation, types_pb2.Violation) for violation in violations],
    )
