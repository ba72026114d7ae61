"""The RPCs of timetables."""

from typing import Any

from tandem.sessions.v1 import timetables_pb2

from chassis.context import principal
from chassis.contracts.mapping import from_message, to_message
from services.sessions.api_part import ApiPart
from services.sessions.pages_joining import Doors
from services.sessions.usecases import timetables
from services.sessions.usecases.timetables import SolveTimetable


class TimetablesApi(ApiPart):
    """Timetables, which a solver finds."""

    _doors: Doors

    def SolveTimetable(
        self, request: timetables_pb2.SolveTimetableRequest, _context: Any
    ) -> timetables_pb2.Timetable:
        command, creator = from_message(request, SolveTimetable), principal.current().subject
        return self._execute(
            request,
            timetables_pb2.Timetable,
            lambda store: timetables.solve(store, command, creator, self._doors.hosts),
        )

    def GetTimetable(
        self, request: timetables_pb2.GetTimetableRequest, _context: Any
    ) -> timetables_pb2.Timetable:
        found = timetables.get(self._database.reader(), request.timetable_id)
        return to_message(found, timetables_pb2.Timetable)

    def ApplyTimetable(
        self, request: timetables_pb2.ApplyTimetableRequest, _context: Any
    ) -> timetables_pb2.Timetable:
        return self._execute(
            request,
            timetables_pb2.Timetable,
            lambda store: timetables.request_apply(store, request.timetable_id),
        )

    def CancelTimetable(
        self, request: timetables_pb2.CancelTimetableRequest, _context: Any
    ) -> timetables_pb2.Timetable:
        return self._execute(
            request,
            timetables_pb2.Timetable,
            lambda store: timetables.cancel(store, request.timetable_id),
        )
