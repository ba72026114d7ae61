"""New zone data: what starts at a civil time then starts at another instant."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from chassis.errors import FieldViolation
from services.sessions.domain.civil import instant_of
from services.sessions.domain.enums import SessionState
from services.sessions.domain.series_events import series_moved
from services.sessions.domain.session import Session
from services.sessions.ports import Store
from services.sessions.usecases import lookup, placing, revising, showing
from services.sessions.usecases.seats import promote_waiting

Moved = tuple[Session, Session]
"""A session before and after."""


def recompute(store: Store, session_ids: Collection[str]) -> list[FieldViolation]:
    """Compute the instants of coming sessions by newer zone data; return the conflicts of those
    that moved.

    `session_ids`: of one series, or of none. Who planned a session by data that are as new, or
    newer, is right: so a repeat changes nothing, nor does a replica with older data.
    """
    locked = sorted(store.sessions_for_update(session_ids), key=lambda each: each.start_time)
    before = [each for each in locked if _is_older(store, each)]
    after = [_at_civil_start(store, each) for each in before]
    after = placing.without_offers(store, before, after)
    pairs = [*zip(before, after, strict=True)]
    store.put_sessions(new for old, new in pairs if old.start_time == new.start_time)
    moved = _revised(store, [(o, n) for o, n in pairs if o.start_time != n.start_time])
    store.put_sessions(new for _, new in moved)
    for _, new in moved:
        promote_waiting(store, new)
    store.note_clash_checks(sessions=[new.id for _, new in moved])
    _tell(store, moved)
    return [each for _, new in moved for each in placing.conflicts(store, {"": new})]


def _is_older(store: Store, session: Session) -> bool:
    is_coming = session.state is SessionState.SCHEDULED and session.start_time > store.now
    return is_coming and session.zone_data < store.zone_data


def _at_civil_start(store: Store, session: Session) -> Session:
    start = instant_of(session.starts)
    return placing.dated(
        store, replace(session, start_time=start, end_time=start + session.duration)
    )


def _revised(store: Store, moved: Sequence[Moved]) -> list[Moved]:
    """Return sessions that moved, with their next revisions."""
    before = [old for old, _ in moved]
    after = revising.changed(store, before, [new for _, new in moved])
    return [*zip(before, after, strict=True)]


def _tell(store: Store, moved: Sequence[Moved]) -> None:
    """Record the events; people are told once of a series."""
    reason = f"new time zone data ({store.zone_data})"
    series_id = moved[0][1].series_id if moved else ""
    store.record_event(
        *(
            placing.session_moved(
                *pair, reason, series_id, () if series_id else showing.of_session(store, pair[1])
            )
            for pair in moved
        )
    )
    if series_id:
        store.record_event(series_moved(lookup.lock_series(store, series_id), moved, reason))
