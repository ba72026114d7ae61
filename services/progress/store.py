"""Progress's documents in MongoDB: statements, learners, what is to be done.

| collection | one document is | its id |
|---|---|---|
| statements | a statement as it was taken in | the statement's |
| standings | a learner in a run | run and learner |
| evidence | what a learner's statements come to, for one target | run, learner, target |
| catch_ups | a catch-up | made of session and learner |
| summaries | what one writer adds to a run's counts: their sum is the run's | run and writer |
| plans | the version of a run's plan (store_plans.py) | run |
| plan_revisits | a run whose learners are to be evaluated again | run |
| item_news | an item of which the runs that name it are told once more | item |
| people, runs, paths, sessions, items | copies of others' things (store_copies.py) | theirs |

What units of work may lose a race for is one learner's standing, or one run's plan. Each writes
summaries in its own name (`Store.writer`): the queue that it works for, or the timer.

Ids of several parts are documents: texts joined by a sign could be made to collide.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from pymongo import ASCENDING, ReplaceOne, UpdateOne

from chassis.mapping import from_document, to_document
from chassis.pages import Page, find_page
from services.progress.domain.catch_ups import CatchUp
from services.progress.domain.evidence import Evidence
from services.progress.domain.standing import Standing
from services.progress.domain.statements import Recorded, Statement
from services.progress.domain.views import RunSummary
from services.progress.domain.words import CatchUpState, EnrolmentState, Key
from services.progress.migrations import MIGRATIONS
from services.progress.ports import Deltas
from services.progress.store_copies import Document
from services.progress.store_plans import PlansStore

COUNTED = tuple(each.name for each in fields(RunSummary) if each.name != "run_id")
OPEN = {"state": CatchUpState.ASSIGNED.value, "dropped": False}


class ProgressStore(PlansStore):
    """One unit of work's view of progress's database."""

    service = "progress"
    migrations = MIGRATIONS

    # Statements

    def statements(self, ids: Iterable[str]) -> dict[str, Statement]:
        """Those that are stored, by id."""
        rows = self["statements"].find({"_id": {"$in": list(ids)}}, session=self.session)
        return {row["_id"]: from_document(row, Statement) for row in rows}

    def add_statements(self, statements: Sequence[Statement]) -> None:
        """Store new statements, with the time at which they were taken in."""
        rows = [to_document(each) | {"stored_at": self.now} for each in statements]
        if rows:
            self["statements"].insert_many(rows, ordered=False, session=self.session)

    def taken_in(
        self, run_id: str, learner_ids: Collection[str], targets: Collection[str], until: datetime
    ) -> dict[str, Recorded]:
        """By learner, the statements about some targets in a run that were taken in by then."""
        # Each alternative has an index of its own.
        whose = {
            "learner_id": {"$in": list(learner_ids)},
            "run_id": run_id,
            "stored_at": {"$lte": until},
        }
        named: Mapping[str, list[str]] = {"activity_id": [], "item_id": []}
        for target in targets:
            field, name = _named(target)
            named[field].append(name)
        query = {"$or": [{**whose, field: {"$in": names}} for field, names in named.items()]}
        rows = defaultdict(list)
        for row in self["statements"].find(query, session=self.session):
            rows[row["learner_id"]].append(row)
        return {learner_id: _recorded(own) for learner_id, own in rows.items()}

    # Summaries

    def add_to_summaries(self, deltas: Deltas) -> None:
        """Bring the runs' summaries up to date: in rows of our own, which nobody else writes."""
        writes = [
            UpdateOne(
                {"_id": {"run_id": run_id, "writer": self.writer}},
                {"$inc": increase, "$setOnInsert": {"run_id": run_id}},
                upsert=True,
            )
            for run_id, counts in deltas.items()
            if (increase := {name: count for name, count in counts.items() if count})
        ]
        if writes:
            self["summaries"].bulk_write(writes, ordered=False, session=self.session)

    def summary(self, run_id: str) -> RunSummary:
        """A run's summary, of all its rows; all zeros while nothing was counted."""
        # An older version of the service keeps one row, whose id is the run.
        query = {"$or": [{"run_id": run_id}, {"_id": run_id}]}
        total: Counter[str] = Counter()
        for row in self["summaries"].find(query, session=self.session):
            total.update({name: row.get(name, 0) for name in COUNTED})
        return RunSummary(run_id, **total)

    # Learners

    def standings(self, keys: Iterable[Key]) -> dict[Key, Standing]:
        """Those that are known."""
        query = {"_id": {"$in": [_id(*key) for key in keys]}}
        rows = self["standings"].find(query, session=self.session)
        return {each.key: each for each in (from_document(row, Standing) for row in rows)}

    def catch_ups(self, keys: Iterable[Key]) -> dict[Key, list[CatchUp]]:
        """All catch-ups of these learners in these runs."""
        wanted, found = list(keys), defaultdict(list)
        if wanted:
            for row in self["catch_ups"].find(_owned_by(wanted), session=self.session):
                found[row["run_id"], row["learner_id"]].append(from_document(row, CatchUp))
        return found

    def evidence(self, wanted: Mapping[Key, Collection[str] | None]) -> dict[Key, list[Evidence]]:
        """The evidence for the targets named of each learner; None: all of it."""
        named = [_id(*key, target) for key, all_ in wanted.items() for target in all_ or ()]
        queries = [{"_id": {"$in": named}}] if named else []
        queries += _by_run(key for key, targets in wanted.items() if targets is None)
        found = defaultdict(list)
        for query in queries:
            for row in self["evidence"].find(query, session=self.session):
                found[row["run_id"], row["learner_id"]].append(from_document(row, Evidence))
        return found

    def save(
        self,
        standings: Sequence[Standing],
        evidence: Sequence[Evidence],
        catch_ups: Sequence[CatchUp],
    ) -> None:
        """Keep what is new or changed."""
        self._replace("standings", [to_document(one) | {"_id": _id(*one.key)} for one in standings])
        self._replace(
            "evidence",
            [
                to_document(one) | {"_id": _id(one.run_id, one.learner_id, one.target)}
                for one in evidence
            ],
        )
        self._replace(
            "catch_ups",
            [to_document(one) | {"owner": _id(one.run_id, one.learner_id)} for one in catch_ups],
        )

    # What is to be done

    def learners_behind(
        self, run_id: str, asks: int, most: int, but: Collection[Key] = ()
    ) -> list[Key]:
        """Learners of a run who were evaluated against an older version of its plan last."""
        # Not `$lt`: what an older version of the service wrote has none.
        query: Document = {"run_id": run_id, "plan_version": {"$not": {"$gte": asks}}}
        query |= _without(but)
        rows = self["standings"].find(query, {"learner_id": 1}, session=self.session)
        return [(run_id, row["learner_id"]) for row in rows.limit(most)]

    def overdue_catch_ups(self, most: int, but: Collection[Key] = ()) -> list[Key]:
        """Whose open catch-ups have passed their due, the longest ago first."""
        query = {**OPEN, "due": {"$lt": self.now}, **_without(but)}
        rows = self["catch_ups"].find(query, session=self.session).sort("due", ASCENDING)
        return [(row["run_id"], row["learner_id"]) for row in rows.limit(most)]

    # What is told

    def standings_page(self, run_id: str, page: Page) -> tuple[list[Standing], str]:
        """The run's enrolled learners, and the token of the next page."""
        query = {"run_id": run_id, "state": EnrolmentState.ENROLLED.value}
        rows, token = find_page(self["standings"], query, [("learner_id", 1)], page, self.session)
        return [from_document(row, Standing) for row in rows], token

    def enrolments(self, learner_id: str) -> list[Standing]:
        """A learner's standings in the runs in which the learner holds a place."""
        query = {"learner_id": learner_id, "state": EnrolmentState.ENROLLED.value}
        rows = self["standings"].find(query, session=self.session)
        return [from_document(row, Standing) for row in rows]

    def catch_ups_page(self, run_id: str, learner_id: str, page: Page) -> tuple[list[CatchUp], str]:
        """Catch-ups of a run, a learner, or both, by due, and the token of the next page."""
        named = {"run_id": run_id, "learner_id": learner_id}
        query = {"dropped": False, **{name: value for name, value in named.items() if value}}
        order = [("due", 1), ("_id", 1)]
        rows, token = find_page(self["catch_ups"], query, order, page, self.session)
        return [from_document(row, CatchUp) for row in rows], token

    def catch_ups_due(
        self, learner_id: str, from_time: datetime, until_time: datetime
    ) -> list[CatchUp]:
        """A learner's catch-ups that are due in a stretch of time."""
        due = {"$gte": from_time, "$lt": until_time}
        query = {"learner_id": learner_id, "due": due, "dropped": False}
        rows = self["catch_ups"].find(query, session=self.session)
        return [from_document(row, CatchUp) for row in rows]

    def _replace(self, collection: str, documents: Sequence[Document]) -> None:
        writes = [ReplaceOne({"_id": one["_id"]}, one, upsert=True) for one in documents]
        if writes:
            self[collection].bulk_write(writes, ordered=False, session=self.session)


