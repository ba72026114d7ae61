"""News of a class for some groups reach these groups, and nobody else."""

import itertools

import pytest
from tandem.catalog.v1 import events_pb2 as catalog

from chassis.contracts.events import Event
from tests.integration.notify.world import HOUR, World

DAY = 24 * HOUR
A, B = "group-a", "group-b"


def member(world: World, learner: str, *groups: str) -> Event[catalog.GroupMemberChanged]:
    """The event that a learner is in some groups from now."""
    told = catalog.GroupMemberChanged(
        enrolment_id=f"r1-{learner}", run_id="r1", learner_id=learner, group_ids=groups
    )
    told.changed_at.FromDatetime(world.clock.now())
    return world.event(told)


def schedule(world: World, *groups: str) -> None:
    """A class for some groups in two days."""
    told = world.scheduled(2 * DAY)
    told.group_ids.extend(groups)  # type: ignore[attr-defined]
    world.tell(told)


@pytest.fixture
def tutorials(world: World) -> World:
    """A run of ada in group A, bob in B, cyd in both, and dan in none; grace teaches."""
    world.people("ada", "bob", "cyd", "dan", "grace")
    world.run("ada", "bob", "cyd", "dan")
    for learner, groups in (("ada", (A,)), ("bob", (B,)), ("cyd", (A, B))):
        world.hear("notify.rosters", member(world, learner, *groups))
    return world


def test_a_cancelled_class_is_told_to_its_groups(tutorials: World) -> None:
    """And to who teaches it; of the whole run's class everyone is told."""
    schedule(tutorials, A)
    tutorials.clock.forward(hours=1)
    tutorials.tell(tutorials.cancelled(2 * DAY))
    tutorials.broadcast()
    assert tutorials.notified() == ["ada", "cyd", "grace"]
    tutorials.tell(
        tutorials.scheduled(2 * DAY, session_id="s2"),
        tutorials.cancelled(2 * DAY, session_id="s2"),
    )
    tutorials.broadcast()
    assert sorted(set(tutorials.notified())) == ["ada", "bob", "cyd", "dan", "grace"]


def test_reminders_reach_who_is_in_the_group_then(tutorials: World) -> None:
    """Who changed groups is reminded of the classes of the new one."""
    schedule(tutorials, B)
    tutorials.clock.forward(hours=12)
    tutorials.hear("notify.rosters", member(tutorials, "bob", A), member(tutorials, "dan", B))
    tutorials.clock.forward(hours=12)
    tutorials.remind()
    tutorials.broadcast()
    assert tutorials.notified("Reminder") == ["cyd", "dan"]


@pytest.mark.parametrize("late", [True, False])
def test_an_event_of_groups_that_comes_late_is_made_up_for(tutorials: World, late: bool) -> None:
    """Who was in the group when the class was cancelled is told, however late the event comes; who
    came into it after that is not.
    """
    schedule(tutorials, A)
    tutorials.clock.forward(hours=1)
    early = member(tutorials, "dan", A)
    tutorials.clock.forward(hours=1)
    if not late:
        tutorials.hear("notify.rosters", early)
    tutorials.tell(tutorials.cancelled(2 * DAY))
    tutorials.broadcast()
    tutorials.clock.forward(hours=1)
    tutorials.hear("notify.rosters", member(tutorials, "bob", A))
    if late:
        tutorials.hear("notify.rosters", early)
    tutorials.broadcast()
    assert tutorials.notified() == ["ada", "cyd", "dan", "grace"]


def test_groups_end_the_same_in_any_order(world: World) -> None:
    """The newest event of an enrolment decides."""
    world.people("ada")
    for place, order in enumerate(itertools.permutations(range(3))):
        learner = f"ada-{place}"
        told = [member(world, learner, *groups) for groups in ((A,), (A, B), (B,))]
        for each in order:
            world.hear("notify.rosters", told[each])
        [found] = world.database.reader().enrolments([f"r1-{learner}"]).values()
        assert (found.group_ids, found.groups_sequence) == ((B,), 3)
