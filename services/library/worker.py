"""The subscription, timers and jobs of the library."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from tandem.catalog.v1 import events_pb2 as catalog
from tandem.sessions.v1 import events_pb2 as sessions

from chassis.contracts.events import Event
from chassis.contracts.mapping import from_message
from chassis.data.staff import note_staff
from chassis.jobs import Jobs
from chassis.messaging.subscriptions import Subscription, Timer
from services.library import cleaning, migrations, packing, privacy, processing, verifier
from services.library.domain.entitlements import Enrolment, PathEntry, RunReadingList, SessionItems
from services.library.domain.enums import EnrolmentState
from services.library.domain.recordings import RecordingItems, WithdrawnItems
from services.library.ports import Files
from services.library.store import LibraryStore
from services.library.usecases import reading, recordings

_STATES = {
    catalog.EnrolmentCreated: EnrolmentState.ENROLLED,
    catalog.EnrolmentPromoted: EnrolmentState.ENROLLED,
    catalog.EnrolmentWaitlisted: EnrolmentState.WAITLISTED,
    catalog.EnrolmentWithdrawn: EnrolmentState.WITHDRAWN,
}
RUNS = (
    catalog.RunOpened,
    catalog.RunUpdated,
    catalog.RunStaffChanged,
    catalog.RunClosed,
    catalog.RunReopened,
)
# The events by which a session gives its learners something to study for good, each with its items.
SESSIONS: Mapping[type[Any], Callable[[Any], Sequence[str]]] = {
    sessions.SessionScheduled: lambda data: data.material_item_ids,
    sessions.SessionCancelled: lambda data: [data.substitute_item_id],
}
# Each tells all items of the session's recording.
RECORDINGS = (sessions.RecordingAttached, sessions.RecordingWithdrawn)
# Where the setting does not say it.
KEEP_RETIRED = timedelta(days=30)
SWEEP_EVERY = timedelta(seconds=2)
EXPIRE_EVERY = timedelta(minutes=1)


def subscriptions(keep_retired: timedelta = KEEP_RETIRED) -> tuple[Subscription[LibraryStore], ...]:
    """Return the library's subscriptions. `keep_retired`: how long files of retired items stay."""
    mode = catalog.EnrolmentModeChanged
    apply = partial(entitlements, keep_retired=keep_retired)
    types = (*_STATES, mode, catalog.PathPublished, *RUNS, *SESSIONS, *RECORDINGS)
    return (
        Subscription(
            "library.entitlements",
            types,
            apply,
            # a withdrawal also changes items, once
            replacing=frozenset(types) - {*RECORDINGS},
            partitioned=True,
            resync=apply,
        ),
        privacy.subscription(),
    )


def timers(files: Files, expire_after: timedelta) -> tuple[Timer[LibraryStore], ...]:
    """Return the timers: deletion of unneeded files and packs; and, for one release, queued items
    of the previous version.
    """
    return (
        Timer("library.sweep", SWEEP_EVERY, lambda database: cleaning.sweep(database, files)),
        Timer(
            "library.expire",
            EXPIRE_EVERY,
            lambda database: cleaning.expire(database, files, expire_after),
        ),
        Timer(
            "library.copies",
            EXPIRE_EVERY,
            lambda database: cleaning.release_copies(database, datetime.now(UTC)),
        ),
        Timer("library.packs", EXPIRE_EVERY, cleaning.expire_packs),
        Timer("library.adopt", EXPIRE_EVERY, lambda database: migrations.adopt(database.mongo)),
    )


def jobs(files: Files) -> tuple[Jobs[LibraryStore], ...]:
    """Return the jobs of all workers."""
    return (
        verifier.verification(files),
        processing.processing(files),
        packing.packing(files),
        privacy.jobs(),
    )


def entitlements(
    store: LibraryStore, batch: Sequence[Event[Any]], keep_retired: timedelta = KEEP_RETIRED
) -> None:
    """Store enrolments, staff, reading lists and the items of sessions. A mode does not matter for
    entitlement.
    """
    note_staff(store, [event for event in batch if isinstance(event.data, RUNS)])
    reading.note_enrolments(
        store, [_enrolment(event) for event in batch if type(event.data) in _STATES]
    )
    store.add_session_items(_session_items(batch))
    recorded = [_recording_items(event) for event in batch if isinstance(event.data, RECORDINGS)]
    changed = recordings.note_recordings(store, recorded)
    for event in batch:
        if isinstance(event.data, catalog.PathPublished):
            reading.note_reading_list(store, _reading_list(event))
    for event in batch:
        # A resync repeats what was withdrawn before: staff may have given it anew since.
        if isinstance(event.data, RECORDINGS) and (
            not event.resync or event.data.session_id in changed
        ):
            recordings.take_back(store, _withdrawn_items(event.data), keep_retired)


def _session_items(events: Iterable[Event[Any]]) -> Iterator[SessionItems]:
    for event in events:
        items_of = SESSIONS.get(type(event.data))
        items = tuple(filter(None, items_of(event.data))) if items_of else ()
        if items:
            yield from_message(event.data, SessionItems, item_ids=items)


def _recording_items(event: Event[Any]) -> RecordingItems:
    """Return the items of a recording; an older version told its only one."""
    data = event.data
    ids = [item_id for part in data.parts for item_id in _part_items(part)]
    if not ids and isinstance(data, sessions.RecordingAttached):
        ids = [data.item_id]
    unique = tuple(dict.fromkeys(filter(None, ids)))
    return from_message(data, RecordingItems, item_ids=unique, sequence=event.sequence)


def _withdrawn_items(data: Any) -> WithdrawnItems:
    """Return what was withdrawn; also what was replaced, because a cut version cuts out what must
    not be seen.
    """
    if isinstance(data, sessions.RecordingAttached):
        replaced = tuple(data.replaced_item_ids)
        return WithdrawnItems(run_id=data.run_id, item_ids=replaced, reason="", expired=False)
    return from_message(data, WithdrawnItems)


def _part_items(part: Any) -> list[str]:
    return [part.item_id, part.transcript_item_id, *(each.item_id for each in part.captions)]


def _enrolment(event: Event[Any]) -> Enrolment:
    return Enrolment(
        run_id=event.data.run_id,
        learner_id=event.data.learner_id,
        state=_STATES[type(event.data)],
        sequence=event.sequence,
    )


def _reading_list(event: Event[Any]) -> RunReadingList:
    activities = event.data.activities
    return RunReadingList(
        run_id=event.data.run_id,
        item_ids=tuple(sorted({each.item_id for each in activities if each.item_id})),
        sequence=event.sequence,
        entries=tuple(
            PathEntry(item_id=each.item_id, week=_week(each), activity_id=each.id)
            for each in activities
        ),
    )


def _week(activity: Any) -> int:
    """Return the week of the run in which an activity is due; else in which it opens; else 0."""
    due, opens = (rule.civil.week_day.week for rule in (activity.deadline, activity.release))
    return int(due or opens)
