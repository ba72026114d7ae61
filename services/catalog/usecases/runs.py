"""Opening, changing, closing and reopening runs."""

from dataclasses import fields, replace

from chassis.errors import check, check_state
from chassis.staff import StaffMember
from services.catalog.domain.enrolments import closed_violations
from services.catalog.domain.enums import Role, RunState
from services.catalog.domain.events import (
    RunClosed,
    RunFacts,
    RunOpened,
    RunReopened,
    RunStaffChanged,
    RunUpdated,
)
from services.catalog.domain.groups import staff_violations as groups_of_staff_violations
from services.catalog.domain.runs import (
    Course,
    OpenRun,
    Run,
    SetRunStaff,
    UpdateRun,
    in_order,
    open_violations,
    retired_violations,
    rules_with_defaults,
    staff_violations,
    unknown_instructors,
    unknown_staff,
    update_violations,
    updated,
    with_defaults,
)
from services.catalog.ports import Store
from services.catalog.usecases.lookup import get_course, lock_run, recounted
from services.catalog.usecases.waiting_list import promote_waiting


def open_run(store: Store, command: OpenRun) -> Run:
    """Open a run, and return it. Raises Invalid; NotFound if there is no such course;
    FailedPrecondition if it is retired, or if an instructor is not in the roster.
    """
    check(open_violations(command))
    course = get_course(store, command.course_id)
    check_state("no run can be opened", retired_violations(course))
    _check_instructors(store, command)
    run = Run(
        id=store.new_id(),
        course_id=course.id,
        term=command.term,
        title=command.title or course.title,
        delivery_mode=command.delivery_mode,
        zone=command.zone,
        start_date=command.start_date,
        end_date=command.end_date,
        capacity=command.capacity,
        instructor_ids=command.instructor_ids,
        policy=with_defaults(command.policy),
        enrolment=rules_with_defaults(command.enrolment),
        holidays=in_order(command.holidays),
    )
    store.put_run(run)
    store.record_event(_opened(_facts(run, course)))
    return run


def update_run(store: Store, command: UpdateRun) -> Run:
    """Change a run, and return it; free places go to the waiting list.

    Raises NotFound; Invalid; FailedPrecondition if the run is closed, or if too many learners wait
    for the new places.
    """
    before = lock_run(store, command.run_id)
    check_state("a closed run can't be changed", closed_violations(before))
    run = updated(before, command)
    check(update_violations(run))
    if run == before:
        return before
    run = promote_waiting(store, _with_counters(store, before, run))
    facts = _put(store, run)
    store.record_event(RunUpdated(run_id=run.id, run=facts, updated_at=store.now))
    return run


def tell_run(store: Store, run: Run) -> None:
    """Publish a run again, for services whose replica lacks some of it."""
    store.record_event(updated_event(store, run))


def updated_event(store: Store, run: Run) -> RunUpdated:
    """Return the event that tells a run's state."""
    facts = _facts(run, get_course(store, run.course_id))
    return RunUpdated(run_id=run.id, run=facts, updated_at=store.now)


def set_run_staff(store: Store, command: SetRunStaff) -> Run:
    """Replace the staff of a run, and return the run.

    Raises NotFound; Invalid if someone is named twice; FailedPrecondition if the run is closed, or
    if someone is not in the roster, or works with a group that the run does not have.
    """
    run = lock_run(store, command.run_id)
    check(staff_violations(command.staff))
    known = store.present_people(each.person_id for each in command.staff)
    groups = store.groups({each for member in command.staff for each in member.group_ids})
    violations = (
        *closed_violations(run),
        *unknown_staff(command.staff, known),
        *groups_of_staff_violations(run.id, command.staff, groups),
    )
    check_state("the staff can't be changed", violations)
    return run if command.staff == run.staff else put_staff(store, run, command.staff)


def put_staff(store: Store, run: Run, staff: tuple[StaffMember, ...]) -> Run:
    """Give a locked run another staff, and return it."""
    run = run.staffed(staff)
    facts = _put(store, run)
    store.record_event(RunStaffChanged(run_id=run.id, run=facts, changed_at=store.now))
    return run


def tell_staff(store: Store, run_id: str) -> None:
    """Publish a run's staff again, for services that did not hear of it. Raises NotFound."""
    run = lock_run(store, run_id)
    put_staff(store, run, run.staff)


def close_run(store: Store, run_id: str) -> Run:
    """Close a run, and return it; a closed run stays as it is. Raises NotFound."""
    run = lock_run(store, run_id)
    if run.state is RunState.CLOSED:
        return run
    run = replace(run, state=RunState.CLOSED, closed_at=store.now)
    facts = _put(store, run)
    store.record_event(RunClosed(run_id=run.id, run=facts, closed_at=store.now))
    return run


def reopen_run(store: Store, run_id: str) -> Run:
    """Open a closed run again, and return it; an open run stays as it is. Free places go to the
    waiting list. Raises NotFound.
    """
    run = lock_run(store, run_id)
    if run.state is RunState.OPEN:
        return run
    run = promote_waiting(store, replace(run, state=RunState.OPEN, closed_at=None))
    facts = _put(store, run)
    store.record_event(RunReopened(run_id=run.id, run=facts, reopened_at=store.now))
    return run


def _put(store: Store, run: Run) -> RunFacts:
    """Store a run that changed; return the facts for its event."""
    store.put_run(run)
    return _facts(run, get_course(store, run.course_id))


def _with_counters(store: Store, before: Run, run: Run) -> Run:
    """Return the run with the counters that its new capacity needs."""
    if run.is_limited == before.is_limited:
        return run
    if run.is_limited:
        return replace(recounted(store, run), limited_at=store.now)
    return replace(run, enrolled=0, waitlisted=0, limited_at=None)


def _check_instructors(store: Store, command: OpenRun) -> None:
    people = store.people(command.instructor_ids).values()
    known = {
        person.id
        for person in people
        if Role.INSTRUCTOR in person.roles and person.retired_at is None
    }
    check_state("instructors are not in the roster", unknown_instructors(command, known))


def _opened(facts: RunFacts) -> RunOpened:
    return RunOpened(**{each.name: getattr(facts, each.name) for each in fields(RunOpened)})


def _facts(run: Run, course: Course) -> RunFacts:
    return RunFacts(
        run_id=run.id,
        course_id=course.id,
        course_code=course.code,
        title=run.title,
        term=run.term,
        delivery_mode=run.delivery_mode,
        zone=run.zone,
        start_date=run.start_date,
        end_date=run.end_date,
        instructor_ids=run.instructor_ids,
        policy=run.policy,
        state=run.state,
        closed_at=run.closed_at,
        staff=run.staff,
        holidays=run.holidays,
    )
