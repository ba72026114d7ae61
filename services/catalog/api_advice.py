"""The RPCs of preferences, advice on delivery, and draft paths."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from google.protobuf import json_format
from google.protobuf.message import Message
from tandem.catalog.v1 import advice_pb2, catalog_pb2_grpc, events_pb2, resources_pb2
from tandem.types.v1 import types_pb2

from chassis.context import principal
from chassis.contracts.mapping import from_message, to_message
from chassis.data.commands import execute
from chassis.data.store import Database
from services.catalog.domain.advice import AdviseDelivery
from services.catalog.domain.drafts import AcceptAdvice
from services.catalog.domain.preferences import Preference
from services.catalog.ports import Library
from services.catalog.store import CatalogStore
from services.catalog.usecases import advice, preferences

M = TypeVar("M", bound=Message)


class AdviceApi(catalog_pb2_grpc.CatalogServiceServicer):
    """The part of CatalogService for preferences, advice on delivery, and draft paths."""

    _database: Database[CatalogStore]
    _library: Library
    _large_intake: int

    def SetPreference(
        self, request: advice_pb2.SetPreferenceRequest, _context: Any
    ) -> advice_pb2.Preference:
        command = from_message(request, Preference)
        return self._execute(
            request, advice_pb2.Preference, lambda store: preferences.set_preference(store, command)
        )

    def GetPreference(
        self, request: advice_pb2.GetPreferenceRequest, _context: Any
    ) -> advice_pb2.Preference:
        found = preferences.get_preference(
            self._database.reader(), request.run_id, request.learner_id
        )
        return to_message(found, advice_pb2.Preference)

    def AdviseDelivery(
        self, request: advice_pb2.AdviseDeliveryRequest, _context: Any
    ) -> advice_pb2.Advice:
        command = from_message(request, AdviseDelivery)
        advised = advice.advise_delivery(self._database.reader(), command, self._large_intake)
        return to_message(advised, advice_pb2.Advice)

    def AcceptAdvice(
        self, request: advice_pb2.AcceptAdviceRequest, _context: Any
    ) -> advice_pb2.DraftPath:
        command, accepted_by = from_message(request, AcceptAdvice), principal.current().subject
        return self._execute(
            request,
            advice_pb2.DraftPath,
            lambda store: advice.accept_advice(store, command, self._large_intake, accepted_by),
        )

    def GetDraftPath(
        self, request: advice_pb2.GetDraftPathRequest, _context: Any
    ) -> advice_pb2.DraftPath:
        store = self._database.reader()
        draft = advice.get_draft_path(store, request.run_id)
        named = {each.item_id for each in draft.activities if each.item_id}
        known = self._library.known(named) if named else ()
        answer = to_message(draft, advice_pb2.DraftPath)
        faults = advice.draft_faults(store, draft, size_of(answer.activities), known)
        answer.faults.extend(to_message(each, types_pb2.Violation) for each in faults)
        return answer

    def _execute(
        self, request: Message, answer: type[M], work: Callable[[CatalogStore], object]
    ) -> M:
        return execute(self._database, request, answer, work)


def size_of(activities: Sequence[resources_pb2.Activity]) -> int:
    """Return the size of activities in bytes, as JSON in the event PathPublished."""
    event = events_pb2.PathPublished(activities=activities)
    return len(json_format.MessageToJson(event, indent=None, ensure_ascii=False).encode())
