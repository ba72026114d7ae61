"""The RPCs of joining online classes."""

from typing import Any

from tandem.sessions.v1 import joining_pb2

from chassis.context import principal
from chassis.contracts.mapping import to_message
from services.sessions.pages_joining import Doors


class JoiningApi:
    """The part of SessionsService by which people join."""

    _doors: Doors

    def GetJoinLink(
        self, request: joining_pb2.GetJoinLinkRequest, _context: Any
    ) -> joining_pb2.JoinLink:
        link = self._doors.link_for(request.session_id, principal.current().subject)
        return to_message(link, joining_pb2.JoinLink)
