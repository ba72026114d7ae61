"""The subscriptions of progress."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from typing import Any, TypeVar

from tandem.catalog.v1 import events_pb2 as catalog
from tandem.catalog.v1 import resources_pb2 as resources
from tandem.library.v1 import events_pb2 as library
from tandem.progress.v1 import events_pb2 as progress
from tandem.sessions.v1 import events_pb2 as sessions
from tandem.sessions.v1.resources_pb2 import SESSION_STATE_SCHEDULED, SESSION_STATE_UNSPECIFIED

from chassis.civil import start_of_day
from chassis.contracts.events import Event
from chassis.contracts.mapping import enum_name, from_message
from chassis.data.staff import note_staff
from chassis.errors import NotFound
from chassis.messaging.subscriptions import Subscription, Wait
from chassis.runs import end_of, facts_of
from services.progress import metrics, privacy
from services.progress.domain.enums import (
    AttendanceMode,
    AttendanceStatus,
    EnrolmentState,
    SessionState,
)
from services.progress.domain.events import StatementVoided
from services.progress.domain.learner_run_state import EnrolmentUpdate
from services.progress.domain.path import Path, Policy, Run
from services.progress.domain.people import Person
from services.progress.domain.sessions import Item, RecordedPart, SessionUpdate
from services.progress.domain.statements import Recorded
from services.progress.store import ProgressStore
from services.progress.usecases.attendance import AttendanceUpdate, learn_attendance
from services.progress.usecases.enrolments import (
    ExtensionUpdate,
    adopt_enrolments,
    learn_enrolments,
    learn_extensions,
    learn_people,
)
from services.progress.usecases.plans import (
    learn_items,
    learn_paths,
    learn_runs,
    learn_sessions,
    recordings_waited_for,
)
from services.progress.usecases.study import study
from services.progress.usecases.voided import retract

Events = Sequence[Event[Any]]
T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)

STATES: Mapping[type[Any], EnrolmentState] = {
    catalog.EnrolmentCreated: EnrolmentState.ENROLLED,
    catalog.EnrolmentPromoted: EnrolmentState.ENROLLED,
    catalog.EnrolmentWaitlisted: EnrolmentState.WAITLISTED,
    catalog.EnrolmentWithdrawn: EnrolmentState.WITHDRAWN,
}
ENROLMENTS = (*STATES, catalog.EnrolmentModeChanged, catalog.GroupMemberChanged)
CLASSES: Mapping[type[Any], SessionState | None] = {
    sessions.SessionScheduled: SessionState.SCHEDULED,
    sessions.SessionMoved: None,
    sessions.SessionCancelled: SessionState.CANCELLED,
    sessions.SessionStarted: SessionState.LIVE,
    sessions.SessionStartUndone: SessionState.SCHEDULED,
    sessions.SessionEnded: SessionState.ENDED,
}
RUNS = (
    catalog.RunOpened,
    catalog.RunUpdated,
    catalog.RunStaffChanged,
    catalog.RunClosed,
    catalog.RunReopened,
)
PLANS = (
    catalog.PersonUpserted,
    *RUNS,
    catalog.PathPublished,
    *ENROLMENTS,
    catalog.DueExtended,
    *CLASSES,
)
ITEMS = (library.ItemAvailable, library.ItemFailed, library.ItemRetired)
RECORDINGS = (sessions.RecordingAttached, sessions.RecordingWithdrawn)
ATTENDANCE = (
    sessions.AttendanceSettled,
    sessions.AttendanceAmended,
    sessions.AttendanceCorrected,
    *RECORDINGS,
    *ITEMS,
)


# The states in which a session is that is told as planned.
_TO_COME = (SESSION_STATE_UNSPECIFIED, SESSION_STATE_SCHEDULED)
# Both have the sequence of the learner in the session: the latest counts.
AMENDED = (sessions.AttendanceAmended, sessions.AttendanceCorrected)


def subscriptions() -> tuple[Subscription[ProgressStore], ...]:
    """Return the service's subscriptions."""
    return (
        Subscription(
            "progress.statements",
            (progress.StatementsRecorded, progress.StatementVoided),
            statements,
            _weight,
            partitioned=True,
        ),
        Subscription(
            "progress.plans",
            PLANS,
            plans,
            replacing=frozenset({catalog.PersonUpserted}),
            partitioned=True,
            resync=plans_anew,
        ),
        Subscription(
            "progress.attendance",
            ATTENDANCE,
            attendance,
            _weight,
            partitioned=True,
            resync=attendance_anew,
        ),
        privacy.subscription(),
    )


