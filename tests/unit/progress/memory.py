"""A store in memory, for tests of use cases without a server: one run, no concurrency."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from services.progress.domain.catch_ups import CatchUp
from services.progress.domain.enums import Key
from services.progress.domain.evidence import Evidence, latest
from services.progress.domain.falling_behind import ReasonKind
from services.progress.domain.judgement import RunSilence
from services.progress.domain.learner import Learner
from services.progress.domain.learner_run_state import LearnerRunState
from services.progress.domain.path import Path, Run
from services.progress.domain.plan import Plan
from services.progress.domain.plan_history import PlanHistory
from services.progress.domain.rebuilding import Rebuild
from services.progress.domain.reevaluations import ItemUpdate, Reevaluation
from services.progress.domain.sessions import Item, Session
from services.progress.domain.statements import Statement, Stored
from services.progress.domain.study_hours import StudyHours
from services.progress.domain.xapi.voiding import Link


class MemoryStore:
    """Progress's data in memory."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.events: list[object] = []
        self.stored: dict[str, Stored] = {}
        self.known: dict[type, dict[str, Any]] = defaultdict(dict)
        self.known_sessions: dict[str, Session] = {}
        self.histories: dict[str, PlanHistory] = {}
        self.learners: dict[Key, Learner] = {}
        self.totals: dict[str, int] = defaultdict(int)
        self.hours: dict[str, StudyHours] = {}
        self.voided_ids: set[str] = set()

    @property
    def system_now(self) -> datetime:
        """The same as `now`."""
        return self.now

    def record_event(self, *happened: object) -> None:
        """Keep the events."""
        self.events.extend(happened)

    def statements(self, ids: Iterable[str]) -> dict[str, Statement | None]:
        """Those that are stored."""
        return {each: self.stored[each].statement for each in ids if each in self.stored}

    def add_statements(self, statements: Sequence[Statement]) -> None:
        """Store statements now."""
        self.stored.update({each.id: Stored(each, self.now) for each in statements})

    def voided(self, ids: Iterable[str]) -> set[str]:
        """Those that a test has voided."""
        return self.voided_ids.intersection(ids)

    def statements_of(self, keys: Collection[Key]) -> dict[Key, list[Stored]]:
        """All statements of these learners that are not voided."""
        found: dict[Key, list[Stored]] = defaultdict(list)
        for id_, each in self.stored.items():
            key = each.statement.run_id, each.statement.learner_id
            if key in keys and id_ not in self.voided_ids:
                found[key].append(each)
        return found

    def rebuild_of(self, run_id: str) -> Rebuild | None:
        """The one that was put last."""
        return self.known[Rebuild].get(run_id)

    def put_rebuild(self, rebuild: Rebuild) -> None:
        """Keep it."""
        self.put_replicas([rebuild])

    def learners_after(self, run_id: str, learner_id: str, most: int) -> Sequence[Key]:
        """Learners of the run after one id."""
        return sorted(key for key in self.learners if key > (run_id, learner_id))[:most]

    def came_late(self, ids: Iterable[str]) -> list[str]:
        """None: nothing refers to another here."""
        return []

    def links(self, ids: Iterable[str]) -> dict[str, Link]:
        """None."""
        return {}

    def referrers(self, ids: Collection[str]) -> dict[str, Link]:
        """None."""
        return {}

    def put_links(self, before: Mapping[str, Link], after: Mapping[str, Link]) -> None:
        """Nothing is put."""

    def await_statements(self, ids: Collection[str]) -> None:
        """Nothing is awaited."""

    def taken_in(
        self, run_id: str, learner_ids: Collection[str], targets: Collection[str], until: datetime
    ) -> dict[str, list[Stored]]:
        """Statements of these learners on these targets, stored by then."""
        found: dict[str, list[Stored]] = defaultdict(list)
        for each in self.stored.values():
            said = each.statement
            named = {f"item:{said.item_id}", f"activity:{said.activity_id}"}
            about = said.run_id == run_id and said.learner_id in learner_ids
            about = about and said.id not in self.voided_ids
            if about and each.at <= until and named.intersection(targets):
                found[said.learner_id].append(each)
        return found

    def study_hours(self, learner_ids: Iterable[str]) -> dict[str, StudyHours]:
        """The hours that were told."""
        return {each: self.hours[each] for each in learner_ids if each in self.hours}

    def put_study_hours(self, hours: Iterable[StudyHours]) -> None:
        """Keep hours."""
        self.hours.update({each.id: each for each in hours})

    def places_of(self, learner_ids: Collection[str]) -> dict[Key, LearnerRunState]:
        """The run states of learners who are enrolled."""
        found = (each.run_state for each in self.learners.values())
        own = (each for each in found if each.learner_id in learner_ids and each.is_enrolled)
        return {each.key: each for each in own}

    def replicas(self, cls: type[Any], ids: Iterable[str]) -> dict[str, Any]:
        """The known replicas of a class."""
        return {each: self.known[cls][each] for each in ids if each in self.known[cls]}

    def put_replicas(self, replicas: Sequence[Any]) -> None:
        """Keep replicas."""
        for each in replicas:
            self.known[type(each)][each.id] = each

    def items(self, ids: Iterable[str]) -> dict[str, Item]:
        """The known items."""
        return self.replicas(Item, ids)

    def sessions(self, ids: Iterable[str]) -> dict[str, Session]:
        """The known sessions."""
        return {each: self.known_sessions[each] for each in ids if each in self.known_sessions}

    def sessions_recorded_as(self, item_ids: Iterable[str]) -> dict[str, Session]:
        """Sessions with these recordings."""
        among = set(item_ids)
        known = self.known_sessions.items()
        return {id_: each for id_, each in known if each.recording_item_id in among}

    def put_sessions(self, sessions: Iterable[Session]) -> None:
        """Keep sessions."""
        self.known_sessions.update({each.id: each for each in sessions})

    def note_ended(self, run_ids: Collection[str]) -> None:
        """Nothing."""

    def note_zone_data(self, run_ids: Collection[str]) -> list[str]:
        """None: the data stay as they are."""
        return []

    def runs_naming(self, item_ids: Collection[str]) -> set[str]:
        """Runs whose sessions name one of these items."""
        known = self.known_sessions.values()
        return {each.run_id for each in known if set(each.mentions).intersection(item_ids)}

    def plans(self, run_ids: Iterable[str]) -> dict[str, Plan]:
        """The plans of the known runs."""
        return {
            id_: Plan(
                run,
                self.known[Path].get(id_),
                {each.id: each for each in self.known_sessions.values() if each.run_id == id_},
                dict(self.known[Item]),
                self.histories.get(id_) or PlanHistory(id_),
            )
            for id_, run in self.replicas(Run, run_ids).items()
        }

    def plan_histories(self, run_ids: Iterable[str]) -> dict[str, PlanHistory]:
        """The known histories."""
        return {each: self.histories[each] for each in run_ids if each in self.histories}

    def put_plan_histories(self, histories: Iterable[PlanHistory]) -> None:
        """Keep histories."""
        self.histories.update({each.id: each for each in histories})

    def add_to_summaries(self, deltas: Mapping[str, Mapping[str, int]]) -> None:
        """Add to the only run's counts."""
        for counts in deltas.values():
            for name, count in counts.items():
                self.totals[name] += count

    def run_states(self, keys: Iterable[Key]) -> dict[Key, LearnerRunState]:
        """The known run states."""
        return {each: self.learners[each].run_state for each in keys if each in self.learners}

    def catch_up(self, catch_up_id: str) -> CatchUp | None:
        """A catch-up."""
        for learner in self.learners.values():
            for each in learner.catch_ups.values():
                if each.id == catch_up_id:
                    return each
        return None

    def catch_ups(self, keys: Iterable[Key]) -> dict[Key, list[CatchUp]]:
        """All catch-ups of some learners."""
        found = {each: list(self.learners[each].catch_ups.values()) for each in keys}
        return {key: own for key, own in found.items() if own}

    def evidence(self, wanted: Mapping[Key, Collection[str] | None]) -> dict[Key, list[Evidence]]:
        """The evidence on some targets; None: on all."""
        return {
            key: [
                each
                for each in self.learners[key].evidence.values()
                if targets is None or each.target in targets
            ]
            for key, targets in wanted.items()
            if key in self.learners
        }

    def save(self, before: Mapping[Key, Learner], after: Mapping[Key, Learner]) -> None:
        """Keep the differences."""
        for key, learner in after.items():
            assert key in before
            known = self.learners.get(key) or Learner(LearnerRunState(*key), {}, {})
            self.learners[key] = Learner(
                learner.run_state,
                {**known.evidence, **learner.evidence},
                {**known.catch_ups, **learner.catch_ups},
            )

    def reevaluations(self, run_ids: Iterable[str]) -> dict[str, Reevaluation]:
        """None: the tests evaluate learners themselves."""
        del run_ids
        return {}

    def next_reevaluation(self, at: datetime) -> str | None:
        """None."""
        del at
        return None

    def put_reevaluations(self, reevaluations: Iterable[Reevaluation]) -> None:
        """Use them up."""
        list(reevaluations)

    def remove_reevaluation(self, run_id: str) -> None:
        """Nothing."""

    def forget_older_versions(self, run_ids: Collection[str]) -> None:
        """Nothing."""

    def item_updates(self, item_ids: Collection[str]) -> list[ItemUpdate]:
        """None."""
        del item_ids
        return []

    def put_item_updates(self, news: Iterable[ItemUpdate]) -> None:
        """Use them up."""
        list(news)

    def remove_item_updates(self, item_ids: Collection[str]) -> None:
        """Nothing."""

    def learners_behind(
        self, run_id: str, asks: int, most: int, but: Collection[Key] = ()
    ) -> list[Key]:
        """Learners who were evaluated against an older version of the plan."""
        states = [each.run_state for each in self.learners.values()]
        behind = [each.key for each in states if each.plan_version < asks]
        return [key for key in behind if key[0] == run_id and key not in but][:most]

    def silences(self, run_ids: Collection[str]) -> dict[str, RunSilence]:
        """What was counted last."""
        return self.replicas(RunSilence, run_ids)

    def put_silences(self, silences: Iterable[RunSilence]) -> None:
        """Keep what was counted."""
        self.put_replicas(list(silences))

    def median_last_seen(self, run_id: str) -> datetime | None:
        """The lower median of all learners of the run who have not completed the path."""
        states = [each.run_state for (run, _), each in self.learners.items() if run == run_id]
        at_it = [each for each in states if each.is_enrolled and not each.path_completed_at]
        seen = [latest(each.last_seen_at, each.enrolled_at) for each in at_it]
        known = sorted(filter(None, seen))
        return known[(len(known) - 1) // 2] if known else None

    def note_verdict(self, kinds: Collection[ReasonKind]) -> None:
        """Nothing: no test of rules looks at metrics."""
