"""Applying a timetable: all its classes are planned in one unit of work, or none."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from chassis.errors import FieldViolation, Invalid
from services.sessions.domain.audiences import learner_violations
from services.sessions.domain.conflicts import conflict_violations, prefixed
from services.sessions.domain.online import is_online, online_violations
from services.sessions.domain.planning import (
    group_violations,
    instructor_violations,
    late_violations,
    past_violations,
    unknown_violations,
)
from services.sessions.domain.roster import Group, Person, Run
from services.sessions.domain.series import prefix
from services.sessions.domain.session import Room, Session
from services.sessions.domain.timetable_plans import change_violations, cut, series_of
from services.sessions.domain.timetable_problem import Facts, audience_of
from services.sessions.domain.timetables import PlacedClass, Timetable, TimetableState, ended
from services.sessions.ports import Instances, Store
from services.sessions.usecases import placing, series
from services.sessions.usecases.limits import Limits
from services.sessions.usecases.series import Plan
from services.sessions.usecases.timetable_facts import Shared, gather, shared_learners
from services.sessions.usecases.timetables import claimed

Sessions = Mapping[str, Session]


class Outdated(Exception):
    """A room has changed since the plans were prepared."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What takes long, and needs no lock: it is done before the transaction."""

    rooms: Mapping[str, Room]
    plans: Sequence[Plan]
    """The series of each class; some are missing if something is against them."""
    refusals: Sequence[FieldViolation]
    """Why some classes have no series: the clocks skip a start."""
    shared: Shared
    """The learners in common. Planning locks no learners, either."""


def prepare(store: Store, instances: Instances, timetable: Timetable) -> Prepared:
    """Return the series of a timetable's classes, which nobody has stored or checked."""
    rooms = _rooms(store, timetable)
    plans, wrong = list[Plan](), list[FieldViolation]()
    for place, each in enumerate(timetable.classes):
        command = series_of(timetable.problem, each)
        try:
            # whether classes need a URL was checked when the timetable was asked for
            plans.append(series.plan(store, instances, command, rooms.get(each.room_id), True))
        except Invalid as error:
            wrong += prefixed(f"classes[{place}].", error.violations)
    return Prepared(rooms, plans, wrong, shared_learners(store, timetable.problem))


def apply(
    store: Store, timetable_id: str, claim: str, prepared: Prepared, online_limit: int = 0
) -> Timetable:
    """Plan the classes of a timetable as series, and return it APPLIED; or SOLVED with everything
    that has changed since then, and nothing planned.

    Raises TakenOver, and Outdated if it is to be prepared anew.
    """
    found = claimed(store, timetable_id, claim)
    limits = Limits(found.problem.max_learner_clashes, online_limit)
    plans = prepared.plans
    placing.lock_resources(store, (each for _, of_one in plans for each in of_one), limits)
    facts = gather(store, found.problem, prepared.shared)
    refusals = [*prepared.refusals, *change_violations(found.problem, facts, found.classes)]
    if len(plans) == len(found.classes):
        refusals += _Checks(store, found, plans, facts, limits).violations()
    if refusals:
        after = replace(ended(found, TimetableState.SOLVED, store.now), refusals=cut(refusals))
    elif _rooms(store, found) != prepared.rooms:
        raise Outdated(timetable_id)
    else:
        series.put_plans(store, plans)
        applied = ended(found, TimetableState.APPLIED, store.now)
        after = replace(applied, classes=_named(found, plans))
    store.end_timetable(after)
    return after


def refuse(store: Store, timetable_id: str, claim: str, wrong: FieldViolation) -> Timetable:
    """Return a timetable that can't be applied, SOLVED again. Raises TakenOver."""
    found = claimed(store, timetable_id, claim)
    after = replace(ended(found, TimetableState.SOLVED, store.now), refusals=(wrong,))
    store.end_timetable(after)
    return after


def _rooms(store: Store, timetable: Timetable) -> dict[str, Room]:
    return {each.id: each for each in store.rooms({each.room_id for each in timetable.classes})}


