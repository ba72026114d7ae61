"""The gRPC service SessionsService."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from google.protobuf.message import Message
from tandem.sessions.v1 import resources_pb2, sessions_pb2, sessions_pb2_grpc, timetables_pb2
from tandem.types.v1 import types_pb2

from chassis.capabilities import CapabilityUrls
from chassis.context import principal
from chassis.contracts.mapping import from_message, to_message
from chassis.data.commands import execute
from chassis.data.pages import page_of
from chassis.data.store import Database
from chassis.edge.access import check_reach
from chassis.edge.validation import violations_of
from chassis.errors import FailedPrecondition, FieldViolation, check
from services.sessions import calendar_queries, queries, rights
from services.sessions.answers import answer, answers
from services.sessions.api_feedback import FeedbackApi
from services.sessions.api_joining import JoiningApi
from services.sessions.api_live import LiveApi
from services.sessions.api_moderation import ModerationApi
from services.sessions.api_polls import PollsApi, grouped_votes
from services.sessions.api_questions import QuestionsApi
from services.sessions.api_recordings import RecordingsApi
from services.sessions.calendar_feeds import SUFFIX
from services.sessions.domain import checkin
from services.sessions.domain.availability import SetAvailability
from services.sessions.domain.checkin import CheckIn
from services.sessions.domain.feeds import CreateFeed, owner_violations
from services.sessions.domain.offers import AnswerOffer, OfferSeat
from services.sessions.domain.planning import Move, Schedule
from services.sessions.domain.presence import PresenceEvent, PresenceRow, RecordPresence
from services.sessions.domain.rotation import PlanRotation
from services.sessions.domain.seats import ChooseSeat
from services.sessions.domain.series import Series
from services.sessions.domain.series_moving import MoveSeries
from services.sessions.domain.series_planning import ScheduleSeries
from services.sessions.domain.session import Session
from services.sessions.domain.swaps import RequestSwap, WithdrawSwap
from services.sessions.join_pages import Doors
from services.sessions.meeting_pool import MeetingPool
from services.sessions.recurrences import instances
from services.sessions.store import SessionsStore
from services.sessions.usecases import (
    attendance,
    availability,
    feeds,
    live,
    lookup,
    offers,
    planning,
    presence,
    rooms,
    rotation,
    seats,
    series,
    slots,
    swaps,
    timetables,
)
from services.sessions.usecases.attendance import CorrectAttendance
from services.sessions.usecases.planning import Cancel
from services.sessions.usecases.rooms import CreateRoom, UpdateRoom
from services.sessions.usecases.series import CancelSeries
from services.sessions.usecases.slots import FindSlots
from services.sessions.usecases.timetables import SolveTimetable

M = TypeVar("M", bound=Message)
CALENDARS_OFF = "calendars are off: TANDEM_PAGES_URL is not set"


class SessionsApi(
    JoiningApi,
    RecordingsApi,
    LiveApi,
    QuestionsApi,
    ModerationApi,
    PollsApi,
    FeedbackApi,
    sessions_pb2_grpc.SessionsServiceServicer,
):
    """Calls a use case for each request, and turns its result into a response."""

    def __init__(
        self,
        database: Database[SessionsStore],
        feed_urls: CapabilityUrls | None = None,
        online_seats: int = 0,
        doors: Doors | None = None,
    ) -> None:
        """`feed_urls`: None if there are no calendar feeds; `online_seats`: of all sessions at a
        time, 0: no limit; `doors`: by which people join; None: there are no meeting servers.
        """
        self._doors = doors or Doors(database, MeetingPool())
        self._database, self._feed_urls = database, feed_urls
        self._online_seats = online_seats
        self._votes = grouped_votes(database)

    def CreateRoom(
        self, request: sessions_pb2.CreateRoomRequest, _context: Any
    ) -> resources_pb2.Room:
        command = from_message(request, CreateRoom)
        return self._execute(
            request, resources_pb2.Room, lambda store: rooms.create_room(store, command)
        )

    def UpdateRoom(
        self, request: sessions_pb2.UpdateRoomRequest, _context: Any
    ) -> resources_pb2.Room:
        command = from_message(request, UpdateRoom)
        return self._execute(
            request, resources_pb2.Room, lambda store: rooms.update_room(store, command)
        )

    def RetireRoom(
        self, request: sessions_pb2.RetireRoomRequest, _context: Any
    ) -> resources_pb2.Room:
        return self._execute(
            request, resources_pb2.Room, lambda store: rooms.retire_room(store, request.room_id)
        )

    def ListRooms(
        self, request: sessions_pb2.ListRoomsRequest, _context: Any
    ) -> sessions_pb2.ListRoomsResponse:
        rows, token = queries.rooms_page(self._database.reader(), page_of(request))
        return sessions_pb2.ListRoomsResponse(
            rooms=[to_message(row, resources_pb2.Room) for row in rows], next_page_token=token
        )

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

    def ScheduleSeries(
        self, request: sessions_pb2.ScheduleSeriesRequest, _context: Any
    ) -> resources_pb2.Series:
        check_reach(request.run_id, request.group_ids)
        command = from_message(request, ScheduleSeries, activity_id="")
        return self._change_series(
            request,
            lambda store: series.schedule(
                store, instances, command, self._online_seats, self._doors.hosts
            ),
        )

    def MoveSeries(
        self, request: sessions_pb2.MoveSeriesRequest, _context: Any
    ) -> resources_pb2.Series:
        command = from_message(request, MoveSeries)
        return self._change_series(
            request, lambda store: series.move(store, instances, command, self._online_seats)
        )

    def CancelSeries(
        self, request: sessions_pb2.CancelSeriesRequest, _context: Any
    ) -> resources_pb2.Series:
        command = from_message(request, CancelSeries)
        return self._change_series(request, lambda store: series.cancel(store, command))

    def GetSeries(
        self, request: sessions_pb2.GetSeriesRequest, _context: Any
    ) -> resources_pb2.Series:
        store = self._database.reader()
        return _series_answer(store, lookup.series(store, request.series_id))

    def PlanRotation(
        self, request: sessions_pb2.PlanRotationRequest, _context: Any
    ) -> sessions_pb2.PlanRotationResponse:
        command = from_message(request, PlanRotation)
        return self._execute(
            request,
            sessions_pb2.PlanRotationResponse,
            lambda store: sessions_pb2.PlanRotationResponse(
                classes=[
                    to_message(each, resources_pb2.RotationClass)
                    for each in rotation.plan_rotation(store, command)
                ]
            ),
        )

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

    def SolveTimetable(
        self, request: timetables_pb2.SolveTimetableRequest, _context: Any
    ) -> timetables_pb2.Timetable:
        command, creator = from_message(request, SolveTimetable), principal.current().subject
        return self._execute(
            request, timetables_pb2.Timetable, lambda s: timetables.solve(s, command, creator)
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

    def GetSession(
        self, request: sessions_pb2.GetSessionRequest, _context: Any
    ) -> resources_pb2.Session:
        store = self._database.reader()
        return answer(store, lookup.session(store, request.session_id))

    def ListSessions(
        self, request: sessions_pb2.ListSessionsRequest, _context: Any
    ) -> sessions_pb2.ListSessionsResponse:
        store = self._database.reader()
        wanted = from_message(request, queries.SessionsWanted)
        rows, token = queries.sessions_page(store, wanted, page_of(request))
        return sessions_pb2.ListSessionsResponse(
            sessions=answers(store, rows), next_page_token=token
        )

    def ChooseSeat(
        self, request: sessions_pb2.ChooseSeatRequest, _context: Any
    ) -> resources_pb2.Seat:
        command = from_message(request, ChooseSeat)
        return self._execute(
            request, resources_pb2.Seat, lambda store: seats.choose_seat(store, command)
        )

    def OfferSeat(
        self, request: sessions_pb2.OfferSeatRequest, _context: Any
    ) -> resources_pb2.Seat:
        command, staff_id = from_message(request, OfferSeat), principal.current().subject
        return self._execute(
            request,
            resources_pb2.Seat,
            lambda store: offers.offer_seat(store, command, staff_id),
        )

    def AnswerOffer(
        self, request: sessions_pb2.AnswerOfferRequest, _context: Any
    ) -> resources_pb2.Seat:
        command = from_message(request, AnswerOffer)
        return self._execute(
            request, resources_pb2.Seat, lambda store: offers.answer_offer(store, command)
        )

    def ListSeats(
        self, request: sessions_pb2.ListSeatsRequest, _context: Any
    ) -> sessions_pb2.ListSeatsResponse:
        store = self._database.reader()
        session = lookup.session(store, request.session_id)
        rows, token = queries.seats_page(store, session.id, request.learner_id, page_of(request))
        return sessions_pb2.ListSeatsResponse(
            seats=[to_message(row, resources_pb2.Seat) for row in rows], next_page_token=token
        )

    def RequestSwap(
        self, request: sessions_pb2.RequestSwapRequest, _context: Any
    ) -> resources_pb2.Swap:
        command = from_message(request, RequestSwap)
        return self._execute(
            request, resources_pb2.Swap, lambda store: swaps.request_swap(store, command)
        )

    def WithdrawSwap(
        self, request: sessions_pb2.WithdrawSwapRequest, _context: Any
    ) -> resources_pb2.Swap:
        command = from_message(request, WithdrawSwap)
        return self._execute(
            request, resources_pb2.Swap, lambda store: swaps.withdraw_swap(store, command)
        )

    def ListSwaps(
        self, request: sessions_pb2.ListSwapsRequest, _context: Any
    ) -> sessions_pb2.ListSwapsResponse:
        rows, token = queries.swaps_page(
            self._database.reader(), request.run_id, request.learner_id, page_of(request)
        )
        return sessions_pb2.ListSwapsResponse(
            swaps=[to_message(row, resources_pb2.Swap) for row in rows], next_page_token=token
        )

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

    def CreateFeed(
        self, request: sessions_pb2.CreateFeedRequest, _context: Any
    ) -> resources_pb2.Feed:
        if self._feed_urls is None:
            raise FailedPrecondition(CALENDARS_OFF)
        command = from_message(request, CreateFeed)
        feed = self._execute(
            request, resources_pb2.Feed, lambda store: feeds.create(store, command)
        )
        # Not within the unit of work: what opens the feed is not stored as the request's answer.
        feed.url = f"{self._feed_urls.url_of(feed.id)}{SUFFIX}"
        return feed

    def RevokeFeed(
        self, request: sessions_pb2.RevokeFeedRequest, _context: Any
    ) -> resources_pb2.Feed:
        feed = self._database.transact(lambda store: feeds.revoke(store, request.feed_id))
        return to_message(feed, resources_pb2.Feed)

    def ListFeeds(
        self, request: sessions_pb2.ListFeedsRequest, _context: Any
    ) -> sessions_pb2.ListFeedsResponse:
        check(owner_violations(request.reader_id, request.room_id))
        rows, token = calendar_queries.feeds_page(
            self._database.reader(), request.reader_id, request.room_id, page_of(request)
        )
        told = (to_message(row, resources_pb2.Feed) for row in rows)
        return sessions_pb2.ListFeedsResponse(feeds=told, next_page_token=token)

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

    def _execute(self, request: Any, answer: type[M], work: Callable[[SessionsStore], object]) -> M:
        return execute(self._database, request, answer, work)

    def _change(
        self, request: Any, work: Callable[[SessionsStore], Session]
    ) -> resources_pb2.Session:
        """Do work that changes a session, and answer with the session."""
        return self._execute(
            request, resources_pb2.Session, lambda store: answer(store, work(store))
        )

    def _change_series(
        self, request: Any, work: Callable[[SessionsStore], Series]
    ) -> resources_pb2.Series:
        """Do work that changes a series, and answer with the series."""
        return self._execute(
            request, resources_pb2.Series, lambda store: _series_answer(store, work(store))
        )


_NOBODY_NAMED = FieldViolation(
    "session_id", "neither a session nor a learner is named", "one of them"
)


def _series_answer(store: SessionsStore, found: Series) -> resources_pb2.Series:
    """Return a series with its sessions as the API shows it."""
    occurrences = [
        to_message(each, resources_pb2.Occurrence, session_id=each.id)
        for each in store.sessions_of_series(found.id)
    ]
    return to_message(found, resources_pb2.Series, occurrences=occurrences)


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
