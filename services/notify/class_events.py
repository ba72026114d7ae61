"""Notify's handlers of the events of live classes and their series."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from tandem.sessions.v1 import events_pb2 as sessions
from tandem.sessions.v1.resources_pb2 import (
    SESSION_STATE_CANCELLED,
    SESSION_STATE_SCHEDULED,
    SESSION_STATE_UNSPECIFIED,
)

from chassis.contracts.events import Event
from chassis.contracts.mapping import from_message
from services.notify import triggers
from services.notify.domain.enums import Kind
from services.notify.domain.notices import Notice
from services.notify.domain.sessions import Session
from services.notify.store import NotifyStore
from services.notify.usecases import sessions as classes

Leads = Sequence[timedelta]


def _scheduled(store: NotifyStore, event: Event[Any], leads: Leads) -> None:
    classes.schedule(store, _session(event), leads)


def _session(event: Event[Any]) -> Session:
    """Return the session of a SessionScheduled."""
    data = event.data
    return from_message(
        data,
        Session,
        id=data.session_id,
        start_time=triggers.instant(data.start_time),
        end_time=triggers.instant(data.end_time),
        standing=data.state in (SESSION_STATE_UNSPECIFIED, SESSION_STATE_SCHEDULED),
        cancelled=data.state == SESSION_STATE_CANCELLED,
        event_id=event.id,
        event_type=event.type,
        sequence=event.sequence,
    )


def _moved(store: NotifyStore, event: Event[Any], leads: Leads) -> None:
    data = event.data
    move = classes.Move(
        session_id=data.session_id,
        start_time=triggers.instant(data.new_start_time),
        end_time=triggers.instant(data.new_end_time),
        room=data.new_room,
        instructor_id=data.new_instructor_id,
        at=event.time,
        sequence=event.sequence,
        event_id=event.id,
        event_type=event.type,
    )
    classes.move(store, move, _unless_of_series(store, event), leads)


def _unless_of_series(store: NotifyStore, event: Event[Any]) -> Notice | None:
    """Return the notice of a class that moved or was cancelled alone; None: its series tells it."""
    data = event.data
    if data.series_id:
        return None
    triggers.keep_calendar(store, event)
    if isinstance(data, sessions.SessionMoved):
        return triggers.notice_of(event, Kind.SESSION_MOVED, triggers.moved(store, data))
    return triggers.notice_of(event, Kind.SESSION_CANCELLED, triggers.cancelled(store, data))


def _series_moved(store: NotifyStore, event: Event[Any], _: Leads) -> None:
    data = event.data
    triggers.keep_calendar(store, event)
    notice = triggers.notice_of(event, Kind.SERIES_MOVED, triggers.series_moved(store, data))
    audience = from_message(
        data,
        classes.Audience,
        instructor_id=data.new_instructor_id,
        former_instructor_id=data.old_instructor_id,
    )
    classes.announce(store, audience, notice, event.time, triggers.last_end(data))


def _series_cancelled(store: NotifyStore, event: Event[Any], _: Leads) -> None:
    data = event.data
    triggers.keep_calendar(store, event)
    values = triggers.series_cancelled(store, data)
    notice = triggers.notice_of(event, Kind.SERIES_CANCELLED, values)
    audience = from_message(data, classes.Audience)
    classes.announce(store, audience, notice, event.time, triggers.last_end(data))


def _renamed(store: NotifyStore, event: Event[Any], _: Leads) -> None:
    classes.rename_room(store, event.data.session_id, event.sequence, event.data.room)


def _cancelled(store: NotifyStore, event: Event[Any], _: Leads) -> None:
    notice = _unless_of_series(store, event)
    classes.cancel(store, event.data.session_id, event.sequence, notice, event.time)


def _reopened(store: NotifyStore, event: Event[Any], leads: Leads) -> None:
    classes.reopen(store, event.data.session_id, event.sequence, leads)


def _started(store: NotifyStore, event: Event[Any], _: Leads) -> None:
    classes.begin(store, event.data.session_id, event.sequence)


def _ended(store: NotifyStore, event: Event[Any], _: Leads) -> None:
    classes.end(store, event.data.session_id, event.sequence, _ended_at(event))


def _ended_at(event: Event[Any]) -> datetime:
    data = event.data
    return triggers.instant(data.ended_at) if data.HasField("ended_at") else event.time


def restore(store: NotifyStore, batch: Sequence[Event[Any]], leads: Leads) -> None:
    """Apply the classes of a resync: copies and reminders are as after their news, and nobody is
    told anything.
    """
    for event in batch:
        if isinstance(event.data, sessions.SessionScheduled):
            classes.restore(store, _session(event), leads)
    for event in batch:
        if isinstance(event.data, sessions.SessionEnded):
            classes.restore_end(store, event.data.session_id, event.sequence, _ended_at(event))


RESTORED = (sessions.SessionScheduled, sessions.SessionEnded)
"""What of a resync is applied: SessionScheduled tells whether a class is to come, too."""


CLASSES: Mapping[type[Any], Callable[[NotifyStore, Event[Any], Leads], None]] = {
    sessions.SessionScheduled: _scheduled,
    sessions.SessionMoved: _moved,
    sessions.SeriesMoved: _series_moved,
    sessions.SeriesCancelled: _series_cancelled,
    sessions.SessionRoomRenamed: _renamed,
    sessions.SessionCancelled: _cancelled,
    sessions.SessionStarted: _started,
    sessions.SessionStartUndone: _reopened,
    sessions.SessionEnded: _ended,
}
"""The events of classes and series, each with its handler."""
