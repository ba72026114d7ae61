"""The life of a timetable: asked for, solved, cancelled, or given to be applied."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from chassis.errors import FieldViolation, NotFound, check, check_state
from services.sessions.domain.conflicts import prefixed
from services.sessions.domain.planning import (
    group_violations,
    instructor_violations,
    late_violations,
    past_violations,
    unknown_violations,
)
from services.sessions.domain.roster import Group, Person, Run
from services.sessions.domain.timetable_events import failed_event, progressed, solved_event
from services.sessions.domain.timetable_plans import room_violations, trials
from services.sessions.domain.timetables import (
    APPLICABLE,
    CANCELLABLE,
    MOST_BEGINNINGS,
    Problem,
    Progress,
    Solution,
    Timetable,
    TimetableState,
    begun,
    ended,
    problem_violations,
    solved,
    state_violations,
)
from services.sessions.ports import Store


class TakenOver(Exception):
    """Another solver works on the timetable now, or it was cancelled."""


@dataclass(frozen=True, slots=True)
class SolveTimetable:
    """Search for a timetable."""

    problem: Problem


def solve(store: Store, command: SolveTimetable, creator: str, hosts: bool = False) -> Timetable:
    """Give a problem to the solvers, and return its timetable. `hosts`: there are meeting servers.

    Raises Invalid, or FailedPrecondition with everything that is unknown, closed or past.
    """
    problem = command.problem
    check(prefixed("problem.", problem_violations(problem, hosts)))
    unknown = prefixed("problem.", _unknown_violations(store, problem))
    check_state("the timetable can't be solved", unknown)
    timetable = Timetable(
        id=store.new_id(), problem=problem, created_by=creator, created_at=store.now
    )
    store.add_timetable(timetable)
    return timetable


def get(store: Store, timetable_id: str) -> Timetable:
    """Return a timetable. Raises NotFound."""
    found = store.timetable(timetable_id)
    if found is None:
        wrong = FieldViolation("timetable_id", f"{timetable_id!r} is unknown")
        raise NotFound("no such timetable", [wrong])
    return found


def request_apply(store: Store, timetable_id: str) -> Timetable:
    """Give a SOLVED timetable to be applied, and return it; return one that is, or was, as it is.

    Raises NotFound, and FailedPrecondition for any other state.
    """
    found = _locked(store, timetable_id)
    check_state("the timetable can't be applied", state_violations(found, *APPLICABLE))
    if found.state is TimetableState.SOLVED:
        found = replace(found, state=TimetableState.APPLYING, refusals=())
        store.give_timetable(found)
    return found


def cancel(store: Store, timetable_id: str) -> Timetable:
    """Cancel a timetable, and return it; its solver, if any, stops soon.

    Raises NotFound, and FailedPrecondition if it is applied or has failed.
    """
    found = _locked(store, timetable_id)
    check_state("the timetable can't be cancelled", state_violations(found, *CANCELLABLE))
    if found.state is not TimetableState.CANCELLED:
        found = ended(found, TimetableState.CANCELLED, store.now)
        store.end_timetable(found)
    return found


# What a solver does


def begin(store: Store, timetable_id: str, claim: str) -> Timetable:
    """Begin a search, and return its timetable; it has FAILED if too many searches were cut off.
    Raises TakenOver.
    """
    found = claimed(store, timetable_id, claim)
    if found.beginnings >= MOST_BEGINNINGS:
        why = f"its solvers ended {MOST_BEGINNINGS} times before they were done"
        return _failed(store, found, why)
    found = begun(found, store.now)
    store.put_timetable(found)
    return found


def note_progress(store: Store, timetable_id: str, claim: str, progress: Progress) -> Timetable:
    """Store a better timetable's cost, tell of it, and return the timetable. Raises TakenOver."""
    found = replace(claimed(store, timetable_id, claim), progress=progress)
    store.put_timetable(found)
    store.record_event(progressed(found))
    return found


def finish(store: Store, timetable_id: str, claim: str, solution: Solution) -> Timetable:
    """Store what a search found, and return the SOLVED timetable. Raises TakenOver."""
    found = solved(claimed(store, timetable_id, claim), solution, store.now)
    store.end_timetable(found)
    store.record_event(solved_event(found))
    return found


def fail(store: Store, timetable_id: str, claim: str, reason: str) -> Timetable:
    """Give up a search, and return the FAILED timetable. Raises TakenOver."""
    return _failed(store, claimed(store, timetable_id, claim), reason)


def claimed(store: Store, timetable_id: str, claim: str) -> Timetable:
    """Return a timetable on which a claim works. Raises TakenOver."""
    found = store.claimed_timetable(timetable_id, claim)
    if found is None:
        raise TakenOver(timetable_id)
    return found


def _failed(store: Store, timetable: Timetable, reason: str) -> Timetable:
    failed = replace(ended(timetable, TimetableState.FAILED, store.now), reason=reason)
    store.end_timetable(failed)
    store.record_event(failed_event(failed))
    return failed


def _locked(store: Store, timetable_id: str) -> Timetable:
    store.contends_for("timetable", timetable_id)
    return get(store, timetable_id)


def _unknown_violations(store: Store, problem: Problem) -> Iterator[FieldViolation]:
    """Yield everything that a problem names and that is unknown, closed or past."""
    yield from room_violations(problem, store.rooms(problem.room_ids))
    courses = problem.courses
    runs = store.replicas(Run, {each.run_id for each in courses})
    groups = store.replicas(Group, {group for each in courses for group in each.group_ids})
    people = store.replicas(Person, {each.instructor_id for each in courses})
    for place, course in enumerate(courses):
        first, last = trials(problem, course)
        run, person = runs.get(course.run_id), people.get(course.instructor_id)
        wrong = [
            *unknown_violations(first, run, None),
            *group_violations(first, groups),
            *instructor_violations(first, run, person),
            *past_violations(first, store.now),
            *late_violations(last, run),
        ]
        yield from prefixed(f"courses[{place}].", wrong)
