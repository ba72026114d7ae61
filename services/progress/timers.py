"""The timers of progress: they work in chunks, each in its own unit of work.

One bad row stops no timer. A chunk that fails is tried in halves; a row that fails alone is logged,
counted in `tandem_timer_failures_total`, and set aside for some time, so that the next passes don't
begin with it.
"""

import itertools
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from operator import itemgetter
from typing import Generic, TypeVar

import structlog

from chassis.data.store import Database, is_away
from chassis.messaging.subscriptions import Timer
from chassis.operations import metrics
from services.progress.domain.enums import Key
from services.progress.metrics import OLDEST_VERDICT_DUE, RECORDING_PLAYABLE
from services.progress.ports import Turn
from services.progress.store import ProgressStore
from services.progress.store_replicas import Document
from services.progress.usecases import plans, rebuilds, waiting
from services.progress.usecases.falling_behind import counted_silences

# A poll that finds nothing costs a millisecond.
FAST_POLL, EVERY_SECOND = timedelta(milliseconds=200), timedelta(seconds=1)
WATCH_EVERY = timedelta(seconds=15)
RELEASE_MATERIALS, REEVALUATE, MISS = "progress.give_way", "progress.revisit", "progress.miss"
END_RUNS, DUES, ZONES = "progress.end_runs", "progress.dues", "progress.zones"
FALLING_BEHIND, REBUILD = "progress.falling_behind", "progress.rebuild"
WATCH = "progress.watch"

R = TypeVar("R")

log = structlog.get_logger()


def timers(grace: timedelta) -> tuple[Timer[ProgressStore], ...]:
    """Return the timers. `grace`: how long after its end a class waits for its recording."""
    return (
        Timer(RELEASE_MATERIALS, EVERY_SECOND, partial(release_materials, grace=grace)),
        Timer(REEVALUATE, FAST_POLL, reevaluate),
        Timer(MISS, EVERY_SECOND, miss),
        Timer(END_RUNS, EVERY_SECOND, end_runs),
        Timer(DUES, EVERY_SECOND, tell_dues),
        Timer(FALLING_BEHIND, EVERY_SECOND, judge),
        Timer(ZONES, timedelta(minutes=10), apply_zone_data),
        Timer(REBUILD, EVERY_SECOND, rebuild_runs),
        Timer(WATCH, WATCH_EVERY, watch, alone=False),
    )


def release_materials(database: Database[ProgressStore], grace: timedelta) -> None:
    """Release the materials of classes whose recordings did not come in time.

    A recording that never came counts as late, too: nothing else would report it.
    """

    def work(store: ProgressStore, session_ids: Sequence[str]) -> None:
        waited = waiting.release_materials(store, session_ids)
        for late in plans.recordings_missed(store, waited):
            store.on_commit(partial(RECORDING_PLAYABLE.observe, late.total_seconds()))

    def find(store: ProgressStore) -> list[str]:
        return store.sessions_ended_by(store.now - grace, waiting.CHUNK)

    _work_off(database, Chore(RELEASE_MATERIALS, "sessions", find, work))


def reevaluate(database: Database[ProgressStore], ahead: timedelta = timedelta()) -> None:
    """Evaluate learners of changed plans again, until no run's turn is due.

    `ahead`: act as if the system's time were this much later.
    """
    at = datetime.now(UTC) + ahead
    _work_off(database, Chore(REEVALUATE, "revisits", _runs_changed_unseen, plans.change_unseen))
    find = partial(ProgressStore.item_updates_until, at=at, most=waiting.CHUNK)
    _work_off(database, Chore(REEVALUATE, "item_news", find, plans.notify_again))
    failed: set[Key] = set()
    while (keys := _next_turn(database, datetime.now(UTC) + ahead, failed)) is not None:
        _in_halves(database, keys, waiting.look_again, REEVALUATE, failed.add)


def miss(database: Database[ProgressStore]) -> None:
    """Mark catch-ups past their due as missed."""
    find = partial(ProgressStore.overdue_catch_ups, most=waiting.CHUNK)
    _work_off(database, Chore(MISS, "catch_ups", find, waiting.end_overdue, itemgetter(0)))


def tell_dues(database: Database[ProgressStore]) -> None:
    """Tell learners of dues that approach or are past."""
    find = partial(ProgressStore.learners_to_tell, most=waiting.CHUNK)
    _work_off(database, Chore(DUES, "standings", find, waiting.take_turns, _id_of_turn))


def _id_of_turn(turn: Turn) -> Document:
    return {"run_id": turn.key[0], "learner_id": turn.key[1]}


def judge(database: Database[ProgressStore]) -> None:
    """Judge learners whom the passing of time may have let fall behind, or recover."""

    def find(store: ProgressStore) -> list[Turn]:
        turns = store.learners_to_judge(waiting.CHUNK)
        # Not in the learners' unit of work: it reads whole runs.
        silences = counted_silences(store, {turn.key[0] for turn in turns})
        if silences:
            database.transact(lambda store: store.put_silences(silences), FALLING_BEHIND)
        return turns

    _work_off(database, Chore(FALLING_BEHIND, "standings", find, waiting.take_turns, _id_of_turn))


