"""Rotation of cohorts: planning it, and giving their seats in units of work of their own."""

from dataclasses import replace

from chassis.errors import check, check_state
from services.sessions.domain.enums import SeatKind
from services.sessions.domain.roster import Group
from services.sessions.domain.rotation import (
    PlanRotation,
    RotationClass,
    cohort_violations,
    counting,
    is_to_come,
    rotation,
    rotation_violations,
)
from services.sessions.domain.seats import granted, no_seat
from services.sessions.domain.series import Series
from services.sessions.domain.session import Session
from services.sessions.ports import Store
from services.sessions.usecases import lookup
from services.sessions.usecases.seats import fill, put_change

MOST = 100
"""Seats that one unit of work gives or takes back."""


def plan_rotation(store: Store, command: PlanRotation) -> list[RotationClass]:
    """Plan which cohort has the room of a series when; the worker gives the seats.

    Raises NotFound, Invalid, or FailedPrecondition with everything that speaks against it.
    """
    check(cohort_violations(command.cohort_ids))
    series = lookup.lock_series(store, command.series_id)
    if command.cohort_ids:
        coming = [each for each in _counting(store, series) if is_to_come(each, store.now)]
        groups = store.replicas(Group, command.cohort_ids)
        sizes = store.cohort_sizes(series.run_id, command.cohort_ids)
        wrong = rotation_violations(series, coming, command.cohort_ids, groups, sizes)
        check_state("the rotation can't be planned", wrong)
    series = replace(series, cohort_ids=command.cohort_ids)
    store.put_series(series)
    return _rotate(store, series)


def even_out(store: Store, series_id: str) -> None:
    """Plan the rotation of a series again, if it has one, after sessions were cancelled."""
    series = store.series_for_update(series_id) if series_id else None
    if series is not None and series.cohort_ids:
        _rotate(store, series)


def _rotate(store: Store, series: Series) -> list[RotationClass]:
    """Store the cohorts of a series' sessions, and note those that changed; return all."""
    counted = {each.id: each for each in _counting(store, series)}
    cohorts = rotation([*counted.values()], series.cohort_ids, store.now)
    changed = [each for each, cohort in cohorts.items() if counted[each].cohort_id != cohort]
    for each in store.sessions_for_update(changed):
        counted[each.id] = replace(each, cohort_id=cohorts[each.id])
    store.put_sessions(counted[each] for each in changed)
    store.note_rotations(changed)
    return [RotationClass(each.id, each.start_time, each.cohort_id) for each in counted.values()]


def _counting(store: Store, series: Series) -> list[Session]:
    return counting(store.sessions_of_series(series.id))


def give_seats(store: Store, session_id: str) -> None:
    """Give seats in a session to its cohort, and take back those that were given to others; a few,
    until there is nothing to do. What is taken back goes to the cohort before anyone who waits.
    """
    session = lookup.lock_session(store, session_id)
    can_change = _can_change(store, session)
    gone = store.seats_of_other_cohorts(session, MOST) if can_change else []
    missing = store.cohort_without_seats(session, MOST) if can_change else []
    for before in gone:
        session = put_change(store, session, before, granted(session, before, None, store.now))
    for learner_id in missing:
        before = no_seat(session, learner_id)
        given = granted(session, before, SeatKind.IN_ROOM, store.now)
        session = put_change(store, session, before, replace(given, by_rotation=True))
    if gone or missing:
        fill(store, session)
    else:
        store.drop_rotation_notes(session_id)


def _can_change(store: Store, session: Session) -> bool:
    """Return whether seats may still be given: before the cut-off, in a run that goes on."""
    run = lookup.run_of(store, session)
    cutoff = lookup.policy_of(store, session).seat_cutoff
    is_over = run is not None and run.is_over(store.now)
    return is_to_come(session, store.now + cutoff) and not is_over
