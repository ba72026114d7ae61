"""Notify's handlers of the news of learners' paths: what has opened, and dues that changed."""

from collections.abc import Mapping, Sequence
from typing import Any

from tandem.progress.v1 import events_pb2 as progress

from chassis.contracts.events import Event
from chassis.contracts.mapping import enum_name
from chassis.messaging.subscriptions import Wait
from services.notify import triggers
from services.notify.domain.enums import Kind
from services.notify.domain.notices import About, Notice
from services.notify.domain.path_news import DueDigest, DueMove, opened_news
from services.notify.domain.people import Path, Run
from services.notify.domain.values import ActivitiesOpened
from services.notify.ports import Texts
from services.notify.store import NotifyStore
from services.notify.usecases.notifications import Addressed, notify
from services.notify.usecases.path_news import MOST, collect

Events = Sequence[Event[Any]]
TYPES = (progress.ActivitiesOpened, progress.DuesChanged)


def handle(store: NotifyStore, batch: Events, texts: Texts) -> None:
    """Tell what has opened, and collect the dues that changed. Events of learners or runs that are
    not known yet wait.
    """
    runs = wait_for_learners(store, batch)
    opened = [event for event in batch if isinstance(event.data, progress.ActivitiesOpened)]
    notify(store, texts, _opened(store, opened, runs))
    changed = [event for event in batch if isinstance(event.data, progress.DuesChanged)]
    collect(store, [_digest(event) for event in changed])


def wait_for_learners(store: NotifyStore, batch: Events) -> Mapping[str, Run]:
    """Return the runs of events about learners in runs. Raises Wait for those whose learners or
    runs are not known yet.
    """
    runs = store.replicas(Run, {event.data.run_id for event in batch})
    if missing := _missing(store, batch, runs):
        raise Wait("events of other services have not arrived yet", missing)
    return runs


def _missing(store: NotifyStore, batch: Events, runs: Mapping[str, Run]) -> dict[str, str]:
    """Return why events have to wait, by their ids."""
    people = store.people({event.data.learner_id for event in batch})
    missing = {}
    for event in batch:
        if event.data.run_id not in runs:
            missing[event.id] = f"run {event.data.run_id} is not known yet"
        elif event.data.learner_id not in people:
            missing[event.id] = f"person {event.data.learner_id} is not known yet"
    return missing


def _opened(store: NotifyStore, events: Events, runs: Mapping[str, Run]) -> list[Addressed]:
    paths = store.replicas(Path, {event.data.run_id for event in events})
    addressed = []
    for event in events:
        data = event.data
        if titles := opened_news(paths.get(data.run_id), data.activity_ids):
            run = runs[data.run_id].title
            values: ActivitiesOpened = {
                "run": run,
                "count": len(titles),
                "activities": titles[:MOST],
            }
            about = About(Kind.ACTIVITIES_OPENED)
            notice = Notice(event.id, event.type, about.kind, values, about, data.run_id)
            # Who has just completed what they require sees them open.
            addressed.append(Addressed(notice, data.learner_id, quiet=data.by_completion))
    return addressed


def _digest(event: Event[Any]) -> DueDigest:
    data = event.data
    moves = tuple(_move(each, event.sequence) for each in data.changes)
    return DueDigest(
        data.enrolment_id, data.run_id, data.learner_id, event.sequence, event.id, event.type, moves
    )


def _move(change: progress.DueChange, sequence: int) -> DueMove:
    known, due = (
        triggers.instant(getattr(change, name)) if change.HasField(name) else None
        for name in ("old_due", "new_due")
    )
    cause = enum_name(change.DESCRIPTOR.fields_by_name["cause"].enum_type, change.cause) or ""
    return DueMove(
        change.activity_id, change.title, known, due, cause, sequence, change.cause_activity_id
    )
