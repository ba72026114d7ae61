"""Taking back what voided statements brought."""

from collections import Counter
from collections.abc import Iterable
from functools import partial

from services.progress.domain.events import StatementVoided
from services.progress.domain.rebuilding import without_voided
from services.progress.ports_rebuilds import RebuildsStore
from services.progress.usecases.reviews import LearnerUpdate, review


def retract(store: RebuildsStore, voided: Iterable[StatementVoided]) -> None:
    """Make the evidence of learners anew from the statements that remain, and take back what these
    do not prove (domain/taking_back.py).

    The voided ones are not counted any more: each is counted once when it comes (study.py).
    """
    voided = list(voided)
    keys = list(dict.fromkeys((each.run_id, each.learner_id) for each in voided))
    remaining = store.statements_of(keys)
    changes = {key: partial(without_voided, remaining=remaining.get(key, ())) for key in keys}
    review(store, [LearnerUpdate(key, store.now, changes[key], targets=None) for key in keys])
    counts = Counter(each.run_id for each in voided)
    store.add_to_summaries({run_id: {"statements": -count} for run_id, count in counts.items()})
