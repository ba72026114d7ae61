"""News of learners who fall behind: for the learner, and for who teaches the run.

A fall is told some minutes later, if the learner has not recovered by then: what arrives late may
show that it was none. The learner hears of falls in one run at most once in a while; who teaches
hears of all learners who fell meanwhile in one message.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

SETTLE = timedelta(minutes=10)
"""How long a fall waits for others, or for a recovery."""
QUIET_FOR = timedelta(days=14)
"""How long after a learner was told of a fall in a run no other one there is told."""
MOST = 1_000
"""Falls that are collected for who teaches; more are only counted."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a learner fell behind."""

    kind: str
    """The name of the contract's BehindReasonKind without its prefix."""
    value: float
    limit: float


@dataclass(frozen=True, slots=True)
class Fall:
    """The newest event of a learner's falls in a run: the learner fell behind, or recovered."""

    id: str
    """The id of the enrolment."""
    run_id: str
    learner_id: str
    sequence: int
    event_id: str
    event_type: str
    is_behind: bool
    reasons: tuple[Reason, ...] = ()
    tell_at: datetime | None = None
    """When the learner is told; None: nothing is to be told."""
    told_at: datetime | None = None
    """When the learner was told of a fall in this run last."""


@dataclass(frozen=True, slots=True)
class FallDigest:
    """The falls in a run that all who teach it are to be told of; or one of them, who was not known
    when the others were told.
    """

    id: str
    """The id of the run; for one person run:person. A run's id has no colon."""
    event_id: str
    event_type: str
    """Those of its first fall."""
    fall_ids: tuple[str, ...]
    more: int = 0
    """Falls that are not in `fall_ids`, because they were too many."""
    tell_at: datetime | None = None
    sequence: int = 0
    person_id: str = ""
    """Who alone is to be told; empty: all who teach the run."""

    @property
    def run_id(self) -> str:
        """Return the run."""
        return self.id.partition(":")[0]

    def is_for(self, person_id: str) -> bool:
        """Return whether someone who teaches the run is to be told."""
        return self.person_id in ("", person_id)

    def news(self, known: Mapping[str, Fall]) -> list[Fall]:
        """Return the falls that still hold, by what is known of them."""
        kept = (known.get(each) for each in self.fall_ids)
        return [each for each in kept if each is not None and each.is_behind]


def newest(known: Fall | None, arrived: Fall, now: datetime) -> Fall:
    """Return a learner's newest fall or recovery, and when the learner is told of it."""
    if known is not None and arrived.sequence <= known.sequence:
        return known
    told_at = known.told_at if known else None
    waits_until = (known.tell_at if known else None) or now + SETTLE
    is_quiet = told_at is not None and now - told_at < QUIET_FOR
    tell_at = waits_until if arrived.is_behind and not is_quiet else None
    return replace(arrived, tell_at=tell_at, told_at=told_at)


def told(fall: Fall, now: datetime) -> Fall:
    """Return a fall after its learner was told of it."""
    return replace(fall, tell_at=None, told_at=now)


def collected(digest: FallDigest | None, arrived: Sequence[Fall], now: datetime) -> FallDigest:
    """Return the digest of a run with falls that have arrived, at least one."""
    first = arrived[0]
    ids = tuple(each.id for each in arrived)
    new = FallDigest(first.run_id, first.event_id, first.event_type, ids, tell_at=now + SETTLE)
    return joined(digest, new)


def kept_for(digest: FallDigest, person_id: str, now: datetime) -> FallDigest:
    """Return what of a digest someone is told later who is not known yet."""
    id_ = f"{digest.run_id}:{person_id}"
    return replace(digest, id=id_, person_id=person_id, tell_at=now + SETTLE)


def joined(waiting: FallDigest | None, more: FallDigest) -> FallDigest:
    """Return what waits already with the falls of another digest; it keeps its time."""
    whole = waiting or replace(more, fall_ids=(), more=0)
    ids = tuple(dict.fromkeys((*whole.fall_ids, *more.fall_ids)))
    uncollected = max(0, len(ids) - MOST)
    return replace(whole, fall_ids=ids[:MOST], more=whole.more + more.more + uncollected)


def by_run(falls: Iterable[Fall]) -> dict[str, list[Fall]]:
    """Return falls, not recoveries, by run."""
    found: dict[str, list[Fall]] = {}
    for each in falls:
        if each.is_behind:
            found.setdefault(each.run_id, []).append(each)
    return found
