"""Claims on the jobs of one collection, and holds on their targets."""

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pymongo import UpdateOne
from pymongo.errors import DuplicateKeyError

from chassis import ids
from chassis.clock import Clock
from chassis.data.store import Database
from chassis.jobs import EVERYTHING, INDEX, Batch, Document, Jobs, LimitReached, again, ours
from chassis.jobs.backoff import pause

# How often a claim looks again if others were faster, or if all found jobs have to wait.
CLAIM_ATTEMPTS = 5
# A job whose target has no free place is due again after about this long.
MOMENT = timedelta(seconds=1)

NOBODY: Mapping[str, int] = {}


class Queue:
    """The jobs of one name in a service's database."""

    def __init__(self, database: Database[Any], jobs: Jobs[Any], clock: Clock) -> None:
        self._jobs, self._clock = jobs, clock
        self._rows = database.mongo[jobs.collection]
        self._holds = database.mongo["job_holds"]
        self._known_holds: frozenset[str] = frozenset()
        self._limit = jobs.limit(database)
        self._served: dict[str, str] = {}

    def claim(
        self,
        lanes: Sequence[str],
        busy: Mapping[str, int] = NOBODY,
        stopping: Callable[[], bool] = bool,
    ) -> Batch | None:
        """Claim a batch of the first of these lanes that has due jobs; return None if none has.

        `busy`: how many jobs of each target this process works on. Raises LimitReached.
        """
        held: dict[str, datetime] | None = None
        for lane in lanes:
            for _ in range(CLAIM_ATTEMPTS):
                found = self._due(lane)
                if not found:
                    break
                # Only now: most looks find nothing that is due.
                held = self._held() if held is None else held
                if EVERYTHING in held:
                    return None
                if batch := self._take(lane, found, busy, held, stopping):
                    return batch
        return None

    def has_due(self) -> bool:
        """Return whether any lane has due jobs: one look by the index."""
        query = {
            "job.lane": {"$in": list(self._jobs.lanes)},
            "job.due": {"$lte": self._clock.now()},
        }
        return self._rows.find_one(query, {"_id": 1}, hint=INDEX.document["name"]) is not None

    def renew(self, batch: Batch) -> None:
        """Renew the claim on what the batch still has."""
        until = self._clock.now() + self._jobs.lease
        self._rows.update_many(ours(batch.claim, batch.ids), {"$set": {"job.due": until}})

    def give_back(self, batch: Batch) -> None:
        """Return what the batch still has, so that others can claim it at once."""
        self._rows.update_many(ours(batch.claim, batch.ids), {"$set": again(self._clock.now())})

    def put_off(self, batch: Batch) -> None:
        """Mark what the batch still has as failed: each job is due again after its pause."""
        self._rows.bulk_write([self._put_off(batch, each) for each in batch.ids], ordered=False)

    def hold(self, target: str) -> None:
        """Stop trying a target for a while, longer each time until `let_go`.

        If another process set a hold meanwhile, that one counts.
        """
        key, now = self._hold_key(target), self._clock.now()
        known = self._holds.find_one({"_id": key})
        if known and known["until"] > now:
            return
        failures = known["failures"] + 1 if known else 1
        row = {
            "jobs": self._jobs.name,
            "target": target,
            "failures": failures,
            "until": now + self._pause(failures),
        }
        try:
            self._holds.replace_one(
                {"_id": key, "failures": failures - 1}, row, upsert=known is None
            )
        except DuplicateKeyError:
            return

    def let_go(self, targets: Sequence[str]) -> None:
        """Remove the holds of targets that answered: the next hold is a short one again."""
        for target in self._known_holds & {EVERYTHING, *targets}:
            self._holds.delete_one({"_id": self._hold_key(target)})

    def oldest(self, lane: str) -> timedelta:
        """Return for how long the oldest job of a lane has been due and not claimed."""
        query = {"job.lane": lane, "job.due": {"$lte": self._clock.now()}}
        found = self._rows.find_one(query, {"job.due": 1}, sort=[("job.due", 1)])
        return self._clock.now() - found["job"]["due"] if found else timedelta(0)

    def _due(self, lane: str) -> list[Document]:
        """Return the next due jobs of a lane: the oldest, or of the owners whose turn it is."""
        query: Document = {"job.lane": lane, "job.due": {"$lte": self._clock.now()}}
        most = self._jobs.lanes[lane]
        if not self._jobs.turns:
            return list(self._rows.find(query, {"job": 1}).sort("job.due", 1).limit(most))
        served = self._served.get(lane, "")
        found = self._of_owners(query, {"$gt": served}, most)
        if len(found) < most:
            found += self._of_owners(query, {"$lte": served}, most - len(found))
        return found

    def _of_owners(self, query: Document, owners: Document, most: int) -> list[Document]:
        rows = self._rows.find({**query, "job.owner": owners}, {"job": 1})
        return list(rows.sort([("job.owner", 1), ("job.due", 1)]).limit(most))

    def _take(
        self,
        lane: str,
        found: Sequence[Document],
        busy: Mapping[str, int],
        held: Mapping[str, datetime],
        stopping: Callable[[], bool],
    ) -> Batch | None:
        admitted, others = admit(found, busy, frozenset(held), self._jobs.per_target)
        self._turn_away(others, held)
        admitted = self._within_limit(lane, admitted)
        if self._jobs.turns and admitted:
            self._served[lane] = admitted[-1]["job"]["owner"]
        claim = ids.new_id()
        now = self._clock.now()
        # Only those that are still due: a faster process has moved `due` ahead.
        self._rows.update_many(
            {"_id": {"$in": [row["_id"] for row in admitted]}, "job.due": {"$lte": now}},
            {"$set": {"job.claim": claim, "job.due": now + self._jobs.lease}},
        )
        wanted = {"_id": {"$in": [row["_id"] for row in admitted]}, "job.claim": claim}
        taken = {row["_id"] for row in self._rows.find(wanted, {"_id": 1})} if admitted else set()
        mine = [row for row in admitted if row["_id"] in taken]
        self._limit.give_back(len(admitted) - len(mine))
        return _batch(claim, lane, mine, stopping) if mine else None

    def _within_limit(self, lane: str, rows: list[Document]) -> list[Document]:
        """Return as many of these jobs as may begin now. Raises LimitReached if none may."""
        if not rows:
            return rows
        begun = self._limit.take(lane, len(rows))
        if not begun:
            raise LimitReached
        return rows[:begun]

    def _turn_away(self, rows: Sequence[Document], held: Mapping[str, datetime]) -> None:
        """Postpone jobs whose target is on hold, or has no free place."""
        now = self._clock.now()
        writes = [
            UpdateOne(
                {"_id": row["_id"], "job.due": row["job"]["due"]},
                {"$set": {"job.due": held.get(_target(row), now) + MOMENT * (random.random() + 1)}},
            )
            for row in rows
        ]
        if writes:
            self._rows.bulk_write(writes, ordered=False)

    def _put_off(self, batch: Batch, job_id: Any) -> UpdateOne:
        due = self._clock.now() + self._pause(batch.attempts[job_id] + 1)
        return UpdateOne(
            {"_id": job_id, "job.claim": batch.claim},
            {"$set": again(due), "$inc": {"job.attempts": 1}},
        )

    def _held(self) -> dict[str, datetime]:
        """Return until when each held target is on hold."""
        rows = list(self._holds.find({"jobs": self._jobs.name}))
        self._known_holds = frozenset(row["target"] for row in rows)
        now = self._clock.now()
        return {row["target"]: row["until"] for row in rows if row["until"] > now}

    def _hold_key(self, target: str) -> str:
        return f"{self._jobs.name}/{target}"

    def _pause(self, failures: int) -> timedelta:
        return pause(failures, self._jobs.first_pause, self._jobs.longest_pause)


def admit(
    rows: Sequence[Document],
    busy: Mapping[str, int],
    held: frozenset[str],
    per_target: int | None,
) -> tuple[list[Document], list[Document]]:
    """Divide jobs, in their order, into those to work on now and those that have to wait.

    A job waits if its target is on hold, or has `per_target` jobs already, counting those before
    it.
    """
    places = Counter(busy)
    admitted: list[Document] = []
    others: list[Document] = []
    for row in rows:
        target = _target(row)
        full = bool(target) and per_target is not None and places[target] >= per_target
        if full or target in held:
            others.append(row)
        else:
            places[target] += 1
            admitted.append(row)
    return admitted, others


def _target(row: Document) -> str:
    return str(row["job"].get("target", ""))


def _batch(claim: str, lane: str, rows: Sequence[Document], stopping: Callable[[], bool]) -> Batch:
    return Batch(
        claim,
        lane,
        tuple(row["_id"] for row in rows),
        {row["_id"]: row["job"].get("attempts", 0) for row in rows},
        tuple(map(_target, rows)),
        stopping,
    )
