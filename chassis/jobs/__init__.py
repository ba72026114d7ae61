"""Work that waits in a service's documents: claimed by all replicas, repeated after a failure.

A job is a part of a document, under its key `job`. A delivery that has one is to be sent; the write
that says that it is sent removes the job. So nothing else has to agree with the document.

| field of `job` | meaning |
|---|---|
| lane | which slots take it |
| due | not to be taken before; while it is claimed, the end of its claim |
| claim | the batch that has it; "" where none does |
| attempts | how often it failed |
| target | what it goes to, such as a host; "" where that doesn't matter |

A claim moves `due` ahead, so one index (lane, due) answers what is next, a holder that died is
succeeded when `due` comes, and a backlog is never read again. Times are of the system's clock, in
which replicas may differ by less than a lease.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from pymongo import IndexModel

from chassis.data.store import Database, Store

S = TypeVar("S", bound=Store)
Document = dict[str, Any]

EVERYTHING = ""
"""The target of a hold on all jobs of a name."""

INDEX = IndexModel(
    [("job.lane", 1), ("job.due", 1)],
    name="jobs",
    partialFilterExpression={"job.lane": {"$exists": True}},
)
"""What a collection with jobs needs; for the service's migrations."""


class Away(Exception):
    """A handler's verdict: what its jobs go to does not answer.

    No job of `target` (all jobs of the name, where it is empty) is tried for a while, by any
    replica. The jobs of the batch go back without having failed.
    """

    def __init__(self, reason: str, target: str = EVERYTHING) -> None:
        super().__init__(reason)
        self.target = target


class GiveBack(Exception):
    """A handler's verdict: it did not do its batch, and another may at once; nothing failed."""


@dataclass(frozen=True)
class Batch:
    """Jobs that one slot has claimed."""

    claim: str
    lane: str
    ids: tuple[Any, ...]
    """Of the documents, in the order in which they were due."""
    attempts: Mapping[Any, int]
    """How often each failed before."""
    targets: tuple[str, ...]
    """What each goes to, as `ids` are."""
    stopping: Callable[[], bool] = field(compare=False)
    """Whether the process is to end: what is not begun is better left to another."""

    def part(self, place: int) -> "Batch":
        """One of its jobs alone, under the same claim."""
        return Batch(
            self.claim,
            self.lane,
            self.ids[place : place + 1],
            self.attempts,
            self.targets[place : place + 1],
            self.stopping,
        )


Work = Callable[[Batch], int]


@dataclass(frozen=True)
class Jobs(Generic[S]):
    """One kind of job of a service, as data; every worker process runs it."""

    name: str
    """<service>.<what is done>; a label of its metrics."""
    collection: str
    """Whose documents have the jobs."""
    lanes: Mapping[str, int]
    """Each lane, with how many of its jobs a slot claims at once."""
    slots: tuple[tuple[str, ...], ...]
    """For each batch that a process has in hand at once, the lanes that it may come from, the first
    one with something due. A lane that has slots of its own can't be crowded out."""
    work: Callable[[Database[S]], AbstractContextManager[Work]]
    """Opens what a slot keeps while there is work, such as a connection. What it yields does a
    batch, and answers how many of it are done for good.

    It takes the job off each document that is done, in the write that says so, and where it leaves
    one on, says when it is due. What it says nothing of comes back when the claim ends; where it
    raises, at once (`Away`, `GiveBack`), or after a pause that grows with its failures.
    """
    per_target: int | None = None
    """How many jobs of one target a process has in hand at once; None: any number."""
    poll: timedelta = timedelta(seconds=0.5)
    """How often an idle slot looks."""
    lease: timedelta = timedelta(seconds=60)
    """A claim ends after this long; it is renewed while the batch is in hand."""
    first_pause: timedelta = timedelta(seconds=1)
    """After the first failure; it doubles with each, up to `longest_pause`."""
    longest_pause: timedelta = timedelta(minutes=1)


# What a service puts into its own writes.


def waiting(lane: str, due: datetime, target: str = "") -> Document:
    """The value of `job` in a document that is to be worked on."""
    return {"lane": lane, "due": due, "claim": "", "attempts": 0, "target": target}


def ours(claim: str, ids: Iterable[Any]) -> Document:
    """A query for those of a batch's documents that it still has."""
    return {"_id": {"$in": list(ids)}, "job.claim": claim}


def again(due: datetime) -> Document:
    """What to $set on a document of a batch that is to be worked on once more."""
    return {"job.due": due, "job.claim": ""}


DONE: Document = {"job": ""}
"""What to $unset on a document of a batch whose work is done."""
