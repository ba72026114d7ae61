"""The RPC of ProgressService about learners who are falling behind."""

from typing import Any

from tandem.progress.v1 import progress_pb2

from chassis.contracts.mapping import to_message
from chassis.data.pages import page_of
from chassis.data.store import Database
from services.progress import queries_falling_behind
from services.progress.store import ProgressStore


class FallingBehindApi:
    """Learners who are falling behind."""

    _database: Database[ProgressStore]

    def ListFallingBehind(
        self, request: progress_pb2.ListFallingBehindRequest, _context: Any
    ) -> progress_pb2.ListFallingBehindResponse:
        found = queries_falling_behind.falling_behind(
            self._database.reader(), request.run_id, page_of(request)
        )
        return to_message(found, progress_pb2.ListFallingBehindResponse)