def watch(database: Database[ProgressStore]) -> None:
    """Report for how long a learner has waited to be judged."""
    OLDEST_VERDICT_DUE.set(database.reader().oldest_verdict_due().total_seconds())


def end_runs(database: Database[ProgressStore]) -> None:
    """Settle the open catch-ups of runs that have ended."""

    def find(store: ProgressStore) -> list[str]:
        return store.runs_ended_by(store.now, waiting.CHUNK)

    _work_off(database, Chore(END_RUNS, "runs", find, plans.end_runs))


def apply_zone_data(database: Database[ProgressStore]) -> None:
    """Let the learners of runs be evaluated again whose zone has other data than before."""
    find = partial(ProgressStore.runs_of_other_zone_data, most=waiting.CHUNK)
    _work_off(database, Chore(ZONES, "runs", find, plans.apply_zone_data))


def rebuild_runs(database: Database[ProgressStore]) -> None:
    """Rebuild runs from their statements, one after the other."""

    def pass_over(key: Key) -> None:
        database.transact(lambda store: rebuilds.pass_over(store, key), REBUILD)

    while (run_id := database.reader().next_rebuild()) is not None:
        keys = database.transact(partial(rebuilds.next_learners, run_id=run_id), REBUILD)
        _in_halves(database, keys, rebuilds.rebuild_learners, REBUILD, pass_over)


@dataclass(frozen=True)
class Chore(Generic[R]):
    """Work of a timer on the documents of one collection that are due."""

    writer: str
    collection: str
    find: Callable[[ProgressStore], Sequence[R]]
    """Find the next rows, without those set aside. It reads ids only, so no document fails it."""
    work: Callable[[ProgressStore, Sequence[R]], object]
    """Do the work on these rows, so that they are not due any more."""
    id_of: Callable[[R], object] = str


def _work_off(database: Database[ProgressStore], chore: Chore[R]) -> None:
    """Do a chore until nothing is due. A row that fails is set aside for some time, alone."""

    def set_aside(row: R) -> None:
        ids = [chore.id_of(row)]
        database.transact(lambda store: store.set_aside(chore.collection, ids), chore.writer)

    worked_on: set[R] = set()
    while rows := chore.find(database.reader()):
        for row in rows:
            if row in worked_on:
                log.error("a row stays due after its work", timer=chore.writer, row=row)
                metrics.TIMER_FAILURES.labels(chore.writer).inc()
                set_aside(row)
        fresh = [row for row in rows if row not in worked_on]
        done = _in_halves(database, fresh, chore.work, chore.writer, set_aside)
        worked_on.update(done)


def _in_halves(
    database: Database[ProgressStore],
    rows: Sequence[R],
    work: Callable[[ProgressStore, Sequence[R]], object],
    writer: str,
    give_up: Callable[[R], object],
) -> list[R]:
    """Do work on rows in one unit of work, or in halves if it fails; give up those that fail alone.

    Return the rows that it worked on or gave up: after conflicts these are not all.
    """
    if not rows:
        return []
    try:
        return database.transact(_by_fewer(rows, work), writer)
    except Exception as error:
        if is_away(error):
            raise
        if len(rows) == 1:
            _report("a row can't be worked on", writer, rows[0])
            give_up(rows[0])
            return list(rows)
    middle = len(rows) // 2
    parts = rows[:middle], rows[middle:]
    return [row for part in parts for row in _in_halves(database, part, work, writer, give_up)]


def _by_fewer(
    rows: Sequence[R], work: Callable[[ProgressStore, Sequence[R]], object]
) -> Callable[[ProgressStore], list[R]]:
    """Return work on rows, after each conflict on only half as many; it returns these rows.

    The others are found again in the next turn.
    """
    attempts = itertools.count()

    def some(store: ProgressStore) -> list[R]:
        few = rows[: max(1, len(rows) >> next(attempts))]
        work(store, few)
        return list(few)

    return some


def _next_turn(
    database: Database[ProgressStore], at: datetime, failed: Collection[Key]
) -> list[Key] | None:
    """Return the learners of the next turn; a run whose plan can't be read has none, and is set
    aside.
    """
    try:
        return database.transact(partial(waiting.next_turn, at=at, but=failed), REEVALUATE)
    except Exception as error:
        run_id = None if is_away(error) else database.reader().next_reevaluation(at)
        if run_id is None:
            raise
        _report("a run's turn can't begin", REEVALUATE, run_id)
    database.transact(lambda store: store.set_aside("plan_revisits", [run_id]), REEVALUATE)
    return []


def _runs_changed_unseen(store: ProgressStore) -> list[str]:
    return store.changed_by_older_versions(waiting.CHUNK)


def _report(what: str, writer: str, row: object) -> None:
    """Log and count the failure that is being handled."""
    metrics.TIMER_FAILURES.labels(writer).inc()
    log.exception(what, timer=writer, row=row)
