"""Planning, moving and cancelling series: all of their sessions in one unit of work."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from chassis.calendars.entries import Entry
from chassis.errors import FieldViolation, check, check_state
from services.sessions.domain.civil import local_of, text_of
from services.sessions.domain.conflicts import prefixed
from services.sessions.domain.enums import CivilTime
from services.sessions.domain.events import SessionScheduled, about
from services.sessions.domain.planning import is_moved, late_violations
from services.sessions.domain.revisions import revised
from services.sessions.domain.roster import Run
from services.sessions.domain.series import (
    Series,
    coming,
    from_violations,
    prefix,
    recurrence_ids,
    shift_violations,
    substitute_violations,
    substitutes,
    time_violations,
)
from services.sessions.domain.series_events import (
    SeriesCancelled,
    SeriesScheduled,
    cancelled_occurrences,
    planned_occurrences,
    series_moved,
)
from services.sessions.domain.series_moving import (
    MovedSeries,
    MoveSeries,
    moved_series,
    part_to_move,
    series_move_violations,
    shift_of,
    to_move,
)
from services.sessions.domain.series_planning import (
    MOST,
    ScheduleSeries,
    instance_violations,
    planned_series,
    planned_session,
    request_violations,
    rule_text,
)
from services.sessions.domain.session import Room, Session, cancelled
from services.sessions.ports import Instances, Store
from services.sessions.usecases import help_outcomes, lookup, placing, revising, rotation, showing
from services.sessions.usecases.holding import withdraw_all
from services.sessions.usecases.limits import Limits
from services.sessions.usecases.planning import session_cancelled
from services.sessions.usecases.seats import promote_waiting

Plan = tuple[Series, list[Session]]
"""A series, and its sessions."""


@dataclass(frozen=True, slots=True)
class CancelSeries:
    """Cancel the coming sessions of a series, from one on."""

    series_id: str
    from_recurrence_id: str
    reason: str
    substitute_item_ids: tuple[str, ...]


def schedule(
    store: Store,
    instances: Instances,
    command: ScheduleSeries,
    online_limit: int = 0,
    hosts: bool = False,
) -> Series:
    """Plan a series: all of its sessions, or none.

    Raises Invalid, or FailedPrecondition with everything that is unknown or past and every conflict
    of every session.
    """
    room = placing.room_of(store, command.room_id)
    series, sessions = plan(store, instances, command, room, hosts)
    limits = Limits(command.max_learner_clashes, online_limit)
    placing.lock_resources(store, sessions, limits)
    run = lookup.run_of(store, sessions[0])
    wrong = _plan_violations(store, sessions, run, room, limits)
    check_state("the series can't be planned", wrong)
    put_plans(store, [(series, sessions)])
    return series


def plan(
    store: Store,
    instances: Instances,
    command: ScheduleSeries,
    room: Room | None,
    hosts: bool = False,
) -> Plan:
    """Return a series with its sessions, which nobody has stored or checked against others. Raises
    Invalid.
    """
    check(request_violations(command, hosts))
    given = _given(instances, rule_text(command), command.starts)
    check(instance_violations(command, given))
    series = planned_series(command, given, store.new_id())
    series = replace(series, revised_at=store.now)
    return series, _planned(store, command, series, given, room)


def put_plans(store: Store, plans: Sequence[Plan]) -> None:
    """Store new series with their sessions, and tell of them."""
    sessions = revising.planned(store, [each for _, of_series in plans for each in of_series])
    store.put_series(*(series for series, _ in plans))
    store.put_sessions(sessions)
    store.note_clash_checks(sessions=[each.id for each in sessions])
    for series, of_series in plans:
        _tell_plan(store, series, of_series)


def move(store: Store, instances: Instances, command: MoveSeries, online_limit: int = 0) -> Series:
    """Move the coming sessions of a series together; return the series to which they belong.

    If earlier sessions stay, the series is split. Raises NotFound, Invalid, or FailedPrecondition
    with every conflict of every session, or if no session is to come.
    """
    check(series_move_violations(command))
    before = lookup.lock_series(store, command.series_id)
    sessions = _locked_sessions(store, before)
    check(from_violations(sessions, command.from_recurrence_id))
    moving = to_move(sessions, command, store.now)
    check_state("the series can't be moved", _nothing_violations(before, moving))
    room_id = command.room_id or before.room_id
    room = placing.room_of(store, room_id)
    given = _given(instances, before.rrule, before.starts)
    parts = part_to_move(before, given, sessions, moving[0], store.new_id())
    check(shift_violations(parts[1], shift_of(command, moving[0])))
    result = moved_series(parts, sessions, moving, command, room)
    check(time_violations(_starts(result), result.series.starts.zone))
    if any(map(is_moved, result.before, result.after)):
        _check_move(store, result, room_id, room, Limits(command.max_learner_clashes, online_limit))
        stored = _store_move(store, result)
        calendar = showing.of_series(store, instances, stored, len(result.after))
        _tell_move(store, before, result, command.reason, calendar)
        return stored[0]
    return before


def cancel(store: Store, command: CancelSeries) -> Series:
    """Cancel the coming sessions of a series; return it as it is if there is none.

    Raises NotFound, Invalid for a recurrence id that no session has, and FailedPrecondition for
    another number of substitute items than of sessions.
    """
    series = lookup.lock_series(store, command.series_id)
    sessions = _locked_sessions(store, series)
    check(from_violations(sessions, command.from_recurrence_id))
    before = coming(sessions, command.from_recurrence_id, store.now)
    if before:
        wrong = substitute_violations(command.substitute_item_ids, len(before))
        check_state("the series can't be cancelled", wrong)
        items = substitutes(command.substitute_item_ids, before)
        gone = withdraw_all(store, [*map(cancelled, before, items)])
        gone = revising.changed(store, before, gone)
        store.put_sessions(gone)
        help_outcomes.withdraw_taken(store, gone)
        store.note_clash_checks(sessions=[each.id for each in gone])
        _tell_cancellation(store, series, gone, command.reason)
        rotation.even_out(store, series.id)
    return series


def _given(instances: Instances, rule: str, starts: CivilTime) -> list[str]:
    """Return the local times that a rule gives; of too many one more than a series may have."""
    return [*map(text_of, islice(instances(rule, local_of(starts)), MOST + 1))]


def _planned(
    store: Store, command: ScheduleSeries, series: Series, given: Sequence[str], room: Room | None
) -> list[Session]:
    found = recurrence_ids(given, series.rdates, series.exdates)
    planned = (
        planned_session(command, found, place, room, store.new_id()) for place in range(len(found))
    )
    return [
        placing.dated(store, replace(each, series_id=series.id, check_in_secret=store.new_secret()))
        for each in planned
    ]


def _plan_violations(
    store: Store,
    sessions: Sequence[Session],
    run: Run | None,
    room: Room | None,
    limits: Limits,
) -> Iterator[FieldViolation]:
    by_prefix = {prefix(place): each for place, each in enumerate(sessions)}
    yield from placing.plan_violations(store, by_prefix, run, room, limits)
    for before, session in by_prefix.items():
        yield from prefixed(before, late_violations(session, run))


def _locked_sessions(store: Store, series: Series) -> list[Session]:
    """Return the sessions of a series, locked, in the order of their recurrence ids."""
    locked = store.sessions_for_update([each.id for each in store.sessions_of_series(series.id)])
    return sorted(locked, key=lambda each: each.recurrence_id)


def _nothing_violations(series: Series, moving: Sequence[Session]) -> Iterator[FieldViolation]:
    if not moving:
        later = f"; series {series.continued_by} continues it" if series.continued_by else ""
        wrong = f"no session of it is to come{later}"
        yield FieldViolation("series_id", wrong, "a series with a session to come")


def _starts(result: MovedSeries) -> dict[int, str]:
    """Return the local starts of the sessions that move, by their places in the series."""
    ids = {each.id for each in result.before}
    return {
        place: each.recurrence_id for place, each in enumerate(result.sessions) if each.id in ids
    }


def _check_move(
    store: Store, result: MovedSeries, room_id: str, room: Room | None, limits: Limits
) -> None:
    by_prefix = {prefix(place): result.sessions[place] for place in _starts(result)}
    placing.lock_resources(store, by_prefix.values(), limits)
    wrong = placing.move_violations(store, result.before, by_prefix, room_id, room, limits)
    check_state("the series can't be moved", wrong)


def _store_move(store: Store, result: MovedSeries) -> list[Series]:
    """Store a series that moved, and its sessions; learners who wait get the seats of a larger
    room. Return the series, and what stays of the one from which it was split, if it was.
    """
    series = [revised(each, store.now) for each in (result.series, result.head) if each]
    store.put_series(*series)
    moved = placing.without_offers(store, result.before, result.after)
    moved = [placing.dated(store, each) for each in moved]
    moved = revising.changed(store, result.before, moved)
    ids = {each.id for each in moved}
    store.note_clash_checks(sessions=ids)
    store.put_sessions([*moved, *(each for each in result.sessions if each.id not in ids)])
    for session in moved:
        promote_waiting(store, session)
    return series


def _tell_plan(store: Store, series: Series, sessions: Sequence[Session]) -> None:
    room, occurrences = sessions[0].room, planned_occurrences(sessions)
    store.record_event(about(series, SeriesScheduled, room=room, occurrences=occurrences))
    store.record_event(*(about(each, SessionScheduled) for each in sessions))


def _tell_move(
    store: Store, before: Series, result: MovedSeries, reason: str, calendar: tuple[Entry, ...]
) -> None:
    changed = [pair for pair in zip(result.before, result.after, strict=True) if is_moved(*pair)]
    split_from = before.id if result.head else ""
    store.record_event(
        series_moved(result.series, changed, reason, before.instructor_id, split_from, calendar)
    )
    store.record_event(
        *(placing.session_moved(*pair, reason, result.series.id) for pair in changed)
    )


def _tell_cancellation(
    store: Store, series: Series, sessions: Sequence[Session], reason: str
) -> None:
    store.record_event(
        about(
            series,
            SeriesCancelled,
            reason=reason,
            occurrences=cancelled_occurrences(sessions),
            calendar=showing.of_sessions(series, sessions),
        )
    )
    store.record_event(*(session_cancelled(each, reason, series.id) for each in sessions))
