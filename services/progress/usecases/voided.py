"""Taking back what voided statements brought."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from functools import partial

from services.progress.domain.enums import Key
from services.progress.domain.events import StatementVoided
from services.progress.domain.rebuilding import without_voided
from services.progress.domain.statements import Statement
from services.progress.ports_rebuilds import RebuildsStore
from services.progress.usecases.reviews import LearnerUpdate, review


def retract(store: RebuildsStore, voided: Iterable[StatementVoided]) -> None:
    """Make the evidence of learners anew from the statements that remain, and take back what these
    do not prove (domain/taking_back.py).

    The voided ones are not counted any more: each is counted once when it comes (study.py).
    """
    voided = list(voided)
    keys = list(dict.fromkeys((each.run_id, each.learner_id) for each in voided))
    remaining, own = store.statements_of(keys), _by_learner(store, voided)
    changes = {
        key: partial(without_voided, voided=own[key], remaining=remaining.get(key, ()))
        for key in keys
    }
    review(store, [LearnerUpdate(key, store.now, changes[key], targets=None) for key in keys])
    counts = Counter(each.run_id for each in voided)
    store.add_to_summaries({run_id: {"statements": -count} for run_id, count in counts.items()})


def _by_learner(
    store: RebuildsStore, voided: Iterable[StatementVoided]
) -> dict[Key, list[Statement]]:
    """Return the voided statements of each learner in a run."""
    found: dict[Key, list[Statement]] = defaultdict(list)
    for each in store.statements([one.statement_id for one in voided]).values():
        if each is not None:
            found[each.run_id, each.learner_id].append(each)
    return found
