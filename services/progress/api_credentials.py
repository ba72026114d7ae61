"""The RPCs of the LRS's credentials."""

from typing import Any

from tandem.progress.v1 import progress_pb2, resources_pb2

from chassis.context import principal
from chassis.contracts.mapping import from_message, to_message
from chassis.data.commands import execute
from chassis.data.pages import page_of
from chassis.data.store import Database
from chassis.errors import PermissionDenied
from services.progress.store import ProgressStore
from services.progress.usecases import credentials
from services.progress.usecases.credentials import CreateLrsCredential


class CredentialsApi:
    """Credentials by which systems call the LRS."""

    _database: Database[ProgressStore]

    def CreateLrsCredential(
        self, request: progress_pb2.CreateLrsCredentialRequest, _context: Any
    ) -> progress_pb2.CreateLrsCredentialResponse:
        command, who = from_message(request, CreateLrsCredential), principal.current()
        if who.runs is not None and not command.run_ids:
            raise PermissionDenied("this call needs run_ids, or the role registrar")
        # Not `execute`: it would store the answer, secret included, for a repeated request.
        created = self._database.transact(
            lambda store: credentials.create_lrs_credential(store, command, who.subject)
        )
        return to_message(created, progress_pb2.CreateLrsCredentialResponse)

    def ListLrsCredentials(
        self, request: progress_pb2.ListLrsCredentialsRequest, _context: Any
    ) -> progress_pb2.ListLrsCredentialsResponse:
        store = self._database.reader()
        rows, token = store.lrs_credentials_page(request.run_id, page_of(request))
        return progress_pb2.ListLrsCredentialsResponse(
            credentials=[to_message(row, resources_pb2.LrsCredential) for row in rows],
            next_page_token=token,
        )

    def RevokeLrsCredential(
        self, request: progress_pb2.RevokeLrsCredentialRequest, _context: Any
    ) -> resources_pb2.LrsCredential:
        return execute(
            self._database,
            request,
            resources_pb2.LrsCredential,
            lambda store: credentials.revoke_lrs_credential(store, request.credential_id),
        )
