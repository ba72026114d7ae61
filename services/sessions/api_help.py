"""The RPC of invitations to help sessions."""

from typing import Any

from tandem.sessions.v1 import resources_pb2, sessions_pb2

from chassis.contracts.mapping import to_message
from chassis.data.pages import page_of
from services.sessions import queries_help
from services.sessions.api_part import ApiPart


class HelpApi(ApiPart):
    """Invitations to help sessions."""

    def ListHelpInvitations(
        self, request: sessions_pb2.ListHelpInvitationsRequest, _context: Any
    ) -> sessions_pb2.ListHelpInvitationsResponse:
        rows, token = queries_help.invitations_page(
            self._database.reader(), request.run_id, request.learner_id, page_of(request)
        )
        return sessions_pb2.ListHelpInvitationsResponse(
            invitations=[to_message(row, resources_pb2.HelpInvitation) for row in rows],
            next_page_token=token,
        )
