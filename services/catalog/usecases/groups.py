"""Creating, renaming and retiring groups of a run, and putting learners into them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from chassis.errors import AlreadyExists, FieldViolation, NotFound, check, check_state
from chassis.texts import normal
from services.catalog.domain.enrolments import Enrolment, closed_violations
from services.catalog.domain.events import GroupChanged, GroupMemberChanged
from services.catalog.domain.groups import (
    AssignGroup,
    CreateGroup,
    Group,
    UpdateGroup,
    name_violations,
    retired_violations,
    twice_violations,
    unknown_violations,
)
from services.catalog.ports import Store
from services.catalog.usecases.lookup import get_run, lock_enrolment


def create_group(store: Store, command: CreateGroup) -> Group:
    """Create a group, and return it. Raises Invalid; NotFound; FailedPrecondition if the run is
    closed; AlreadyExists if it has a group of that name.
    """
    group = Group(id=store.new_id(), run_id=command.run_id, name=normal(command.name))
    return _renamed(store, group)


def update_group(store: Store, command: UpdateGroup) -> Group:
    """Rename a group, and return it. Raises as `create_group`."""
    before = _lock_group(store, command.run_id, command.group_id)
    group = replace(before, name=normal(command.name))
    return before if group == before else _renamed(store, group)


def retire_group(store: Store, run_id: str, group_id: str) -> Group:
    """Take a group out of use, and return it; a retired one stays as it is. Raises NotFound."""
    group = _lock_group(store, run_id, group_id)
    if group.retired_at is not None:
        return group
    return _kept(store, replace(group, retired_at=store.now))


def assign_group(store: Store, command: AssignGroup) -> Enrolment:
    """Put a learner into some groups and out of all others, and return the enrolment.

    Raises Invalid if a group is named twice; NotFound if the learner or a group is not in the run;
    FailedPrecondition if the run is closed, or if the learner would come into a retired group.
    """
    check(twice_violations(command.group_ids))
    run = get_run(store, command.run_id)
    before = lock_enrolment(store, run.id, command.learner_id)
    known = store.groups(command.group_ids)
    unknown = [*unknown_violations(run.id, command.group_ids, known)]
    if unknown:
        raise NotFound("the learner can't be put into these groups", unknown)
    retired = retired_violations(before, command.group_ids, known)
    check_state("the groups can't be changed", (*closed_violations(run), *retired))
    enrolment = replace(before, group_ids=tuple(sorted(command.group_ids)))
    if enrolment == before:
        return before
    put_members(store, [(before, enrolment)])
    return enrolment


def put_members(store: Store, changes: Sequence[tuple[Enrolment, Enrolment]]) -> None:
    """Store enrolments whose groups changed, each given as it was and as it is."""
    store.put_enrolments([after for _, after in changes])
    store.record_event(
        *(
            GroupMemberChanged(
                enrolment_id=after.id,
                run_id=after.run_id,
                learner_id=after.learner_id,
                from_group_ids=before.group_ids,
                group_ids=after.group_ids,
                changed_at=store.now,
            )
            for before, after in changes
        )
    )


def use_group_again(store: Store, run_id: str, group_id: str) -> Group:
    """Take a retired group back into use, and return it; another one stays as it is. Raises
    NotFound.
    """
    group = _lock_group(store, run_id, group_id)
    return group if group.retired_at is None else _kept(store, replace(group, retired_at=None))


def _lock_group(store: Store, run_id: str, group_id: str) -> Group:
    store.contends_for("group", group_id)
    group = store.group(group_id)
    if group is None or group.run_id != run_id:
        raise NotFound(f"run {run_id!r} has no group {group_id!r}")
    return group


def _renamed(store: Store, group: Group) -> Group:
    """Store a group with a new name."""
    check(name_violations(group.name))
    run = get_run(store, group.run_id)
    check_state("the group can't be changed", closed_violations(run))
    twin = store.group_named(run.id, group.name)
    if twin is not None and twin.id != group.id:
        wrong = f"run {run.id!r} has a group {twin.name!r}"
        violation = FieldViolation("name", wrong, "a name that no group of the run has")
        raise AlreadyExists("the group's name is taken", [violation])
    return _kept(store, group)


def _kept(store: Store, group: Group) -> Group:
    store.put_group(group)
    store.record_event(changed(group, store.now))
    return group


def changed(group: Group, now: datetime) -> GroupChanged:
    """Return the event that tells a group's state."""
    return GroupChanged(
        group_id=group.id,
        run_id=group.run_id,
        name=group.name,
        retired_at=group.retired_at,
        changed_at=now,
    )
