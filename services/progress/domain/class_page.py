"""The class page: by what the learners of a run are sorted, filtered and counted.

All of it is stored with the learner (`Listing`), in the unit of work that changes it: a number for
each column, and the learner's buckets. A bucket is a set of learners of a run:

| bucket | whose |
|---|---|
| cell:ONLINE:0:1:1:0 | learners alike in each of `TRAITS`; each learner is in one cell |
| overdue:3 | learners with so many overdue activities |
| day:2300 | learners whose last sign was on this day, counted from `DAY_ZERO`; each is in one |
| block:35 | the same for blocks of 64 days |
| group:ID | the members of a group |

The learners of each filter are the union of few buckets, at most `MOST_BUCKETS`. MongoDB has them
sorted in an index (run, bucket, column, learner) and merges them. So a page costs the same for any
column, filter and number of learners, even if a filter matches only the learners that a column has
last (docs/decisions/0066).
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import product

from services.progress.domain import sittings
from services.progress.domain.due_news import AFTER
from services.progress.domain.dues import Dues, stored, to_be_done
from services.progress.domain.enums import AttendanceMode
from services.progress.domain.evidence import earliest, latest
from services.progress.domain.learner_run_state import LearnerRunState, Listing
from services.progress.domain.plan import Plan
from services.progress.domain.scores import mean_score

# MongoDB merges up to 200 sorted scans (internalQueryMaxScansToExplode); above, it sorts in memory.
MOST_BUCKETS = 200
DAY_ZERO = datetime(2020, 1, 1, tzinfo=UTC)
BLOCK = 64
# A learner who studies sends statements by the minute: the indexes need not follow each of them.
LAST_SEEN_STEP = TIME_STEP = timedelta(minutes=10)
# More than these are in one bucket.
MANY_OVERDUE = 99
UNKNOWN_MODE = "OTHER"
MODES = [mode.value for mode in AttendanceMode]


class Column(StrEnum):
    """The columns by which a class page is sorted."""

    LEARNER_ID = "LEARNER_ID"
    COMPLETED = "COMPLETED"
    OVERDUE = "OVERDUE"
    OPEN_CATCH_UPS = "OPEN_CATCH_UPS"
    MISSED_CATCH_UPS = "MISSED_CATCH_UPS"
    LAST_SEEN = "LAST_SEEN"
    MODE = "MODE"
    ENROLLED_AT = "ENROLLED_AT"
    SCORE = "SCORE"
    TIME_ON_TASK = "TIME_ON_TASK"
    BEHIND_SINCE = "BEHIND_SINCE"


NUMBERS: Mapping[Column, Callable[[LearnerRunState, Plan | None], int]] = {
    Column.COMPLETED: lambda one, _: one.counted.completed_activities,
    Column.OVERDUE: lambda one, _: one.overdue,
    Column.OPEN_CATCH_UPS: lambda one, _: one.counted.open_catch_ups,
    Column.MISSED_CATCH_UPS: lambda one, _: one.counted.missed_catch_ups,
    Column.LAST_SEEN: lambda one, _: _steps(one.last_seen_at, LAST_SEEN_STEP),
    Column.MODE: lambda one, _: MODES.index(one.mode) + 1 if one.mode in MODES else 0,
    Column.ENROLLED_AT: lambda one, _: _steps(one.enrolled_at, timedelta(milliseconds=1)),
    Column.SCORE: lambda one, plan: _score(one, plan),
    Column.TIME_ON_TASK: lambda one, _: _time_on_task(one),
    Column.BEHIND_SINCE: lambda one, _: _steps(one.behind_since, timedelta(milliseconds=1)),
}
"""The number by which a learner is sorted in each column but LEARNER_ID. A new column is a line
here and in `Column`, an index, and a step that has all learners listed again (migrations.py)."""


@dataclass(frozen=True, slots=True)
class Trait:
    """What divides the learners of a run into cells."""

    values: Sequence[str]
    of: Callable[[LearnerRunState], str]


_NO_OR_YES = ("0", "1")
TRAITS: Mapping[str, Trait] = {
    "mode": Trait(
        (*MODES, UNKNOWN_MODE), lambda one: one.mode if one.mode in MODES else UNKNOWN_MODE
    ),
    "path_completed": Trait(_NO_OR_YES, lambda one: _flag(one.counted.completed_path)),
    "overdue": Trait(_NO_OR_YES, lambda one: _flag(one.overdue)),
    "open_catch_ups": Trait(_NO_OR_YES, lambda one: _flag(one.counted.open_catch_ups)),
    "behind": Trait(_NO_OR_YES, lambda one: _flag(one.behind_since is not None)),
}
"""The traits that filters ask for. There is a cell for each combination of their values."""


@dataclass(frozen=True, slots=True)
class ProgressFilter:
    """Which learners of a run are wanted: one field is set, or none."""

    mode: AttendanceMode | None = None
    group_id: str | None = None
    overdue: int | None = None
    """At least so many overdue activities."""
    open_catch_ups: bool | None = None
    not_seen_since: datetime | None = None
    """Neither did anything since then, nor came since then."""
    path_completed: bool | None = None
    behind: bool | None = None
    """Whether they are falling behind."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which learners of a run are listed, and in which order."""

    run_id: str
    order_by: Column = Column.LEARNER_ID
    descending: bool = False
    filter: ProgressFilter = ProgressFilter()

    @property
    def is_plain(self) -> bool:
        """Return whether it is the list of all learners by their ids."""
        return self == Selection(self.run_id)

    @property
    def mark(self) -> str:
        """Return a short text that tells this list from others, for page tokens."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:16]


def relisted(
    before: LearnerRunState, after: LearnerRunState, plan: Plan | None, *, is_new_plan: bool
) -> Listing | None:
    """Return the listing of a learner after a change; most statements change nothing in it."""
    is_same = before.listing is not None and _inputs(before) == _inputs(after)
    return before.listing if is_same and not is_new_plan else listing(after, plan)


def _inputs(one: LearnerRunState) -> tuple[object, ...]:
    """Return all of a learner, apart from the plan, that a listing is made of."""
    seen = one.last_seen_at and (one.last_seen_at - DAY_ZERO) // LAST_SEEN_STEP
    fixed = one.state, one.counted, one.overdue, one.mode, one.group_ids, one.enrolled_at
    return (*fixed, one.scores, seen, one.behind_since, _time_on_task(one))


def listing(run_state: LearnerRunState, plan: Plan | None) -> Listing | None:
    """Return what the class page has of a learner; nothing of one without a place in the run."""
    if not run_state.is_enrolled:
        return None
    numbers = {column.value: number(run_state, plan) for column, number in NUMBERS.items()}
    return Listing(tuple(_buckets(run_state)), numbers)


def _buckets(run_state: LearnerRunState) -> Iterator[str]:
    day = day_of(latest(run_state.last_seen_at, run_state.enrolled_at))
    yield _cell(trait.of(run_state) for trait in TRAITS.values())
    yield _day_bucket(day)
    yield _block_bucket(day // BLOCK)
    if run_state.overdue:
        yield _overdue_bucket(run_state.overdue)
    yield from map(_group_bucket, run_state.group_ids)


def buckets_of(wanted: ProgressFilter, now: datetime, groups: Set[str] = frozenset()) -> list[str]:
    """Return buckets that together have all learners of a filter, and few others.

    `groups`: only members of these are wanted; empty: all learners.
    """
    if wanted.group_id is not None:
        return [_group_bucket(wanted.group_id)]
    if groups:
        return sorted(map(_group_bucket, groups))
    if wanted.not_seen_since is not None:
        return list(_seen_until(min(wanted.not_seen_since, now + timedelta(days=2))))
    if wanted.overdue:
        counts = range(min(wanted.overdue, MANY_OVERDUE), MANY_OVERDUE + 1)
        return list(map(_overdue_bucket, counts))
    return list(map(_cell, product(*_values(wanted).values())))


def _values(wanted: ProgressFilter) -> dict[str, Sequence[str]]:
    """Return the values of each trait that a filter lets in."""
    values = {name: trait.values for name, trait in TRAITS.items()}
    if wanted.mode is not None:
        values["mode"] = [wanted.mode.value]
    if wanted.path_completed is not None:
        values["path_completed"] = [str(int(wanted.path_completed))]
    if wanted.open_catch_ups is not None:
        values["open_catch_ups"] = [str(int(wanted.open_catch_ups))]
    if wanted.behind is not None:
        values["behind"] = [str(int(wanted.behind))]
    return values


def _seen_until(at: datetime) -> Iterator[str]:
    """Yield the buckets of the days until an instant: whole blocks, then the days of the last."""
    day = day_of(at)
    yield from map(_block_bucket, range(day // BLOCK))
    yield from map(_day_bucket, range(day - day % BLOCK, day + 1))


def is_needed(before: LearnerRunState, after: LearnerRunState) -> bool:
    """Return whether no version that lists learners has seen the learner in the run."""
    return after.is_enrolled and before.listing is None


def with_overdue(
    run_state: LearnerRunState, plan: Plan, now: datetime, dues: Dues
) -> LearnerRunState:
    """Return the run state with the number of overdue activities, which is right until
    `next_due_at`: the timer looks at the learner again when the next due passes.
    """
    if not run_state.is_enrolled:
        return replace(run_state, overdue=0)
    open_dues = [stored(due) for due in to_be_done(run_state, plan, dues)]
    still = [due + AFTER for due in open_dues if due >= now]
    next_due_at = earliest(run_state.next_due_at, *still)
    return replace(run_state, overdue=len(open_dues) - len(still), next_due_at=next_due_at)


def _score(run_state: LearnerRunState, plan: Plan | None) -> int:
    """Return the mean score, in millionths from 1 up; 0 without any."""
    mean = mean_score(run_state.scores, plan) if plan and run_state.scores else None
    return 0 if mean is None else round((mean + 1) * 1_000_000) + 1


def _time_on_task(run_state: LearnerRunState) -> int:
    return sittings.time_on_task(run_state.sittings) // TIME_STEP


def _steps(at: datetime | None, step: timedelta) -> int:
    """Return an instant as a number of steps, from 1; 0 for none, and long ago."""
    return max(0, (at - DAY_ZERO) // step + 1) if at else 0


def day_of(at: datetime | None) -> int:
    """Return the day of an instant, in UTC: `DAY_ZERO` is day 1; 0 for none, and long ago."""
    return _steps(at, timedelta(days=1))


def _cell(values: Iterable[str]) -> str:
    return ":".join(("cell", *values))


def _flag(count: int) -> str:
    return _NO_OR_YES[count > 0]


def _overdue_bucket(count: int) -> str:
    return f"overdue:{min(count, MANY_OVERDUE)}"


def _day_bucket(day: int) -> str:
    return f"day:{day}"


def _block_bucket(block: int) -> str:
    return f"block:{block}"


def _group_bucket(group_id: str) -> str:
    return f"group:{group_id}"
