"""The RPCs of SessionsService for the live channel: as commands in it, and by themselves."""

from typing import Any

from tandem.sessions.v1 import live_pb2

from chassis.context import principal
from chassis.contracts.mapping import to_message
from chassis.data.commands import execute
from chassis.data.pages import page_of
from chassis.data.store import Database
from services.sessions import queries
from services.sessions.domain import live_channel
from services.sessions.domain.class_log import seen_by
from services.sessions.store import SessionsStore
from services.sessions.usecases import channel, lookup


class LiveApi:
    """Chat and hands."""

    _database: Database[SessionsStore]

    def SendChat(self, request: live_pb2.SendChatRequest, _context: Any) -> live_pb2.ClassEntry:
        person_id = principal.current().subject
        return execute(
            self._database,
            request,
            live_pb2.ClassEntry,
            lambda store: channel.send_chat(store, request.session_id, person_id, request.text),
        )

    def MoveHand(self, request: live_pb2.MoveHandRequest, _context: Any) -> live_pb2.ClassEntry:
        person_id = principal.current().subject
        return execute(
            self._database,
            request,
            live_pb2.ClassEntry,
            lambda store: channel.move_hand(store, request.session_id, person_id, request.raised),
        )

    def ListChat(
        self, request: live_pb2.ListChatRequest, _context: Any
    ) -> live_pb2.ListChatResponse:
        store, caller = self._database.reader(), principal.current()
        session = lookup.session(store, request.session_id)
        is_staff = caller.is_office
        if not is_staff:
            standing = channel.standing(store, session, caller.subject)
            is_staff = live_channel.expect_allowed(standing).is_staff
        rows, token = queries.chat_page(store, session.id, page_of(request))
        seen = (seen_by(row, caller.subject, is_staff) for row in rows)
        return live_pb2.ListChatResponse(
            entries=[to_message(each, live_pb2.ClassEntry) for each in seen], next_page_token=token
        )
