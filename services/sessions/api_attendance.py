"""The RPCs of classes that are held: start and end, presence, attendance."""

from dataclasses import replace
from typing import Any

from tandem.sessions.v1 import resources_pb2, sessions_pb2
from tandem.types.v1 import types_pb2

from chassis.context import principal
from chassis.contracts.mapping import from_message, to_message
from chassis.data.pages import page_of
from chassis.edge.validation import violations_of
from chassis.errors import FieldViolation, check
from services.sessions import queries
from services.sessions.api_part import ApiPart
from services.sessions.domain import checkin
from services.sessions.domain.checkin import CheckIn
from services.sessions.domain.presence import PresenceEvent, PresenceRow, RecordPresence
from services.sessions.usecases import attendance, live, presence
from services.sessions.usecases.attendance import CorrectAttendance

_NOBODY_NAMED = FieldViolation(
    "session_id", "neither a session nor a learner is named", "one of them"
)


class AttendanceApi(ApiPart):
    """Who was there."""

    def StartSession(
        self, request: sessions_pb2.StartSessionRequest, _context: Any
    ) -> resources_pb2.Session:
        return self._change(request, lambda store: live.start(store, request.session_id))

    def UndoStart(
        self, request: sessions_pb2.UndoStartRequest, _context: Any
    ) -> resources_pb2.Session:
        return self._change(request, lambda store: live.undo_start(store, request.session_id))

    def CheckIn(
        self, request: sessions_pb2.CheckInRequest, _context: Any
    ) -> sessions_pb2.CheckInResponse:
        command = from_message(request, CheckIn)
        # A wrong code is refused only after its count is committed.
        outcome = self._database.transact(lambda store: presence.check_in(store, command))
        return to_message(checkin.accepted(outcome), sessions_pb2.CheckInResponse)

    def RecordPresence(
        self, request: sessions_pb2.RecordPresenceRequest, _context: Any
    ) -> sessions_pb2.RecordPresenceResponse:
        command = RecordPresence(request.session_id, tuple(map(_presence_row, request.marks)))
        results = self._database.transact(lambda store: presence.record_presence(store, command))
        return sessions_pb2.RecordPresenceResponse(
            results=[to_message(result, types_pb2.RowResult) for result in results]
        )

    def EndSession(
        self, request: sessions_pb2.EndSessionRequest, _context: Any
    ) -> resources_pb2.Session:
        return self._change(request, lambda store: live.end(store, request.session_id))

    def CorrectAttendance(
        self, request: sessions_pb2.CorrectAttendanceRequest, _context: Any
    ) -> resources_pb2.Attendance:
        command, staff_id = from_message(request, CorrectAttendance), principal.current().subject
        return self._execute(
            request,
            resources_pb2.Attendance,
            lambda store: attendance.correct_attendance(store, command, staff_id),
        )

    def ListAttendance(
        self, request: sessions_pb2.ListAttendanceRequest, _context: Any
    ) -> sessions_pb2.ListAttendanceResponse:
        named = request.session_id or request.learner_id
        check([] if named else [_NOBODY_NAMED])
        rows, token = queries.attendance_page(
            self._database.reader(), request.session_id, request.learner_id, page_of(request)
        )
        return sessions_pb2.ListAttendanceResponse(
            attendance=[to_message(row, resources_pb2.Attendance) for row in rows],
            next_page_token=token,
        )


def _presence_row(message: sessions_pb2.PresenceMark) -> PresenceRow:
    violations = tuple(violations_of(message))
    return PresenceRow(None, violations) if violations else PresenceRow(_presence_event(message))


def _presence_event(message: sessions_pb2.PresenceMark) -> PresenceEvent:
    """Return a presence event with its time in stored milliseconds, so that a repeat is equal."""
    presence_event = from_message(message, PresenceEvent)
    return replace(
        presence_event,
        at=presence_event.at.replace(microsecond=presence_event.at.microsecond // 1000 * 1000),
    )
