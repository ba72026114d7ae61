"""The gRPC service SessionsService."""

from typing import Any

from tandem.sessions.v1 import resources_pb2, sessions_pb2, sessions_pb2_grpc

from chassis.capabilities import CapabilityUrls
from chassis.contracts.mapping import from_message
from chassis.data.pages import page_of
from chassis.data.store import Database
from chassis.privacy.rpcs import PersonalDataRpcs
from chassis.resync.rpcs import ResyncRpcs
from services.sessions import queries
from services.sessions.answers import answer, answers
from services.sessions.api_attendance import AttendanceApi
from services.sessions.api_calendars import CalendarsApi
from services.sessions.api_feedback import FeedbackApi
from services.sessions.api_help import HelpApi
from services.sessions.api_joining import JoiningApi
from services.sessions.api_live import LiveApi
from services.sessions.api_moderation import ModerationApi
from services.sessions.api_planning import PlanningApi
from services.sessions.api_polls import PollsApi, grouped_votes
from services.sessions.api_questions import QuestionsApi
from services.sessions.api_recordings import RecordingsApi
from services.sessions.api_rooms import RoomsApi
from services.sessions.api_seats import SeatsApi
from services.sessions.api_series import SeriesApi
from services.sessions.api_timetables import TimetablesApi
from services.sessions.copies import COPIES
from services.sessions.meeting_pool import MeetingPool
from services.sessions.originals import ORIGINALS
from services.sessions.pages_joining import Doors
from services.sessions.privacy import HOLDINGS
from services.sessions.sources import SOURCES
from services.sessions.store import SessionsStore
from services.sessions.usecases import lookup


class SessionsApi(
    PersonalDataRpcs,
    ResyncRpcs,
    RoomsApi,
    PlanningApi,
    SeriesApi,
    TimetablesApi,
    SeatsApi,
    AttendanceApi,
    CalendarsApi,
    JoiningApi,
    RecordingsApi,
    LiveApi,
    QuestionsApi,
    ModerationApi,
    PollsApi,
    FeedbackApi,
    HelpApi,
    sessions_pb2_grpc.SessionsServiceServicer,
):
    """Calls a use case for each request, and turns its result into a response."""

    _holdings = HOLDINGS
    _sources, _digested = SOURCES, {**ORIGINALS, **COPIES}

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
