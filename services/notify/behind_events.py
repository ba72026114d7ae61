"""Notify's handler of the events of learners who fall behind."""

from collections.abc import Sequence
from typing import Any

from tandem.progress.v1 import events_pb2 as progress

from chassis.contracts.events import Event
from chassis.contracts.mapping import enum_name
from services.notify.domain.fall_news import Fall, Reason
from services.notify.path_events import wait_for_learners
from services.notify.store import NotifyStore
from services.notify.usecases.fall_news import collect

Events = Sequence[Event[Any]]
TYPES = (progress.LearnerFellBehind, progress.LearnerRecovered)


def handle(store: NotifyStore, batch: Events) -> None:
    """Collect who fell behind and who recovered. Events of learners or runs that are not known yet
    wait.
    """
    wait_for_learners(store, batch)
    collect(store, [_fall(event) for event in batch])


def _fall(event: Event[Any]) -> Fall:
    data = event.data
    who = (data.enrolment_id, data.run_id, data.learner_id)
    is_behind = isinstance(data, progress.LearnerFellBehind)
    reasons = tuple(map(_reason, data.reasons)) if is_behind else ()
    return Fall(*who, event.sequence, event.id, event.type, is_behind, reasons)


def _reason(reason: Any) -> Reason:
    kind = enum_name(reason.DESCRIPTOR.fields_by_name["kind"].enum_type, reason.kind) or ""
    return Reason(kind, reason.value, reason.limit)