def statements(store: ProgressStore, events: Events) -> None:
    """Apply statements, and take back voided ones. If their run is unknown, they wait for it."""
    recorded = [each for each in events if isinstance(each.data, progress.StatementsRecorded)]
    try:
        study(store, [from_message(event.data, Recorded, at=event.time) for event in recorded])
    except NotFound as error:
        raise Wait(str(error), _without_run(store, recorded)) from error
    retract(store, _each(events, _voided, progress.StatementVoided))


def _voided(event: Event[progress.StatementVoided]) -> StatementVoided:
    return from_message(event.data, StatementVoided)


def _without_run(store: ProgressStore, events: Events) -> list[str]:
    """Return the ids of the events with statements on an unknown run."""
    named = {event.id: {each.run_id for each in event.data.statements} for event in events}
    known = store.plans(set().union(*named.values())).keys()
    return [event_id for event_id, run_ids in named.items() if run_ids - known]


def _weight(event: Event[Any]) -> int:
    """Return about how many learners' documents an event changes."""
    rows = getattr(event.data, "statements", ()) or getattr(event.data, "learners", ())
    return len(rows) or 1


def plans(store: ProgressStore, events: Events) -> None:
    """Apply events on plans, people and enrolments, each kind at once."""
    _learn_plans(store, events)
    learn_enrolments(store, _each(events, _enrolment, *ENROLMENTS))
    learn_extensions(store, _each(events, _extension, catalog.DueExtended))


def plans_anew(store: ProgressStore, events: Events) -> None:
    """Apply the plans, people and enrolments of a resync. Nobody is a new learner by it."""
    _learn_plans(store, events)
    adopt_enrolments(store, _each(events, _enrolment, *ENROLMENTS))
    learn_extensions(store, _each(events, _extension, catalog.DueExtended))


def _learn_plans(store: ProgressStore, events: Events) -> None:
    learn_people(store, _each(events, _person, catalog.PersonUpserted))
    learn_runs(store, _each(events, _run, *RUNS))
    note_staff(store, [event for event in events if isinstance(event.data, RUNS)])
    learn_paths(store, _each(events, _path, catalog.PathPublished))
    learn_sessions(store, _each(events, _session, *CLASSES))


def attendance(store: ProgressStore, events: Events) -> None:
    """Apply events on attendance, recordings and items, each kind at once, and measure when
    recordings can be played.
    """
    attendance_anew(store, events)
    _measure(store, events)


def attendance_anew(store: ProgressStore, events: Events) -> None:
    """Apply attendance, recordings and items of a resync: it is no news that a recording can be
    played.
    """
    learn_items(store, _each(events, _item, *ITEMS))
    learn_sessions(store, _each(events, _recording, *RECORDINGS))
    finalised = [event for event in events if isinstance(event.data, sessions.AttendanceSettled)]
    amended = [event for event in events if isinstance(event.data, AMENDED)]
    learn_attendance(
        store,
        [*map(_finalised_session, finalised), *map(_amended_session, amended)],
        [*(row for event in finalised for row in _finalised(event)), *map(_amended, amended)],
    )


def _measure(store: ProgressStore, events: Events) -> None:
    recorded = _each(events, lambda event: event.data.session_id, sessions.RecordingAttached)
    items = _each(events, lambda event: event.data.item_id, *ITEMS)
    waited = recordings_waited_for(store, set(recorded), set(items))
    for each in waited:
        store.on_commit(partial(metrics.RECORDING_PLAYABLE.observe, each.total_seconds()))


def _each(events: Events, read: Callable[[Event[Any]], T], *types: type[Any]) -> list[T]:
    return [read(event) for event in events if isinstance(event.data, types)]


def _person(event: Event[catalog.PersonUpserted]) -> Person:
    return from_message(event.data, Person, id=event.data.person_id, sequence=event.sequence)


def _run(event: Event[Any]) -> Run:
    facts = facts_of(event.data)
    policy = Policy()
    if facts.HasField("policy"):
        policy = from_message(facts.policy, Policy, late_from=_late_from(facts))
    return from_message(
        facts,
        Run,
        id=facts.run_id,
        policy=policy,
        sequence=event.sequence,
        ends_at=end_of(facts),
        closed_at=_instant(facts.closed_at) if _is_closed(facts) else None,
    )


