"""The RPCs of SessionsService about moderation."""

from typing import Any

from tandem.sessions.v1 import moderation_pb2

from chassis.context import principal
from chassis.contracts.mapping import from_message, to_message
from chassis.data.commands import execute
from chassis.data.pages import page_of
from chassis.data.store import Database
from services.sessions import queries
from services.sessions.domain.enums import ModerationAction
from services.sessions.domain.moderation import ModerateEntry, ModeratePerson, Moderator
from services.sessions.store import SessionsStore
from services.sessions.usecases import lookup, moderation

Act = moderation_pb2.ModerationAct


class ModerationApi:
    """Moderation of live channels."""

    _database: Database[SessionsStore]

    def MutePerson(self, request: moderation_pb2.MutePersonRequest, _context: Any) -> Act:
        return self._moderate_person(request, ModerationAction.MUTE)

    def UnmutePerson(self, request: moderation_pb2.UnmutePersonRequest, _context: Any) -> Act:
        return self._moderate_person(request, ModerationAction.UNMUTE)

    def RemovePerson(self, request: moderation_pb2.RemovePersonRequest, _context: Any) -> Act:
        return self._moderate_person(request, ModerationAction.REMOVE)

    def ReadmitPerson(self, request: moderation_pb2.ReadmitPersonRequest, _context: Any) -> Act:
        return self._moderate_person(request, ModerationAction.READMIT)

    def HideEntry(self, request: moderation_pb2.HideEntryRequest, _context: Any) -> Act:
        return self._moderate_entry(request, ModerationAction.HIDE)

    def ShowEntry(self, request: moderation_pb2.ShowEntryRequest, _context: Any) -> Act:
        return self._moderate_entry(request, ModerationAction.SHOW)

    def ListModeration(
        self, request: moderation_pb2.ListModerationRequest, _context: Any
    ) -> moderation_pb2.ListModerationResponse:
        store = self._database.reader()
        session = lookup.session(store, request.session_id)
        rows, token = queries.moderation_page(store, session.id, page_of(request))
        return moderation_pb2.ListModerationResponse(
            acts=[to_message(row, Act) for row in rows], next_page_token=token
        )

    def _moderate_person(self, request: Any, action: ModerationAction) -> Act:
        command, who = from_message(request, ModeratePerson, action=action), _moderator()
        return execute(
            self._database,
            request,
            Act,
            lambda store: moderation.moderate_person(store, command, who),
        )

    def _moderate_entry(self, request: Any, action: ModerationAction) -> Act:
        command, who = from_message(request, ModerateEntry, action=action), _moderator()
        return execute(
            self._database,
            request,
            Act,
            lambda store: moderation.moderate_entry(store, command, who),
        )


def _moderator() -> Moderator:
    caller = principal.current()
    return Moderator(caller.subject, caller.is_office)
