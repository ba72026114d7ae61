"""The RPCs that plan sessions: also slots, clashes, and when people can teach."""

from typing import Any

from tandem.sessions.v1 import resources_pb2, sessions_pb2

from chassis.context import principal
from chassis.contracts.mapping import from_message, to_message
from chassis.data.pages import page_of
from chassis.edge.access import check_reach
from chassis.errors import check
from services.sessions import queries, rights
from services.sessions.api_part import ApiPart
from services.sessions.domain.availability import SetAvailability
from services.sessions.domain.planning import Move, Schedule
from services.sessions.pages_joining import Doors
from services.sessions.usecases import availability, planning, slots
from services.sessions.usecases.planning import Cancel
from services.sessions.usecases.slots import FindSlots


class PlanningApi(ApiPart):
    """Plans of single sessions, and what they depend on."""

    _online_seats: int
    _doors: Doors

    def ScheduleSession(
        self, request: sessions_pb2.ScheduleSessionRequest, _context: Any
    ) -> resources_pb2.Session:
        check_reach(request.run_id, request.group_ids)
        command = from_message(request, Schedule)
        return self._change(
            request,
            lambda store: planning.schedule(store, command, self._online_seats, self._doors.hosts),
        )

    def MoveSession(
        self, request: sessions_pb2.MoveSessionRequest, _context: Any
    ) -> resources_pb2.Session:
        command = from_message(request, Move)
        return self._change(
            request, lambda store: planning.move(store, command, self._online_seats)
        )

    def CancelSession(
        self, request: sessions_pb2.CancelSessionRequest, _context: Any
    ) -> resources_pb2.Session:
        command = from_message(request, Cancel)
        return self._change(request, lambda store: planning.cancel(store, command))

    def FindSlots(
        self, request: sessions_pb2.FindSlotsRequest, _context: Any
    ) -> sessions_pb2.FindSlotsResponse:
        store = self._database.reader()
        command = from_message(request, FindSlots)
        check(slots.request_violations(command))
        check_reach(request.run_id, rights.groups_of(store, request))
        found = slots.find_slots(store, command, self._online_seats)
        return sessions_pb2.FindSlotsResponse(
            slots=[to_message(each, sessions_pb2.Slot) for each in found]
        )

    def ListClashes(
        self, request: sessions_pb2.ListClashesRequest, _context: Any
    ) -> sessions_pb2.ListClashesResponse:
        rows, token = queries.clashes_page(
            self._database.reader(), request.run_id, request.learner_id, page_of(request)
        )
        return sessions_pb2.ListClashesResponse(
            clashes=[to_message(row, resources_pb2.Clash) for row in rows], next_page_token=token
        )

    def SetAvailability(
        self, request: sessions_pb2.SetAvailabilityRequest, _context: Any
    ) -> resources_pb2.Availability:
        command, set_by = from_message(request, SetAvailability), principal.current().subject
        return self._execute(
            request,
            resources_pb2.Availability,
            lambda store: availability.set_availability(store, command, set_by),
        )

    def GetAvailability(
        self, request: sessions_pb2.GetAvailabilityRequest, _context: Any
    ) -> resources_pb2.Availability:
        told = availability.get_availability(self._database.reader(), request.person_id)
        return to_message(told, resources_pb2.Availability)
