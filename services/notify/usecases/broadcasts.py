"""Due reminders, and broadcasts to a whole run, which are sent in chunks."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from services.notify.domain.sessions import (
    LIVE_MODES,
    Broadcast,
    Session,
    chunk_of,
    is_quiet,
    overtaken,
    reminder_notice,
    unexpected,
)
from services.notify.domain.standing import Standing, standing
from services.notify.ports import Store, Texts, Writer
from services.notify.usecases.notifications import Addressed, notify
from services.notify.usecases.standing import known_of

# People's data arrive by another queue, which may have a backlog.
ASK_AGAIN = timedelta(seconds=5)
# People notified in one unit of work: about a tenth of a second of the database's time.
CHUNK = 500


def fire(store: Store, reminder_id: str) -> None:
    """Turn a due reminder into a broadcast to the run.

    Delete it instead if its session has changed, if its run is over, or if a later reminder of the
    session is due too.
    """
    reminder = store.reminder(reminder_id)
    if reminder is None or reminder.fire_at > store.now:
        return
    others = store.reminders(reminder.session_id)
    store.remove_reminder(reminder.id)
    if overtaken(reminder, others, store.now):
        return
    session = store.session_by_id(reminder.session_id)
    if session is not None and session.start_time == reminder.start_time:
        _remind(store, reminder.event_id, session)


def _remind(store: Store, event_id: str, session: Session) -> None:
    notice = reminder_notice(event_id, session)
    if standing(notice, known_of(store, [notice]), store.now) is not Standing.STANDS:
        return
    begin(
        store,
        Broadcast(
            id=event_id,
            run_id=session.run_id,
            notice=notice,
            urgent=False,
            modes=tuple(sorted(LIVE_MODES)),
            at=store.now,
            until=session.start_time,
            quiet_modes=unexpected(session.purpose),
            group_ids=session.group_ids,
        ),
    )


def begin(store: Store, broadcast: Broadcast) -> None:
    """Store a new broadcast with its first chunk, which any worker claims: a small run waits for no
    timer.
    """
    store.lock_rosters({broadcast.run_id})
    store.put_broadcast(_walked(store, broadcast, CHUNK))


def expand(store: Store, texts: Texts, broadcast_id: str, system_now: datetime, most: int) -> bool:
    """Put up to `most` more of a run's learners into a chunk, and notify as many waiting people.

    Return False if that was all. A repeat, or a restart after a crash, continues where the last
    unit of work ended.
    """
    broadcast = store.broadcast(broadcast_id)
    if broadcast is None or broadcast.done:
        return False
    if _vanished(store, broadcast):
        store.put_broadcast(replace(broadcast, walked=True, done=True, waiting=()))
        return False
    after = _called(store, texts, _walked(store, broadcast, most), system_now, most)
    store.put_broadcast(after)
    return not after.done and after.retry_at is None


def notify_chunk(store: Store, texts: Writer, chunk_id: str) -> None:
    """Notify a chunk of a run once, and delete the chunk.

    Its learners are those in the roster now. People who are not known yet wait in the broadcast.
    """
    chunk = store.chunk(chunk_id)
    if chunk is None:
        return
    store.remove_chunk(chunk.id)
    broadcast = store.broadcast(chunk.broadcast_id)
    if broadcast is None or _vanished(store, broadcast):
        return
    learners = store.learners_between(broadcast, chunk.after, chunk.upto)
    missing = notify(store, texts, _addressed(store, broadcast, learners))
    if missing and store.now < broadcast.until:
        waiting = tuple(dict.fromkeys((*broadcast.waiting, *missing)))
        store.put_broadcast(replace(broadcast, waiting=waiting, done=False))


def _addressed(store: Store, broadcast: Broadcast, people: Sequence[str]) -> list[Addressed]:
    modes = store.modes_of(broadcast.run_id, people) if broadcast.quiet_modes else {}
    return [
        Addressed(broadcast.notice, one, is_quiet(broadcast, one, modes.get(one, ())))
        for one in people
    ]


def _vanished(store: Store, broadcast: Broadcast) -> bool:
    """Return whether nobody is to be notified any more."""
    notice = broadcast.notice
    found = standing(notice, known_of(store, [notice]), store.now)
    return found is Standing.OVERTAKEN or (found is Standing.OVER and notice.rule.lapses)


def _walked(store: Store, broadcast: Broadcast, most: int) -> Broadcast:
    """Return the broadcast after its next chunk was made; unchanged if there is no further
    chunk.
    """
    if broadcast.walked:
        return broadcast
    learners = store.learners(broadcast, most)
    if not learners:
        return replace(broadcast, walked=True)
    store.add_chunk(chunk_of(broadcast, learners))
    return replace(broadcast, after=learners[-1], walked=len(learners) < most)


def _called(
    store: Store, texts: Texts, broadcast: Broadcast, system_now: datetime, most: int
) -> Broadcast:
    """Return the broadcast after up to `most` of the waiting people were notified."""
    called, rest = broadcast.waiting[:most], broadcast.waiting[most:]
    missing = notify(store, texts, _addressed(store, broadcast, called))
    if broadcast.walked and store.now >= broadcast.until:
        missing = []
    waiting = tuple(dict.fromkeys((*rest, *missing)))
    return replace(
        broadcast,
        waiting=waiting,
        done=broadcast.walked and not waiting,
        retry_at=system_now + ASK_AGAIN if broadcast.walked and missing else None,
    )
