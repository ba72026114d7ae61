"""Progress's documents in MongoDB: statements, learners, and work to do.

| collection | one document is | its id |
|---|---|---|
| statements | a statement as it was recorded (its storing: store_xapi.py) | the statement's |
| standings | a learner's run state | run and learner |
| evidence | the sum of a learner's statements on one target | run, learner, target |
| lrs_credentials | a credential of the LRS | its own |
| catch_ups | a catch-up | made of session and learner |
| silences | when a run's median learner was last seen (store_falling_behind.py) | run |
| summaries | what one writer adds to a run's counts: their sum is the run's | run and writer |
| plans | the version of a run's plan (store_plans.py) | run |
| plan_revisits | a run whose learners must be evaluated again | run |
| study_hours | the hours of a learner for study (store_week_fits.py) | learner |
| rebuilds | the latest rebuild of a run (store_rebuilds.py) | run |
| item_news | a change of an item that is applied to runs a second time | item |
| people, runs, paths, sessions, items | replicas (store_replicas.py) | theirs |
| xapi_documents, xapi_rooms | documents of the LRS (store_documents.py) | context and id; owner |
| xapi_activities | the definition of an activity (store_definitions.py) | its IRI |
| cmi5_sessions, cmi5_registrations | launches and enrolments of cmi5 (store_cmi5.py) | a UUID |

Units of work conflict only over one learner's run state, or over one run's plan. Each writes
summaries under its own name (`Store.writer`): the queue that it works for, or the timer.

Ids of several parts are documents, because joined texts could collide.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import fields, replace
from datetime import datetime
from itertools import chain
from typing import Any, TypeVar

from pymongo import ASCENDING, UpdateOne

from chassis.contracts.mapping import from_document, to_document, to_update
from chassis.data.pages import Page, find_page, within
from services.progress.domain.catch_ups import CatchUp
from services.progress.domain.class_overview import Totals
from services.progress.domain.enums import CatchUpState, EnrolmentState, Key
from services.progress.domain.evidence import Evidence
from services.progress.domain.learner import Learner
from services.progress.domain.learner_run_state import Counts, LearnerRunState
from services.progress.domain.statements import Statement, Stored
from services.progress.migrations import MIGRATIONS
from services.progress.ports import Deltas, Overdue, Turn
from services.progress.store_class_page import ClassPageStore
from services.progress.store_cmi5 import Cmi5Rows
from services.progress.store_credentials import CredentialsStore
from services.progress.store_documents import DocumentsStore
from services.progress.store_falling_behind import FallingBehindStore
from services.progress.store_rebuilds import RebuildsRows
from services.progress.store_replicas import Document
from services.progress.store_week_fits import WeekFitsRows
from services.progress.store_xapi import XapiStatements

T = TypeVar("T")
COUNTED = (*(each.name for each in fields(Counts)), "statements")
OPEN = {"state": CatchUpState.ASSIGNED.value, "dropped": False}
UNSEEN = {"state": EnrolmentState.ENROLLED.value, "listing": None}
HAS_DUE = {"$type": "date"}  # as in the migration: the query needs it to use the index
KEY_ONLY = {"_id": 1, "next_due_at": 1}


class ProgressStore(
    RebuildsRows,
    DocumentsStore,
    CredentialsStore,
    XapiStatements,
    WeekFitsRows,
    Cmi5Rows,
    FallingBehindStore,
    ClassPageStore,
):
    """Progress's database as one unit of work sees it."""

    service = "progress"
    migrations = MIGRATIONS

    # Statements

    def taken_in(
        self, run_id: str, learner_ids: Collection[str], targets: Collection[str], until: datetime
    ) -> dict[str, list[Stored]]:
        """Return, by learner, statements on some targets in a run that were stored by `until`; none
        that was voided.
        """
        # Each alternative has an index of its own.
        whose = {
            "learner_id": {"$in": list(learner_ids)},
            "run_id": run_id,
            "stored_at": {"$lte": until},
            "voided": {"$ne": True},
        }
        named: Mapping[str, list[str]] = {"activity_id": [], "item_id": []}
        for target in targets:
            field, name = _named(target)
            named[field].append(name)
        query = {"$or": [{**whose, field: {"$in": names}} for field, names in named.items()]}
        found = defaultdict(list)
        for row in self["statements"].find(query, session=self.session):
            stored = Stored(from_document(row, Statement), row["stored_at"])
            found[row["learner_id"]].append(stored)
        return found

    # Summaries

    def add_to_summaries(self, deltas: Deltas) -> None:
        """Add to the runs' summaries, in rows that only this writer writes."""
        writes = (
            UpdateOne(
                {"_id": {"run_id": run_id, "writer": self.writer}},
                {"$inc": increase, "$setOnInsert": {"run_id": run_id}},
                upsert=True,
            )
            for run_id, counts in deltas.items()
            if (increase := {name: count for name, count in counts.items() if count})
        )
        self._write("summaries", writes)

    def totals(self, run_id: str) -> Totals:
        """Return what a run's learners add up to, the sum of all its rows; zeros if nothing was
        counted.
        """
        # An older version of the service stores one row, whose id is the run.
        query = {"$or": [{"run_id": run_id}, {"_id": run_id}]}
        counts, buckets = Counter[str](dict.fromkeys(COUNTED, 0)), Counter[str]()
        for row in self["summaries"].find(query, session=self.session):
            counts.update({name: row.get(name, 0) for name in COUNTED})
            buckets.update(row.get("buckets", {}))
        return Totals(counts, buckets)

    # Learners

    def run_states(self, keys: Iterable[Key]) -> dict[Key, LearnerRunState]:
        """Return the known run states."""
        rows = self.find_by_ids("standings", [_id(*key) for key in keys])
        return {each.key: each for each in (from_document(row, LearnerRunState) for row in rows)}

    def catch_up(self, catch_up_id: str) -> CatchUp | None:
        """Return a catch-up; None if there is none."""
        row = self["catch_ups"].find_one({"_id": catch_up_id}, session=self.session)
        return from_document(row, CatchUp) if row else None

    def catch_ups(self, keys: Iterable[Key]) -> dict[Key, list[CatchUp]]:
        """Return all catch-ups of these learners in these runs."""
        wanted, found = list(keys), defaultdict(list)
        if wanted:
            for row in self["catch_ups"].find(_owned_by(wanted), session=self.session):
                found[row["run_id"], row["learner_id"]].append(from_document(row, CatchUp))
        return found

    def evidence(self, wanted: Mapping[Key, Collection[str] | None]) -> dict[Key, list[Evidence]]:
        """Return the evidence on the named targets of each learner; None: all evidence."""
        named = [_id(*key, target) for key, all_ in wanted.items() for target in all_ or ()]
        whole = _by_run(key for key, targets in wanted.items() if targets is None)
        found = defaultdict(list)
        for row in chain(self.find_by_ids("evidence", named), *map(self._evidence_of, whole)):
            found[row["run_id"], row["learner_id"]].append(from_document(row, Evidence))
        return found

    def _evidence_of(self, query: Document) -> Iterable[Document]:
        return self["evidence"].find(query, session=self.session)

    def save(self, before: Mapping[Key, Learner], after: Mapping[Key, Learner]) -> None:
        """Store the differences between learners as they were read, and as they are now."""
        pairs = [(before[key], after[key]) for key in after]
        self._write("standings", _run_state_writes((x.run_state, y.run_state) for x, y in pairs))
        self._keep("evidence", ((x.evidence, y.evidence) for x, y in pairs), _evidence_keys)
        self._keep("catch_ups", ((x.catch_ups, y.catch_ups) for x, y in pairs), _catch_up_keys)

    # Work to do

    def learners_behind(
        self, run_id: str, asks: int, most: int, but: Collection[Key] = ()
    ) -> list[Key]:
        """Return learners of a run who were last evaluated against an older version of its plan."""
        # Not `$lt`: what an older version of the service wrote has none.
        query: Document = {"run_id": run_id, "plan_version": {"$not": {"$gte": asks}}}
        query |= _without(but)
        rows = self["standings"].find(query, {"learner_id": 1}, session=self.session)
        return [(run_id, row["learner_id"]) for row in rows.limit(most)]

    def overdue_catch_ups(self, most: int) -> list[Overdue]:
        """Return open catch-ups past their due, the longest past first."""
        query = {**OPEN, "due": {"$lt": self.now}, **self._ready()}
        named = {"run_id": 1, "learner_id": 1}
        rows = self["catch_ups"].find(query, named, session=self.session).sort("due", ASCENDING)
        return [
            (row["_id"], (row.get("run_id", ""), row.get("learner_id", "")))
            for row in rows.limit(most)
        ]

    def learners_to_tell(self, most: int) -> list[Turn]:
        """Return learners of whose dues something may be to tell, the longest waiting first; before
        them those whom only an older version has seen in their runs.
        """
        unseen = self["standings"].find(UNSEEN | self._ready(), KEY_ONLY, session=self.session)
        rows = list(unseen.limit(most))
        due = {"next_due_at": HAS_DUE | {"$lte": self.now}} | self._ready()
        others = self["standings"].find(due, KEY_ONLY, session=self.session)
        rows += others.sort("next_due_at", ASCENDING).limit(max(1, most - len(rows)))
        return [
            Turn((row["_id"]["run_id"], row["_id"]["learner_id"]), row.get("next_due_at"))
            for row in rows
        ]

    # Queries

    def enrolments(self, learner_id: str) -> list[LearnerRunState]:
        """Return a learner's run states in the runs in which the learner has a place."""
        query = {"learner_id": learner_id, "state": EnrolmentState.ENROLLED.value}
        rows = self["standings"].find(query, session=self.session)
        return [from_document(row, LearnerRunState) for row in rows]

    def catch_ups_page(self, run_id: str, learner_id: str, page: Page) -> tuple[list[CatchUp], str]:
        """Return catch-ups of a run, a learner, or both, by due, and the token of the next page."""
        named = {"run_id": run_id, "learner_id": learner_id}
        query = {"dropped": False, **{name: value for name, value in named.items() if value}}
        order = [("due", 1), ("_id", 1)]
        if page.runs and any(page.runs.values()):
            # Catch-ups name no groups: their learners do.
            query["owner"] = {"$in": self._owners(page.runs, named)}
            page = replace(page, runs=None)
        rows, token = find_page(self["catch_ups"], query, order, page, self.session)
        return [from_document(row, CatchUp) for row in rows], token

    def _owners(self, runs: Mapping[str, Set[str]], named: Mapping[str, str]) -> list[Document]:
        """Return the ids of the run states of some runs, or of their groups."""
        query = {name: value for name, value in named.items() if value}
        both = {"$and": [query, within(runs)]}
        return list(self["standings"].distinct("_id", both, session=self.session))

    def catch_ups_due(
        self, learner_id: str, from_time: datetime, until_time: datetime
    ) -> list[CatchUp]:
        """Return a learner's catch-ups that are due in an interval."""
        due = {"$gte": from_time, "$lt": until_time}
        query = {"learner_id": learner_id, "due": due, "dropped": False}
        rows = self["catch_ups"].find(query, session=self.session)
        return [from_document(row, CatchUp) for row in rows]

    def _keep(
        self,
        collection: str,
        pairs: Iterable[tuple[Mapping[str, T], Mapping[str, T]]],
        keys: Callable[[T], Document],
    ) -> None:
        """Store changed parts of learners; each pair has a learner's parts before and after, by
        name.

        Every change also writes the learner's run state, so two units of work never insert the
        same.
        """
        new, changed = [], []
        for before, after in pairs:
            for name, thing in after.items():
                old = before.get(name)
                if old is None:
                    new.append(to_document(thing) | keys(thing))
                elif thing is not old and (update := to_update(old, thing)):
                    named = keys(thing)
                    changed.append(UpdateOne({"_id": named["_id"]}, {"$set": update | named}))
        self.insert(collection, new)
        self._write(collection, changed)


