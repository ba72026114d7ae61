"""Finding the clashes of learners after what they follow from has changed.

Who changes an enrolment or a session notes a check in the same unit of work. A check is done in a
unit of work of its own, which sees all that was committed with it or before: so of an enrolment
and a plan at the same moment, the later check sees both.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, fields, replace

from services.sessions.domain.clash_events import ClashFound, ClashResolved
from services.sessions.domain.clashes import (
    Clash,
    Pair,
    both_sides,
    clashing_pairs,
    sessions_for,
)
from services.sessions.domain.enums import Interval
from services.sessions.domain.roster import Enrolment
from services.sessions.domain.session import Session
from services.sessions.ports import Store

MOST = 200
"""Checks that are done in one unit of work."""


def do_checks(store: Store) -> bool:
    """Do the next checks; return False if there is none.

    A check of a session notes one for each learner whom it may concern.
    """
    learners, sessions = store.take_clash_checks(MOST)
    for session_id in sessions:
        store.note_clash_checks(learners=_concerned(store, session_id))
    if learners:
        _check_learners(store, learners)
    return bool(learners or sessions)


def _concerned(store: Store, session_id: str) -> set[str]:
    """Return the learners who had clashes with a session, and those who may have some now."""
    found = store.learners_with_clashes(session_id)
    session = store.session_by_id(session_id)
    if session is None:
        return found
    span = Interval(session.start_time, session.end_time)
    others = [each for each in store.overlapping([span]) if each.id != session_id]
    found |= {who for _, who in store.help_places([session, *others])}
    if session.is_help:
        return found
    runs = {each.run_id for each in others}
    return found | store.learners_in_both(session.run_id, session.group_ids, runs)


def _check_learners(store: Store, learner_ids: Collection[str]) -> None:
    """Store and tell the clashes of some learners that are new, and those that are gone."""
    store.lock(*(f"clashes:{each}" for each in learner_ids))
    known: dict[str, dict[object, Clash]] = defaultdict(dict)
    for each in store.clashes_of(learner_ids):
        known[each.learner_id][each.key] = each
    for learner_id, pairs in _pairs(store, learner_ids).items():
        sides = (side for pair in pairs for side in both_sides(learner_id, pair, store.now))
        _change(store, known[learner_id], {each.key: each for each in sides})


def _change(store: Store, before: Mapping[object, Clash], after: Mapping[object, Clash]) -> None:
    gone = [each for key, each in before.items() if key not in after]
    kept = [
        replace(each, found_at=before[key].found_at if key in before else each.found_at)
        for key, each in after.items()
    ]
    store.drop_clashes(gone)
    store.put_clashes([each for each in kept if before.get(each.key) != each])
    store.record_event(
        *(_event(each, ClashResolved, resolved_at=store.now) for each in gone if each.first),
        *(_event(each, ClashFound) for each in kept if each.first and each.key not in before),
    )


def _event(clash: Clash, event: type, **more: object) -> object:
    names = [each.name for each in fields(event) if each.name not in more]
    return event(**{name: getattr(clash, name) for name in names}, **more)


@dataclass(slots=True)
class _Plans:
    """The coming sessions of some runs; the pairs are found once for learners of one timetable."""

    by_run: Mapping[str, Sequence[Session]]
    pairs: dict[object, list[Pair]] = field(default_factory=dict)

    def pairs_of(self, enrolments: Sequence[Enrolment], seated: Set[str]) -> list[Pair]:
        """Return the pairs of sessions that clash for a learner with these enrolments, and with
        seats in these help sessions.
        """
        every = (each for of in enrolments for each in self.by_run.get(of.run_id, ()))
        sessions = sessions_for(enrolments, every, seated)
        timetable = frozenset(each.id for each in sessions)
        if timetable not in self.pairs:
            self.pairs[timetable] = clashing_pairs(sessions)
        return self.pairs[timetable]


def _pairs(store: Store, learner_ids: Collection[str]) -> dict[str, list[Pair]]:
    """Return the pairs of sessions that clash, by learner."""
    enrolments: dict[str, list[Enrolment]] = {each: [] for each in learner_ids}
    for each in store.enrolments_of(learner_ids):
        enrolments[each.learner_id].append(each)
    runs = {each.run_id for of in enrolments.values() for each in of}
    coming = store.coming_sessions(runs)
    seated: dict[str, set[str]] = defaultdict(set)
    for session_id, learner_id in store.help_places(coming, learner_ids):
        seated[learner_id].add(session_id)
    plans = _Plans(_by_run(coming))
    return {who: plans.pairs_of(of, seated[who]) for who, of in enrolments.items()}


def _by_run(sessions: Iterable[Session]) -> dict[str, list[Session]]:
    found: dict[str, list[Session]] = defaultdict(list)
    for each in sessions:
        found[each.run_id].append(each)
    return found
