"""The gRPC service ProgressService."""

from collections.abc import Iterator
from typing import Any

from tandem.progress.v1 import progress_pb2, progress_pb2_grpc, resources_pb2
from tandem.types.v1 import types_pb2

from chassis.context import principal
from chassis.contracts.mapping import from_message, to_message
from chassis.data.commands import execute
from chassis.data.pages import page_of
from chassis.data.store import Database
from chassis.edge.validation import violations_of
from chassis.privacy.rpcs import PersonalDataRpcs
from chassis.resync.rpcs import DigestRpcs
from services.progress import queries, queries_week
from services.progress.api_class_page import ClassPageApi
from services.progress.api_cmi5 import Cmi5Api
from services.progress.api_credentials import CredentialsApi
from services.progress.api_falling_behind import FallingBehindApi
from services.progress.copies import COPIES
from services.progress.domain.enums import Role
from services.progress.domain.intake import RecordStatements, Row, row_of
from services.progress.domain.statements import Statement
from services.progress.domain.study_hours import SetStudyHours
from services.progress.domain.timeline import TimelineInterval
from services.progress.domain.video import TIMES
from services.progress.privacy import HOLDINGS
from services.progress.store import ProgressStore
from services.progress.store_announcements import storing
from services.progress.usecases import catch_ups, rebuilds
from services.progress.usecases.catch_ups import ExtendCatchUp, WaiveCatchUp
from services.progress.usecases.intake import record_statements
from services.progress.usecases.week_fits import set_study_hours

# A faulty time of a video counts as not told; the rest of the statement counts.
TOLERATED = frozenset(f"video.{name}" for name in TIMES)


class ProgressApi(
    PersonalDataRpcs,
    DigestRpcs,
    ClassPageApi,
    Cmi5Api,
    CredentialsApi,
    FallingBehindApi,
    progress_pb2_grpc.ProgressServiceServicer,
):
    """Calls a use case for each request, and turns its result into a response."""

    _holdings, _digested = HOLDINGS, COPIES

    def __init__(self, database: Database[ProgressStore], base: str = "") -> None:
        """`base`: the public URL of the LRS; empty: there is none."""
        self._database, self._base = database, base

    def RecordStatements(
        self, request: progress_pb2.RecordStatementsRequest, _context: Any
    ) -> progress_pb2.RecordStatementsResponse:
        command = RecordStatements(tuple(map(_row, request.statements)), _own())
        results = storing(self._database, lambda store: record_statements(store, command))
        return progress_pb2.RecordStatementsResponse(
            results=[to_message(result, types_pb2.RowResult) for result in results]
        )

    def StreamStatements(
        self, request_iterator: Iterator[progress_pb2.RecordStatementsRequest], context: Any
    ) -> Iterator[progress_pb2.RecordStatementsResponse]:
        for request in request_iterator:
            yield self.RecordStatements(request, context)

    def GetProgress(
        self, request: progress_pb2.GetProgressRequest, _context: Any
    ) -> progress_pb2.GetProgressResponse:
        found = queries.progress(self._database.reader(), request.run_id, request.learner_id)
        return to_message(found, progress_pb2.GetProgressResponse)

    def ListCatchUps(
        self, request: progress_pb2.ListCatchUpsRequest, _context: Any
    ) -> progress_pb2.ListCatchUpsResponse:
        found = queries.catch_ups(
            self._database.reader(), request.run_id, request.learner_id, page_of(request)
        )
        return to_message(found, progress_pb2.ListCatchUpsResponse)

    def ExtendCatchUp(
        self, request: progress_pb2.ExtendCatchUpRequest, _context: Any
    ) -> resources_pb2.CatchUp:
        command, staff_id = from_message(request, ExtendCatchUp), principal.current().subject
        return execute(
            self._database,
            request,
            resources_pb2.CatchUp,
            lambda store: catch_ups.extend_catch_up(store, command, staff_id),
        )

    def WaiveCatchUp(
        self, request: progress_pb2.WaiveCatchUpRequest, _context: Any
    ) -> resources_pb2.CatchUp:
        command, staff_id = from_message(request, WaiveCatchUp), principal.current().subject
        return execute(
            self._database,
            request,
            resources_pb2.CatchUp,
            lambda store: catch_ups.waive_catch_up(store, command, staff_id),
        )

    def SetStudyHours(
        self, request: progress_pb2.SetStudyHoursRequest, _context: Any
    ) -> resources_pb2.StudyHours:
        command = from_message(request, SetStudyHours)
        return execute(
            self._database,
            request,
            resources_pb2.StudyHours,
            lambda store: set_study_hours(store, command),
        )

    def GetWeekLoad(
        self, request: progress_pb2.GetWeekLoadRequest, _context: Any
    ) -> progress_pb2.GetWeekLoadResponse:
        reader = self._database.reader()
        found = queries_week.week_load(reader, request.learner_id, request.weeks)
        return to_message(found, progress_pb2.GetWeekLoadResponse)

    def RebuildRun(
        self, request: progress_pb2.RebuildRunRequest, _context: Any
    ) -> resources_pb2.Rebuild:
        caller = principal.current().subject
        return execute(
            self._database,
            request,
            resources_pb2.Rebuild,
            lambda store: rebuilds.start_rebuild(store, request.run_id, caller),
        )

    def GetRebuild(
        self, request: progress_pb2.GetRebuildRequest, _context: Any
    ) -> resources_pb2.Rebuild:
        found = rebuilds.get_rebuild(self._database.reader(), request.run_id)
        return to_message(found, resources_pb2.Rebuild)

    def GetTimeline(
        self, request: progress_pb2.GetTimelineRequest, _context: Any
    ) -> progress_pb2.GetTimelineResponse:
        interval = from_message(request, TimelineInterval)
        found = queries.learners_timeline(self._database.reader(), interval, principal.current())
        return to_message(found, progress_pb2.GetTimelineResponse)


def _own() -> str:
    """Return whose statements the caller may send: a service any (empty), a learner its own."""
    who = principal.current()
    return "" if "service" in who.roles else who.subject


def _authority() -> Role:
    """Return who asserts the statements that the caller sends."""
    return Role.SERVICE if "service" in principal.current().roles else Role.LEARNER


def _row(message: resources_pb2.Statement) -> Row:
    violations = tuple(each for each in violations_of(message) if each.field not in TOLERATED)
    if violations:
        return Row(None, violations)
    return row_of(from_message(message, Statement, authority=_authority()))