def _late_from(facts: Any) -> datetime | None:
    """Return from when on classes give late joiners catch-ups. Older events don't say; then none
    do.
    """
    late = facts.policy.late_catch_ups
    if late == resources.LATE_CATCH_UPS_ALL:
        return datetime.min.replace(tzinfo=UTC)
    if late == resources.LATE_CATCH_UPS_SINCE:
        return start_of_day(facts.policy.late_catch_ups_since, facts.zone)
    return None


def _is_closed(facts: Any) -> bool:
    """Return whether a run is closed; one that was just opened is not, and its event has no such
    field.
    """
    return isinstance(facts, catalog.RunFacts) and facts.HasField("closed_at")


def _path(event: Event[catalog.PathPublished]) -> Path:
    return from_message(event.data, Path, id=event.data.run_id, sequence=event.sequence)


def _session(event: Event[Any]) -> SessionUpdate:
    data = event.data
    more: dict[str, Any] = {"sequence": event.sequence, "state": CLASSES[type(data)]}
    if isinstance(data, sessions.SessionMoved):
        more["start_time"] = _instant(data.new_start_time)
        more["end_time"] = _instant(data.new_end_time)
    if not isinstance(data, sessions.SessionScheduled):
        more["material_item_ids"] = more["group_ids"] = None
    elif data.state not in _TO_COME:
        more["state"] = None  # of a resync: the event that tells its state follows
    return from_message(data, SessionUpdate, **more)


def _recording(event: Event[Any]) -> SessionUpdate:
    data = event.data
    parts = tuple(from_message(each, RecordedPart) for each in data.parts)
    if not parts and isinstance(data, sessions.RecordingAttached):
        parts = (from_message(data, RecordedPart, stretches=()),)  # told by an older version
    return from_message(data, SessionUpdate, sequence=event.sequence, recorded_parts=parts)


def _finalised_session(event: Event[sessions.AttendanceSettled]) -> SessionUpdate:
    return from_message(
        event.data, SessionUpdate, sequence=event.sequence, state=SessionState.ENDED
    )


def _amended_session(event: Event[Any]) -> SessionUpdate:
    return from_message(event.data, SessionUpdate, sequence=event.sequence)


def _finalised(event: Event[sessions.AttendanceSettled]) -> list[AttendanceUpdate]:
    data = event.data
    return [
        from_message(
            row,
            AttendanceUpdate,
            run_id=data.run_id,
            session_id=data.session_id,
            sequence=event.sequence,
            seen_at=_instant(data.ended_at) if row.minutes else None,
        )
        for row in data.learners
    ]


def _amended(event: Event[Any]) -> AttendanceUpdate:
    verdict = _enum(event.data, "to_verdict", AttendanceStatus)
    return from_message(
        event.data, AttendanceUpdate, verdict=verdict, sequence=event.sequence, amended=True
    )


def _item(event: Event[Any]) -> Item:
    data = event.data
    available = isinstance(data, library.ItemAvailable)
    seconds = data.seconds if available else 0.0
    return from_message(
        data, Item, id=data.item_id, seconds=seconds, available=available, sequence=event.sequence
    )


def _enrolment(event: Event[Any]) -> EnrolmentUpdate:
    data = event.data
    more: dict[str, Any] = {"sequence": event.sequence, "state": STATES.get(type(data))}
    if isinstance(data, catalog.EnrolmentModeChanged):
        more["mode"] = _enum(data, "to_mode", AttendanceMode)
    if not isinstance(data, catalog.GroupMemberChanged):
        more["group_ids"] = None
    return from_message(data, EnrolmentUpdate, **more)


def _extension(event: Event[catalog.DueExtended]) -> ExtensionUpdate:
    return from_message(event.data, ExtensionUpdate, sequence=event.sequence)


def _enum(data: Any, field: str, cls: type[E]) -> E | None:
    """Return the enum value of a field whose name differs from ours."""
    name = enum_name(data.DESCRIPTOR.fields_by_name[field].enum_type, getattr(data, field))
    return cls(name) if name else None


def _instant(stamp: Any) -> datetime:
    at: datetime = stamp.ToDatetime(tzinfo=UTC)
    return at
