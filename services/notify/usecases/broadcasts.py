"""Reminders that fall due, and notices to a whole run: divided into parts, and told."""

from dataclasses import replace
from datetime import datetime, timedelta

from services.notify.domain.notices import Appointment
from services.notify.domain.sessions import (
    LIVE_MODES,
    Broadcast,
    Session,
    chunk_of,
    overtaken,
    reminder_notice,
    stands,
)
from services.notify.ports import Store, Texts
from services.notify.usecases.notifications import Addressed, notify

# People's data comes by another queue, which a backlog may hold up for longer than a moment.
ASK_AGAIN = timedelta(seconds=5)


def fire(store: Store, reminder_id: str) -> None:
    """Turn a reminder that is due into news for the run.

    Unless its session has gone, or a later reminder of it is due as well.
    """
    reminder = store.reminder(reminder_id)
    if reminder is None or reminder.fire_at > store.now:
        return
    others = store.reminders(reminder.session_id)
    store.remove_reminder(reminder.id)
    if overtaken(reminder, others, store.now):
        return
    session = store.session_by_id(reminder.session_id)
    appointment = Appointment(reminder.session_id, reminder.start_time)
    if session is not None and stands(session, appointment, store.now):
        _remind(store, reminder.event_id, session)


def _remind(store: Store, event_id: str, session: Session) -> None:
    store.lock_rosters({session.run_id})
    store.put_broadcast(
        Broadcast(
            id=event_id,
            run_id=session.run_id,
            notice=reminder_notice(event_id, session),
            urgent=False,
            modes=tuple(sorted(LIVE_MODES)),
            at=store.now,
            until=session.start_time,
        )
    )


def expand(store: Store, texts: Texts, broadcast_id: str, system_now: datetime, most: int) -> bool:
    """Put up to `most` more of a run's learners into a part, and tell as many of those who wait.

    False when that is all. A repeat, or a restart after a crash, goes on where the last unit of
    work ended.
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


def notify_chunk(store: Store, texts: Texts, chunk_id: str) -> None:
    """Tell a part of a run, once: the part goes with it.

    Its learners are as the roster has them now. Who is not known yet waits with the broadcast.
    """
    chunk = store.chunk(chunk_id)
    if chunk is None:
        return
    store.remove_chunk(chunk.id)
    broadcast = store.broadcast(chunk.broadcast_id)
    if broadcast is None or _vanished(store, broadcast):
        return
    learners = store.learners_between(broadcast.run_id, broadcast.modes, chunk.after, chunk.upto)
    missing = notify(store, texts, [Addressed(broadcast.notice, one) for one in learners])
    if missing and store.now < broadcast.until:
        waiting = tuple(dict.fromkeys((*broadcast.waiting, *missing)))
        store.put_broadcast(replace(broadcast, waiting=waiting, done=False))


def _vanished(store: Store, broadcast: Broadcast) -> bool:
    appointment = broadcast.notice.reminds_of
    if appointment is None:
        return False
    return not stands(store.session_by_id(appointment.session_id), appointment, store.now)


def _walked(store: Store, broadcast: Broadcast, most: int) -> Broadcast:
    """The broadcast after its next part was made; as it was where all are."""
    if broadcast.walked:
        return broadcast
    learners = store.learners(broadcast.run_id, broadcast.modes, broadcast.after, most)
    if not learners:
        return replace(broadcast, walked=True)
    store.add_chunk(chunk_of(broadcast, learners))
    return replace(broadcast, after=learners[-1], walked=len(learners) < most)


def _called(
    store: Store, texts: Texts, broadcast: Broadcast, system_now: datetime, most: int
) -> Broadcast:
    """The broadcast after up to `most` of those who wait were told."""
    called, rest = broadcast.waiting[:most], broadcast.waiting[most:]
    missing = notify(store, texts, [Addressed(broadcast.notice, one) for one in called])
    if broadcast.walked and store.now >= broadcast.until:
        missing = []
    waiting = tuple(dict.fromkeys((*rest, *missing)))
    return replace(
        broadcast,
        waiting=waiting,
        done=broadcast.walked and not waiting,
        retry_at=system_now + ASK_AGAIN if broadcast.walked and missing else None,
    )
