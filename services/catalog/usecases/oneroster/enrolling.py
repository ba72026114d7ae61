"""Students and staff of a source's classes."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

from chassis.staff import StaffMember, StaffRole
from services.catalog.domain.enrolments import Enrolment, closed_violations, learner_violations
from services.catalog.domain.oneroster.facts import STAFF_ROLES, EnrollmentFacts
from services.catalog.domain.oneroster.files import File
from services.catalog.domain.oneroster.rows import ImportRow, Link, Result
from services.catalog.domain.runs import Run
from services.catalog.usecases.enrolments import Enrol, RowOutcome, enrol_in_runs
from services.catalog.usecases.groups import put_members
from services.catalog.usecases.lookup import lock_run
from services.catalog.usecases.oneroster.leaving import let_go, staff_target
from services.catalog.usecases.oneroster.places import Place, placed
from services.catalog.usecases.oneroster.work import Work
from services.catalog.usecases.runs import put_staff

Placed = tuple[ImportRow, EnrollmentFacts, Place]


def add_students(work: Work) -> None:
    """Enrol students. Who is in the run by hand is only linked."""
    rows, earlier = placed(work), _earlier(work)
    commands = [
        Enrol(run_id=place.run_id, learner_id=place.person_id, mode=work.options.mode)
        for _, _, place in rows
    ]
    outcomes = enrol_in_runs(work.store, commands)
    ours = work.ours(File.ENROLLMENTS, _were_in(outcomes))
    ours |= {each.enrolment.id for each in outcomes if each.enrolment and each.changed}
    groups: dict[str, set[str]] = defaultdict(set)
    for (row, facts, place), outcome in zip(rows, outcomes, strict=True):
        if outcome.enrolment is None:
            work.refuse(row, outcome.violations)
            continue
        enrolment_id = outcome.enrolment.id
        work.done(row, enrolment_id, enrolment_id in ours, parent=facts.user)
        if enrolment_id in ours:
            groups[enrolment_id].update(place.group_ids)
    let_go(work, earlier)
    _group(work, {each: group_ids for each, group_ids in groups.items() if group_ids})


def _were_in(outcomes: Iterable[RowOutcome]) -> list[str]:
    """Return the enrolments of learners who were in already."""
    return [each.enrolment.id for each in outcomes if each.enrolment and not each.changed]


def _earlier(work: Work) -> list[Link]:
    """Return what the rows of the chunk that change something were before."""
    changed = {row.sourced_id for row in work.rows if row.result is Result.CHANGED}
    return [link for each, link in work.links.items() if each in changed]


def _group(work: Work, wanted: Mapping[str, set[str]]) -> None:
    """Put learners into groups, by enrolment; each learner once."""
    present = work.store.enrolments_of(wanted)
    changes = [(each, _grouped(each, wanted[each.id])) for each in present.values()]
    put_members(work.store, [(was, now) for was, now in changes if was != now])


def _grouped(enrolment: Enrolment, group_ids: set[str]) -> Enrolment:
    return replace(enrolment, group_ids=tuple(sorted({*enrolment.group_ids, *group_ids})))


def add_staff(work: Work) -> None:
    """Make people staff of runs, each run once. Who is staff by hand is only linked."""
    rows, earlier = placed(work), _earlier(work)
    known = work.store.present_people({place.person_id for _, _, place in rows})
    of_runs: dict[str, list[Placed]] = defaultdict(list)
    for each in rows:
        of_runs[each[2].run_id].append(each)
    for run_id in sorted(of_runs):
        _staff_run(work, lock_run(work.store, run_id), of_runs[run_id], known)
    let_go(work, earlier)


def _staff_run(work: Work, run: Run, rows: list[Placed], known: set[str]) -> None:
    members = {member.person_id: member for member in run.staff}
    targets = [staff_target(run.id, place.person_id) for _, _, place in rows]
    ours = work.ours(File.ENROLLMENTS, targets)
    for (row, facts, place), target in zip(rows, targets, strict=True):
        unknown = () if place.person_id in known else learner_violations(place.person_id)
        if violations := [*closed_violations(run), *unknown]:
            work.refuse(row, violations)
            continue
        before = members.get(place.person_id)
        owned = before is None or target in ours
        ours |= {target} if owned else set()
        work.done(row, target, owned, parent=facts.user)
        if owned:
            role, again = STAFF_ROLES[facts.role], row.result is Result.CHANGED
            members[place.person_id] = _member(place, role, before, again)
    staff = tuple(members.values())
    if staff != run.staff:
        put_staff(work.store, run, staff)


def _member(place: Place, role: StaffRole, before: StaffMember | None, again: bool) -> StaffMember:
    """Return a member of staff. Of two roles of a person in a run the higher counts, unless a row
    changes it; the groups are those of all rows.
    """
    group_ids = place.group_ids
    if before is not None:
        role = before.role if before.role.includes(role) and not again else role
        group_ids = tuple(sorted({*before.group_ids, *place.group_ids}))
    return StaffMember(person_id=place.person_id, role=role, group_ids=group_ids)
