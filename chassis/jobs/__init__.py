"""Jobs: work stored in a service's documents, claimed by all replicas, retried after a failure.

A job is a part of a document, under its key `job`. For example, a delivery with a job is to be
sent; the write that marks it as sent removes the job. So the document and its job always agree.

| field of `job` | meaning |
|---|---|
| lane | decides which slots take it |
| due | no slot takes it before; while it is claimed, the end of its claim |
| claim | the batch that has claimed it; "" if none has |
| attempts | how often it failed |
| target | where it goes to, such as a host; "" if that doesn't matter |
| owner | for whom it is done, such as a course; "" if that doesn't matter |

A claim moves `due` ahead. So one index (lane, due) finds the next jobs, another replica takes over
at `due` from a holder that died, and a backlog is never read twice. Where owners take turns, the
index (lane, owner, due) finds the jobs of the owners after the one that was served last. Times are
of the system's clock; the clocks of replicas must differ by less than a lease.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Generic, Protocol, TypeVar

from pymongo import IndexModel

from chassis.data.store import Database, Store

S = TypeVar("S", bound=Store)
Document = dict[str, Any]

EVERYTHING = ""
"""The target that means all jobs of a name, in a hold."""

INDEX = IndexModel(
    [("job.lane", 1), ("job.due", 1)],
    name="jobs",
    partialFilterExpression={"job.lane": {"$exists": True}},
)
"""The index that a collection with jobs needs; for the service's migrations."""


TURNS_INDEX = IndexModel(
    [("job.lane", 1), ("job.owner", 1), ("job.due", 1)],
    name="turns",
    partialFilterExpression={"job.lane": {"$exists": True}},
)
"""The index that a collection needs, too, if the owners of its jobs take turns."""


class Away(Exception):
    """A handler raises this if the target of its jobs does not answer.

    For a while no replica tries a job of `target` (if that is empty: any job of the name). The jobs
    of the batch are returned, and do not count as failed.
    """

    def __init__(self, reason: str, target: str = EVERYTHING) -> None:
        super().__init__(reason)
        self.target = target


class GiveBack(Exception):
    """A handler raises this if it did not do its batch; another may do it at once, nothing
    failed.
    """


@dataclass(frozen=True)
class Batch:
    """Jobs that one slot has claimed."""

    claim: str
    lane: str
    ids: tuple[Any, ...]
    """Ids of the documents, in the order in which they were due."""
    attempts: Mapping[Any, int]
    """How often each failed before."""
    targets: tuple[str, ...]
    """The target of each, in the order of `ids`."""
    stopping: Callable[[], bool] = field(compare=False)
    """Whether the process is stopping: then leave jobs that are not begun to another process."""

    def go_on(self, gives_back: bool = True) -> None:
        """Let other greenlets run; call it often in long work, also while a socket always has data.

        Raises GiveBack if the process is to end and the work `gives_back`.
        """
        time.sleep(0)
        if gives_back and self.stopping():
            raise GiveBack("the process is to end")

    def part(self, place: int) -> "Batch":
        """Return one of its jobs alone, under the same claim."""
        return Batch(
            self.claim,
            self.lane,
            self.ids[place : place + 1],
            self.attempts,
            self.targets[place : place + 1],
            self.stopping,
        )


class LimitReached(Exception):
    """Jobs are due, and a limit lets none of them begin now."""


class Limit(Protocol):
    """Limits how many jobs begin, over all replicas."""

    def take(self, lane: str, most: int) -> int:
        """Return how many jobs of a lane may begin now, up to `most`; they count as begun."""

    def give_back(self, count: int) -> None:
        """Count so many jobs less, which were taken and did not begin."""


class Unlimited:
    """No limit."""

    def take(self, lane: str, most: int) -> int:  # noqa: ARG002 (as Limit has it)
        """Return `most`."""
        return most

    def give_back(self, count: int) -> None:
        """Do nothing."""


UNLIMITED = Unlimited()

Work = Callable[[Batch], int]


@dataclass(frozen=True)
class Jobs(Generic[S]):
    """One kind of job of a service; every worker process runs it."""

    name: str
    """<service>.<what it does>; a label of its metrics."""
    collection: str
    """The collection whose documents have the jobs."""
    lanes: Mapping[str, int]
    """For each lane, how many of its jobs a slot claims at once."""
    slots: tuple[tuple[str, ...], ...]
    """One entry for each batch that a process works on at once: the lanes that the batch may
    come from, in order of preference. Other lanes can't block a lane that has its own slots."""
    work: Callable[[Database[S]], AbstractContextManager[Work]]
    """Opens what a slot keeps while it has work, such as a connection. It yields a function that
    does a batch and returns how many of its jobs are done for good.

    The function removes the job from each document that is done, in the write that marks it as
    done. Where it leaves a job, it writes when the job is due. Jobs that it does not touch are due
    again when the claim ends. If it raises, they are due at once (`Away`, `GiveBack`), or after a
    pause that grows with the failures.
    """
    per_target: int | None = None
    """How many jobs of one target a process works on at once; None: any number."""
    poll: timedelta = timedelta(seconds=0.5)
    """How often a process with idle slots looks for jobs; one look is for all slots."""
    keep: timedelta = timedelta()
    """How long a slot without work keeps open what `work` opened."""
    lease: timedelta = timedelta(seconds=60)
    """A claim ends after this long; it is renewed while the batch is worked on."""
    first_pause: timedelta = timedelta(seconds=1)
    """The pause after the first failure; it doubles with each failure, up to `longest_pause`."""
    longest_pause: timedelta = timedelta(minutes=1)
    turns: bool = False
    """True if the owners of jobs take turns: a claim takes jobs of the owners after the one that
    this process served last, in the order of their ids, and begins anew after the last one. So an
    owner with many jobs does not delay one with few. The collection needs TURNS_INDEX."""
    limit: Callable[[Database[S]], Limit] = lambda _: UNLIMITED
    """Opens what limits how many of the jobs begin."""


# For the writes of the services.


def waiting(lane: str, due: datetime, target: str = "", owner: str = "") -> Document:
    """Return the value of `job` for a document that is to be worked on."""
    return {
        "lane": lane,
        "due": due,
        "claim": "",
        "attempts": 0,
        "target": target,
        "owner": owner,
    }


def ours(claim: str, ids: Iterable[Any]) -> Document:
    """Return the query for those of a batch's documents that it still has claimed."""
    return {"_id": {"$in": list(ids)}, "job.claim": claim}


def again(due: datetime) -> Document:
    """Return what to $set on a document of a batch that is to be tried again."""
    return {"job.due": due, "job.claim": ""}


DONE: Document = {"job": ""}
"""What to $unset on a document whose work is done."""