def _named(timetable: Timetable, plans: Sequence[Plan]) -> tuple[PlacedClass, ...]:
    """Return the classes of a timetable with their series."""
    pairs = zip(timetable.classes, plans, strict=True)
    return tuple(replace(each, series_id=of_one[0].id) for each, of_one in pairs)


class _Checks:
    """The rules of planning on many series at once, with one query for each kind of thing."""

    def __init__(
        self,
        store: Store,
        timetable: Timetable,
        plans: Sequence[Plan],
        facts: Facts,
        limits: Limits,
    ) -> None:
        self._store, self._timetable, self._plans = store, timetable, plans
        self._facts, self._limits = facts, limits
        courses = timetable.problem.courses
        self._runs = store.replicas(Run, {each.run_id for each in courses})
        self._people = store.replicas(Person, {each.instructor_id for each in courses})
        groups = {group for each in courses for group in each.group_ids}
        self._groups = store.replicas(Group, groups)
        new = [each for _, of_one in plans for each in of_one]
        self._every = [*facts.calendar, *new]
        self._in_room = _by(self._every, "room_id")
        self._of_teacher = _by(self._every, "instructor_id")
        self._of_run = _by(self._every, "run_id")

    def violations(self) -> Iterator[FieldViolation]:
        """Yield everything that is against planning the series."""
        for place, (_, sessions) in enumerate(self._plans):
            by_prefix = {prefix(number): each for number, each in enumerate(sessions)}
            wrong = [*self._of_one(sessions[-1]), *self._of_times(place, by_prefix)]
            yield from prefixed(f"classes[{place}].", wrong)
        yield from self._online()

    def _of_one(self, last: Session) -> Iterator[FieldViolation]:
        """Yield what is against the last session of a series, whatever else is planned."""
        run, person = self._runs.get(last.run_id), self._people.get(last.instructor_id)
        room: Room | None = next((r for r in self._facts.rooms if r.id == last.room_id), None)
        # A room that is missing or retired is told as a change.
        if room is not None:
            yield from unknown_violations(last, run, room)
        yield from group_violations(last, self._groups)
        yield from instructor_violations(last, run, person)
        yield from late_violations(last, run)

    def _of_times(self, place: int, sessions: Sessions) -> Iterator[FieldViolation]:
        """Yield what is against the times of a series."""
        for before, session in sessions.items():
            yield from prefixed(before, past_violations(session, self._store.now))
        first = next(iter(sessions.values()))
        booked = [*self._in_room[first.room_id], *self._of_teacher[first.instructor_id]]
        yield from conflict_violations(sessions, _others(sessions, booked))
        course = self._timetable.problem.courses[self._timetable.classes[place].course]
        shared = self._facts.shared.get(audience_of(course), {})
        beside = (each for run_id in shared for each in self._of_run[run_id])
        most = self._limits.learner_clashes
        yield from learner_violations(sessions, _others(sessions, beside), shared, most)

    def _online(self) -> Iterator[FieldViolation]:
        """Yield each session that needs too many of the installation's seats online."""
        online = {
            f"classes[{place}].{prefix(number)}": each
            for place, (_, sessions) in enumerate(self._plans)
            for number, each in enumerate(sessions)
            if is_online(each)
        }
        if self._limits.online_seats and online:
            counted = self._store.audiences({each.run_id for each in self._every})
            others = self._facts.calendar
            yield from online_violations(online, others, counted, self._limits.online_seats)


def _by(sessions: Iterable[Session], name: str) -> defaultdict[str, list[Session]]:
    found: defaultdict[str, list[Session]] = defaultdict(list)
    for each in sessions:
        found[getattr(each, name)].append(each)
    return found


def _others(sessions: Sessions, found: Iterable[Session]) -> list[Session]:
    """Return sessions, each once, that are none of a series."""
    own = {each.id for each in sessions.values()}
    return [*{each.id: each for each in found if each.id not in own}.values()]
