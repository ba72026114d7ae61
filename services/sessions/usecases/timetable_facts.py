"""What is known here about a timetable's problem."""

from collections.abc import Mapping

from services.sessions.domain.audiences import Counted
from services.sessions.domain.session import Room
from services.sessions.domain.timetable_problem import Audience, Facts, audience_of
from services.sessions.domain.timetable_teachers import times_of
from services.sessions.domain.timetables import Problem
from services.sessions.ports import Store

Shared = Mapping[Audience, Counted]


def gather(store: Store, problem: Problem, shared: Shared | None = None) -> Facts:
    """Return the facts about a problem. `shared`: learners that were counted a moment ago."""
    return Facts(
        rooms=rooms_of(store, problem),
        calendar=store.overlapping([problem.grid.span]),
        teachers={
            each.person_id: times_of(each, problem.grid)
            for each in store.availabilities({each.instructor_id for each in problem.courses})
        },
        counted=store.audiences({each.run_id for each in problem.courses}),
        shared=shared_learners(store, problem) if shared is None else shared,
    )


def rooms_of(store: Store, problem: Problem) -> list[Room]:
    """Return the rooms in use that a problem may have, the smallest first."""
    every = store.rooms_with(0)
    return [each for each in every if not problem.room_ids or each.id in problem.room_ids]


def shared_learners(store: Store, problem: Problem) -> Shared:
    """Return how many learners of each audience are expected in each run.

    It reads the roster of every run of the problem: a second for some ten thousand enrolments.
    """
    audiences = {audience_of(each) for each in problem.courses}
    return {each: store.shared_learners(*each) for each in sorted(audiences)}
