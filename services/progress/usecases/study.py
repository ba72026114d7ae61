"""What statements do to their learners."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce

from chassis.refusals import NotFound
from services.progress.domain.evidence import targets_of
from services.progress.domain.learner import Learner, did
from services.progress.domain.path import Run
from services.progress.domain.statements import Statement
from services.progress.domain.words import Key
from services.progress.ports import Store
from services.progress.usecases.reviews import News, review


@dataclass(frozen=True, slots=True)
class Recorded:
    """Statements of one learner that were taken in together."""

    statements: tuple[Statement, ...]
    at: datetime


def study(store: Store, batch: Iterable[Recorded]) -> None:
    """Turn statements into evidence, and evidence into completions and studied catch-ups.

    Raises NotFound while a run was never heard of.
    """
    news = [_news(key, own, each.at) for each in batch for key, own in _by_run(each).items()]
    _check_runs(store, {each.key[0] for each, _ in news})
    review(store, [each for each, _ in news])
    counts: Counter[str] = Counter()
    for each, count in news:
        counts[each.key[0]] += count
    store.add_to_summaries({run_id: {"statements": count} for run_id, count in counts.items()})


def _check_runs(store: Store, run_ids: set[str]) -> None:
    unknown = sorted(run_ids - store.copies(Run, run_ids).keys())
    if unknown:
        raise NotFound(f"no run is known by the id {', '.join(unknown)}")


def _by_run(recorded: Recorded) -> dict[Key, list[Statement]]:
    found = defaultdict(list)
    for statement in recorded.statements:
        found[statement.run_id, statement.learner_id].append(statement)
    return found


def _news(key: Key, statements: Sequence[Statement], at: datetime) -> tuple[News, int]:
    def change(learner: Learner) -> Learner:
        return reduce(did, statements, learner)

    targets = frozenset(target for each in statements for target in targets_of(each))
    return News(key, at, change, targets), len(statements)
