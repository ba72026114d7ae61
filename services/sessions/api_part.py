"""What the parts of SessionsService share."""

from collections.abc import Callable
from typing import Any, TypeVar

from google.protobuf.message import Message
from tandem.sessions.v1 import resources_pb2

from chassis.data.commands import execute
from chassis.data.store import Database
from services.sessions.answers import answer
from services.sessions.domain.session import Session
from services.sessions.store import SessionsStore

M = TypeVar("M", bound=Message)


class ApiPart:
    """A part of SessionsService."""

    _database: Database[SessionsStore]

    def _execute(self, request: Any, answer: type[M], work: Callable[[SessionsStore], object]) -> M:
        return execute(self._database, request, answer, work)

    def _change(
        self, request: Any, work: Callable[[SessionsStore], Session]
    ) -> resources_pb2.Session:
        """Do work that changes a session, and answer with the session."""
        return self._execute(
            request, resources_pb2.Session, lambda store: answer(store, work(store))
        )
