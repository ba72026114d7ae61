"""Reminders that fall due, and notices to a whole run, told in parts."""

from dataclasses import replace
from datetime import datetime, timedelta

from services.notify.domain.notices import Appointment
from services.notify.domain.sessions import (
    LIVE_MODES,
    Broadcast,
    Session,
    overtaken,
    reminder_notice,
    stands,
)
from services.notify.ports import Store, Texts
from services.notify.usecases.telling import Addressed, tell

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
    store.guard_rosters({session.run_id})
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
    """Tell up to `most` more of a run's learners, and as many who wait; False when that is all.

    A repeat, or a restart after a crash, goes on where the last unit of work ended.
    """
    broadcast = store.broadcast(broadcast_id)
    if broadcast is None or broadcast.done:
        return False
    if _vanished(store, broadcast):
        store.put_broadcast(replace(broadcast, walked=True, done=True, waiting=()))
        return False
    after = _told_more(store, texts, broadcast, system_now, most)
    store.put_broadcast(after)
    return not after.done and after.retry_at is None


def _vanished(store: Store, broadcast: Broadcast) -> bool:
    appointment = broadcast.notice.reminds_of
    if appointment is None:
        return False
    return not stands(store.session_by_id(appointment.session_id), appointment, store.now)


def _told_more(
    store: Store, texts: Texts, broadcast: Broadcast, system_now: datetime, most: int
) -> Broadcast:
    learners = _next_learners(store, broadcast, most)
    called, rest = broadcast.waiting[:most], broadcast.waiting[most:]
    people = dict.fromkeys((*learners, *called))
    missing = tell(store, texts, [Addressed(broadcast.notice, one) for one in people])
    walked = len(learners) < most
    if walked and store.now >= broadcast.until:
        missing = []
    waiting = tuple(dict.fromkeys((*rest, *missing)))
    return replace(
        broadcast,
        after=learners[-1] if learners else broadcast.after,
        walked=walked,
        waiting=waiting,
        done=walked and not waiting,
        retry_at=system_now + ASK_AGAIN if walked and missing else None,
    )


def _next_learners(store: Store, broadcast: Broadcast, most: int) -> list[str]:
    if broadcast.walked:
        return []
    return store.learners(broadcast.run_id, broadcast.modes, broadcast.after, most)
