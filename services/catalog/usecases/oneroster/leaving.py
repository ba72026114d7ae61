"""What a source takes back from its classes: students are withdrawn, staff leave."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from chassis.errors import NotFound
from chassis.staff import StaffMember
from services.catalog.domain.enrolments import Enrolment, closed_violations
from services.catalog.domain.oneroster.facts import STAFF_ROLES, EnrollmentFacts
from services.catalog.domain.oneroster.files import File
from services.catalog.domain.oneroster.rows import Link
from services.catalog.usecases.enrolments import Withdraw, withdraw
from services.catalog.usecases.groups import put_members
from services.catalog.usecases.lookup import get_run, lock_run
from services.catalog.usecases.oneroster.places import Places
from services.catalog.usecases.oneroster.work import Work, unnamed
from services.catalog.usecases.runs import put_staff


def staff_target(run_id: str, person_id: str) -> str:
    """Return what an external id of a member of staff names."""
    return f"{run_id}:{person_id}"


def remove_enrolments(work: Work) -> None:
    """Withdraw students and take staff out of runs. Staff of a closed run is refused."""
    leaving = []
    for row in work.rows:
        link = work.links[row.sourced_id]
        facts = _facts(link)
        run = None if facts.is_student or not link.owned else get_run(work.store, _run_id(link))
        if run and (violations := list(closed_violations(run))):
            work.refuse(row, violations)
        else:
            work.removed(row)
            leaving.append(link)
    let_go(work, leaving)


def let_go(work: Work, links: Sequence[Link]) -> None:
    """End what only these links brought: they are taken back, or mean something else now."""
    work.write()
    owned = [link for link in links if link.owned]
    gone = set(unnamed(work.store, File.ENROLLMENTS, owned))
    students = [link for link in owned if _facts(link).is_student]
    staff = [link for link in owned if not _facts(link).is_student]
    _leave_groups(work, students)
    _withdraw(work, sorted({link.of for link in students} & gone))
    _leave_staff(work, [link for link in staff if link.of in gone])


def _withdraw(work: Work, enrolment_ids: Sequence[str]) -> None:
    for enrolment in work.store.enrolments_of(enrolment_ids).values():
        command = Withdraw(run_id=enrolment.run_id, learner_id=enrolment.learner_id)
        try:
            withdraw(work.store, command)
        except NotFound:
            continue  # withdrawn by hand before


def _leave_groups(work: Work, links: Sequence[Link]) -> None:
    """Take learners out of the groups of classes that they left, also those who leave the run: if
    they come back, the source says into which groups.
    """
    left = _groups_left(work, links)
    present = work.store.enrolments_of(left)
    changes = [(each, _without(each, left[each.id])) for each in present.values()]
    put_members(work.store, [(was, now) for was, now in changes if was != now])


def _groups_left(work: Work, links: Sequence[Link]) -> dict[str, set[str]]:
    others = work.store.links_to(File.ENROLLMENTS, {link.of for link in links})
    staying = {(each.of, _facts(each).class_id) for each in others if not each.removed}
    places = Places(work, map(_facts, links))
    left: dict[str, set[str]] = defaultdict(set)
    for link in links:
        place = places.of(_facts(link))
        if place and place.group_id and (link.of, _facts(link).class_id) not in staying:
            left[link.of].add(place.group_id)
    return left


def _without(enrolment: Enrolment, group_ids: set[str]) -> Enrolment:
    kept = (each for each in enrolment.group_ids if each not in group_ids)
    return replace(enrolment, group_ids=tuple(kept))


def _leave_staff(work: Work, links: Sequence[Link]) -> None:
    """Take people out of the staff of runs; who got another role by hand stays."""
    of_runs: dict[str, list[Link]] = defaultdict(list)
    for link in links:
        of_runs[_run_id(link)].append(link)
    for run_id, leaving in sorted(of_runs.items()):
        run = lock_run(work.store, run_id)
        roles = {link.of: STAFF_ROLES.get(_facts(link).role) for link in leaving}

        def stays(member: StaffMember, run_id: str = run_id, roles: dict = roles) -> bool:  # type: ignore[type-arg]
            return roles.get(staff_target(run_id, member.person_id)) is not member.role

        staff = tuple(filter(stays, run.staff))
        if staff != run.staff:
            put_staff(work.store, run, staff)


def _run_id(link: Link) -> str:
    return link.of.partition(":")[0]


def _facts(link: Link) -> EnrollmentFacts:
    assert isinstance(link.facts, EnrollmentFacts)
    return link.facts
