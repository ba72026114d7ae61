"""The definitions of activities that the LRS has learned, in MongoDB's collection xapi_activities.

They are written outside of units of work: a statement is stored whether or not its activities are
defined, and two statements about one activity never wait for each other. A process that is killed
in between has learned nothing; the next statement with the definition tells it again.
"""

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from hashlib import sha256
from typing import Any

from pymongo import UpdateOne
from pymongo.database import Database
from pymongo.errors import BulkWriteError, PyMongoError

from chassis.data.store import is_away
from chassis.data.transactions import DUPLICATE_KEY
from services.progress import metrics
from services.progress.domain.xapi.activity_definitions import Definition, canonical, learned
from services.progress.domain.xapi.storing import written

# How many definitions a process remembers to have seen, and for how long: seen again they cost
# nothing.
REMEMBERED = 20_000
FOR = timedelta(minutes=10)
# Others may change the same definition at the same time, so often in a row.
TRIES = 5

Row = dict[str, Any]


class ActivityDefinitions:
    """What the LRS knows of activities. All threads of a process share one."""

    def __init__(self, mongo: "Database[Row]", clock: Callable[[], float] = time.monotonic) -> None:
        self._rows = mongo["xapi_activities"]
        self._seen = Seen(clock)

    def of(self, activity_ids: Iterable[str]) -> dict[str, Definition]:
        """Return the known definitions, by activity id."""
        wanted = list(activity_ids)
        rows = self._rows.find({"_id": {"$in": wanted}}) if wanted else ()
        return {row["_id"]: json.loads(row["definition"]) for row in rows}

    def learn(self, told: Mapping[str, Definition]) -> None:
        """Merge definitions, by activity id, into those that are known.

        What this process saw in the last ten minutes, it does not look at again. So an activity
        that many statements define alike costs a look-up now and then, and no write.
        """
        new = {name: each for name, each in told.items() if not self._seen.has(name, each)}
        left = self._merge_all(new)
        metrics.DEFINITIONS.labels("lost").inc(len(left))
        for name in new.keys() - left.keys():
            self._seen.add(name, new[name])

    def _merge_all(self, told: Mapping[str, Definition]) -> Mapping[str, Definition]:
        """Merge them, again where others change the same; return those that are lost."""
        left = told
        try:
            for _ in range(TRIES):
                left = self._merge(left)
        except PyMongoError as error:
            if not is_away(error):
                raise
        return left

    def _merge(self, told: Mapping[str, Definition]) -> dict[str, Definition]:
        """Merge each unless others change it at the same time; return those that they changed."""
        known = self.of(told)
        after = {name: learned(known.get(name, {}), each) for name, each in told.items()}
        changed = {name: each for name, each in after.items() if each != known.get(name, {})}
        lost = self._write([_write(name, known.get(name), each) for name, each in changed.items()])
        return {name: told[name] for place, name in enumerate(changed) if place in lost}

    def _write(self, writes: Sequence[UpdateOne]) -> set[int]:
        """Write, and return the places of those whose definition is not as it was read."""
        lost: set[int] = set()
        try:
            if writes:
                self._rows.bulk_write(writes, ordered=False)
        except BulkWriteError as error:
            faults = error.details["writeErrors"]
            if any(each["code"] != DUPLICATE_KEY for each in faults):
                raise
            lost = {each["index"] for each in faults}
        metrics.DEFINITIONS.labels("stored").inc(len(writes) - len(lost))
        return lost


class Seen:
    """The definitions that a process has seen lately."""

    def __init__(self, clock: Callable[[], float], most: int = REMEMBERED) -> None:
        self._clock, self._most = clock, most
        self._until: OrderedDict[bytes, float] = OrderedDict()
        self._mutex = threading.Lock()

    def has(self, activity_id: str, definition: Definition) -> bool:
        """Return whether this definition of this activity was added in the last ten minutes."""
        until = self._until.get(_digest(activity_id, definition))
        return until is not None and self._clock() < until

    def add(self, activity_id: str, definition: Definition) -> None:
        """Remember it, and forget the one that was added first if there are too many."""
        key = _digest(activity_id, definition)
        with self._mutex:
            self._until[key] = self._clock() + FOR.total_seconds()
            self._until.move_to_end(key)
            if len(self._until) > self._most:
                self._until.popitem(last=False)


def _write(activity_id: str, known: Definition | None, after: Definition) -> UpdateOne:
    """Return the write of a definition, which fails with a duplicate key if it is not as known."""
    as_known = {"_id": activity_id, "definition": None if known is None else canonical(known)}
    return UpdateOne(as_known, {"$set": {"definition": canonical(after)}}, upsert=True)


def _digest(activity_id: str, definition: Definition) -> bytes:
    return sha256(written([activity_id, definition])).digest()
