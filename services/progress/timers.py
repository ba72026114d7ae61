"""The timers of progress: they work in chunks, each in its own unit of work."""

import itertools
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog

from chassis.data.store import Database, is_away
from chassis.messaging.subscriptions import Timer
from chassis.operations import metrics
from services.progress.domain.enums import Key
from services.progress.metrics import RECORDING_PLAYABLE
from services.progress.store import ProgressStore
from services.progress.usecases import plans, waiting

# A poll that finds nothing costs a millisecond.
FAST_POLL, EVERY_SECOND = timedelta(milliseconds=200), timedelta(seconds=1)
RELEASE_MATERIALS, REEVALUATE, MISS = "progress.give_way", "progress.revisit", "progress.miss"
END_RUNS = "progress.end_runs"

log = structlog.get_logger()


def timers(grace: timedelta) -> tuple[Timer[ProgressStore], ...]:
    """Return the timers. `grace`: how long after its end a class waits for its recording."""
    return (
        Timer(RELEASE_MATERIALS, EVERY_SECOND, partial(release_materials, grace=grace)),
        Timer(REEVALUATE, FAST_POLL, reevaluate),
        Timer(MISS, EVERY_SECOND, miss),
        Timer(END_RUNS, EVERY_SECOND, end_runs),
    )


def release_materials(database: Database[ProgressStore], grace: timedelta) -> None:
    """Release the materials of classes whose recordings did not come in time.

    A recording that never came counts as late, too: nothing else would report it.
    """

    def some(store: ProgressStore) -> bool:
        waited = waiting.release_materials(store, grace)
        for late in plans.recordings_missed(store, waited):
            store.on_commit(partial(RECORDING_PLAYABLE.observe, late.total_seconds()))
        return len(waited) == waiting.CHUNK

    _all(database, some, RELEASE_MATERIALS)


def reevaluate(database: Database[ProgressStore], ahead: timedelta = timedelta()) -> None:
    """Evaluate learners of changed plans again, until no run's turn is due.

    `ahead`: act as if the system's time were this much later.
    """
    _all(database, partial(plans.change_unseen, most=waiting.CHUNK), REEVALUATE)
    at = datetime.now(UTC) + ahead
    _all(database, partial(plans.notify_again, at=at, most=waiting.CHUNK), REEVALUATE)
    failed: set[Key] = set()
    while True:
        turn = partial(waiting.next_turn, at=datetime.now(UTC) + ahead, but=failed)
        keys = database.transact(turn, REEVALUATE)
        if keys is None:
            return
        failed |= _look_again(database, keys, REEVALUATE)


def miss(database: Database[ProgressStore]) -> None:
    """Mark catch-ups past their due as missed."""
    failed: set[Key] = set()
    while keys := database.reader().overdue_catch_ups(waiting.CHUNK, failed):
        failed |= _look_again(database, list(dict.fromkeys(keys)), MISS)


def end_runs(database: Database[ProgressStore]) -> None:
    """Settle the open catch-ups of runs that have ended."""
    _all(database, partial(plans.end_runs, most=waiting.CHUNK), END_RUNS)


def _all(
    database: Database[ProgressStore], some: Callable[[ProgressStore], bool], writer: str
) -> None:
    while database.transact(some, writer):
        pass


def _look_again(database: Database[ProgressStore], keys: Sequence[Key], writer: str) -> set[Key]:
    """Evaluate these learners; return those who can't be, so that one does not block others."""
    try:
        database.transact(_by_fewer(keys), writer)
    except Exception as error:
        if is_away(error):
            raise
        if len(keys) == 1:
            metrics.TIMER_FAILURES.labels(writer).inc()
            log.exception("a learner can't be evaluated", timer=writer, key=keys[0])
            return set(keys)
    else:
        return set()
    middle = len(keys) // 2
    return _look_again(database, keys[:middle], writer) | _look_again(
        database, keys[middle:], writer
    )


def _by_fewer(keys: Sequence[Key]) -> Callable[[ProgressStore], None]:
    """Return work that evaluates learners; after each conflict only half as many.

    The rest is found again in the next turn.
    """
    attempts = itertools.count()
    return lambda store: waiting.look_again(store, keys[: max(1, len(keys) >> next(attempts))])