def _id(run_id: str, learner_id: str, target: str = "") -> Document:
    key: dict[str, Any] = {"run_id": run_id, "learner_id": learner_id}
    return {**key, "target": target} if target else key


def _owned_by(keys: Sequence[Key]) -> Document:
    """A query for learners in runs, however many runs: one look-up for each learner."""
    by_owner = {"owner": {"$in": [_id(*key) for key in keys]}}
    # An older version of the service writes catch-ups without an owner.
    by_names = {"owner": None, "$or": _by_run(keys)}
    return {"$or": [by_owner, by_names]}


def _without(keys: Collection[Key]) -> Document:
    return {"$nor": [_id(*key) for key in keys]} if keys else {}


def _named(target: str) -> tuple[str, str]:
    """The field of a statement by which it names a target, and the value."""
    kind, _, name = target.partition(":")
    return f"{kind}_id", name


def _recorded(rows: Sequence[Document]) -> Recorded:
    at = max(row["stored_at"] for row in rows)
    return Recorded(tuple(from_document(row, Statement) for row in rows), at)


def _by_run(keys: Iterable[Key]) -> list[Document]:
    """A query for each run's learners."""
    learners = defaultdict(list)
    for run_id, learner_id in keys:
        learners[run_id].append(learner_id)
    return [{"run_id": run_id, "learner_id": {"$in": own}} for run_id, own in learners.items()]