def _id(run_id: str, learner_id: str, target: str = "") -> Document:
    key: dict[str, Any] = {"run_id": run_id, "learner_id": learner_id}
    return {**key, "target": target} if target else key


def _run_state_writes(
    pairs: Iterable[tuple[LearnerRunState, LearnerRunState]],
) -> Iterator[UpdateOne]:
    for old, new in pairs:
        number = {"_id": _id(*new.key)}
        if not old.writes and new != old:  # a new one, or of an older version of the service
            yield UpdateOne(number, {"$set": to_document(new)}, upsert=True)
        elif update := to_update(old, new):
            yield UpdateOne(number, {"$set": update})


def _evidence_keys(one: Evidence) -> Document:
    return {"_id": _id(one.run_id, one.learner_id, one.target)}


def _catch_up_keys(one: CatchUp) -> Document:
    # An older version of the service writes none of an owner.
    return {"_id": one.id, "owner": _id(one.run_id, one.learner_id)}


def _owned_by(keys: Sequence[Key]) -> Document:
    """Return a query for learners in runs: one index look-up for each learner."""
    by_owner = {"owner": {"$in": [_id(*key) for key in keys]}}
    # An older version of the service writes catch-ups without an owner.
    by_names = {"owner": None, "$or": _by_run(keys)}
    return {"$or": [by_owner, by_names]}


def _without(keys: Collection[Key]) -> Document:
    return {"$nor": [_id(*key) for key in keys]} if keys else {}


def _named(target: str) -> tuple[str, str]:
    """Return the field of a statement that names a target, and its value."""
    kind, _, name = target.partition(":")
    return f"{kind}_id", name


def _by_run(keys: Iterable[Key]) -> list[Document]:
    """Return a query for each run's learners."""
    learners = defaultdict(list)
    for run_id, learner_id in keys:
        learners[run_id].append(learner_id)
    return [{"run_id": run_id, "learner_id": {"$in": own}} for run_id, own in learners.items()]
