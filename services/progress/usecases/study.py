"""Applying statements to learners."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from chassis.errors import NotFound
from services.progress.domain.enums import Key
from services.progress.domain.evidence import targets_of
from services.progress.domain.learner import did_all
from services.progress.domain.statements import Recorded, Statement
from services.progress.ports import Store
from services.progress.usecases.reviews import LearnerUpdate, review


def study(store: Store, batch: Iterable[Recorded]) -> None:
    """Turn statements into evidence, and evidence into completions and studied catch-ups.

    What was voided meanwhile proves nothing. Raises NotFound if a run is unknown.
    """
    batch = [*batch]
    news = [_news(key, own) for each in _without_voided(store, batch) for key, own in _by_run(each)]
    _check_runs(store, {each.key[0] for each in news})
    review(store, news)
    # Voided ones, too: the event of the voiding takes one off, whichever comes first (voided.py).
    counts = Counter(one.run_id for each in batch for one in each.statements)
    store.add_to_summaries({run_id: {"statements": count} for run_id, count in counts.items()})


def _without_voided(store: Store, batch: Sequence[Recorded]) -> list[Recorded]:
    """Return a batch without what is voided: its event may come after that of the voiding."""
    voided = store.voided(one.id for each in batch for one in each.statements)
    if not voided:
        return list(batch)
    kept = [
        (tuple(one for one in each.statements if one.id not in voided), each.at) for each in batch
    ]
    return [Recorded(statements, at) for statements, at in kept if statements]


def _check_runs(store: Store, run_ids: set[str]) -> None:
    unknown = sorted(run_ids - store.plans(run_ids).keys())
    if unknown:
        raise NotFound(f"no run is known by the id {', '.join(unknown)}")


def _by_run(recorded: Recorded) -> Iterator[tuple[Key, Recorded]]:
    found: dict[Key, list[Statement]] = defaultdict(list)
    for statement in recorded.statements:
        found[statement.run_id, statement.learner_id].append(statement)
    for key, own in found.items():
        yield key, Recorded(tuple(own), recorded.at)


def _news(key: Key, own: Recorded) -> LearnerUpdate:
    targets = frozenset(target for each in own.statements for target in targets_of(each))
    change = partial(did_all, recorded=own)
    return LearnerUpdate(key, own.at, change, targets)
