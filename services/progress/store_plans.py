"""Plans in MongoDB: their versions, the plans themselves, and pending re-evaluations.

A plan consists of a run, its path, its sessions and the items that they name. Every unit of work
that changes one of these writes a new version into `plans`. So the version that a unit of work
reads says whether a cached plan belongs to the same snapshot.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime

from pymongo import ASCENDING

from chassis.contracts.mapping import from_document, to_document
from services.progress.domain.path import Path, Run
from services.progress.domain.plan import Plan
from services.progress.domain.plan_history import PlanHistory
from services.progress.domain.reevaluations import ItemUpdate, Reevaluation
from services.progress.domain.sessions import Session
from services.progress.plan_cache import PlanCache
from services.progress.store_replicas import ReplicasStore

CACHE = PlanCache()


class PlansStore(ReplicasStore):
    """The part of the store with plans and re-evaluations."""

    @property
    def system_now(self) -> datetime:
        """Return the system's time, by which MongoDB ends transactions; `now` may be steered."""
        return datetime.now(UTC)

    def plans(self, run_ids: Iterable[str]) -> dict[str, Plan]:
        """Return the plans of those runs that are known. They are shared: don't change them."""
        wanted = set(run_ids)
        tags = self._tags(wanted)
        kept = CACHE.find(tags.values())
        built = self._built(run_id for run_id in wanted if tags.get(run_id) not in kept)
        # Outside a transaction, a plan that changes meanwhile is read as a mixture of versions.
        if built and (self.session or tags == self._tags(wanted)):
            CACHE.keep({tags[run_id]: plan for run_id, plan in built.items() if run_id in tags})
        return built | {run_id: kept[tag] for run_id, tag in tags.items() if tag in kept}

    def plan_histories(self, run_ids: Iterable[str]) -> dict[str, PlanHistory]:
        """Return the known plan histories, by run."""
        rows = self.find_by_ids("plans", run_ids)
        return {row["_id"]: from_document(row, PlanHistory) for row in rows}

    def put_plan_histories(self, histories: Iterable[PlanHistory]) -> None:
        """Store changed histories."""
        self._set("plans", (to_document(one) | {"tag": self.new_id()} for one in histories))

    def reevaluations(self, run_ids: Iterable[str]) -> dict[str, Reevaluation]:
        """Return the pending re-evaluations of these runs, by run."""
        rows = self.find_by_ids("plan_revisits", run_ids)
        return {row["_id"]: from_document(row, Reevaluation) for row in rows}

    def next_reevaluation(self, at: datetime) -> str | None:
        """Return the run whose re-evaluation has been due for longest at `at`."""
        query, order = {"turn_at": {"$lte": at}, **self._ready()}, [("turn_at", ASCENDING)]
        row = self["plan_revisits"].find_one(query, {"_id": 1}, sort=order, session=self.session)
        return row["_id"] if row else None

    def put_reevaluations(self, reevaluations: Iterable[Reevaluation]) -> None:
        """Store them."""
        self._set("plan_revisits", map(to_document, reevaluations))

    def remove_reevaluation(self, run_id: str) -> None:
        """Delete a re-evaluation that is done."""
        self["plan_revisits"].delete_one({"_id": run_id}, session=self.session)

    def changed_by_older_versions(self, most: int) -> list[str]:
        """Return runs whose plan was changed by a version of the service without histories."""
        return self._ids("revisits", {}, "_id", most)

    def forget_older_versions(self, run_ids: Collection[str]) -> None:
        """Delete the notes of changes by older versions, which were handled."""
        self["revisits"].delete_many({"_id": {"$in": list(run_ids)}}, session=self.session)

    def item_updates_until(self, at: datetime, most: int) -> list[str]:
        """Return items whose updates are due to be applied again at `at`."""
        return self._ids("item_news", {"again_at": {"$lte": at}}, "again_at", most)

    def item_updates(self, item_ids: Collection[str]) -> list[ItemUpdate]:
        """Return the updates of these items that are to be applied again."""
        return [from_document(row, ItemUpdate) for row in self.find_by_ids("item_news", item_ids)]

    def put_item_updates(self, news: Iterable[ItemUpdate]) -> None:
        """Store them."""
        self._set("item_news", map(to_document, news))

    def remove_item_updates(self, item_ids: Collection[str]) -> None:
        """Delete item updates that were applied again."""
        self["item_news"].delete_many({"_id": {"$in": list(item_ids)}}, session=self.session)

    def _tags(self, run_ids: Collection[str]) -> dict[str, str]:
        rows = self.find_by_ids("plans", run_ids, projection={"tag": 1})
        return {row["_id"]: row["tag"] for row in rows}

    def _built(self, run_ids: Iterable[str]) -> dict[str, Plan]:
        runs = self.replicas(Run, run_ids)
        if not runs:
            return {}
        paths, histories = self.replicas(Path, runs), self.plan_histories(runs)
        sessions = self._sessions_of(runs)
        named = {run_id: _named(paths.get(run_id), sessions[run_id]) for run_id in runs}
        items = self.items(set().union(*named.values()))
        return {
            run_id: Plan(
                run,
                paths.get(run_id),
                {each.id: each for each in sessions[run_id]},
                {each: items[each] for each in named[run_id] if each in items},
                histories.get(run_id) or PlanHistory(run_id),
            )
            for run_id, run in runs.items()
        }

    def _sessions_of(self, run_ids: Iterable[str]) -> Mapping[str, list[Session]]:
        found = defaultdict(list)
        query = {"run_id": {"$in": list(run_ids)}}
        for row in self["sessions"].find(query, session=self.session):
            found[row["run_id"]].append(from_document(row, Session))
        return found


def _named(path: Path | None, sessions: Iterable[Session]) -> set[str]:
    """Return all items that a run's plan names."""
    activities = path.activities if path else ()
    named = {each.item_id for each in activities if each.item_id}
    return named.union(*(session.mentions for session in sessions))
