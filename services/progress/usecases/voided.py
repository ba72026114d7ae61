"""Taking back what voided statements brought."""

from collections import defaultdict
from collections.abc import Iterable
from functools import partial

from services.progress.domain.enums import Key
from services.progress.domain.events import StatementVoided
from services.progress.domain.evidence import targets_named
from services.progress.domain.rebuilding import without_voided
from services.progress.domain.statements import Recorded
from services.progress.ports_rebuilds import RebuildsStore
from services.progress.usecases.reviews import LearnerUpdate, review


def retract(store: RebuildsStore, voided: Iterable[StatementVoided]) -> None:
    """Make the evidence of learners anew from the statements that remain; what these do not
    complete is not completed any more.

    Catch-ups that the voided ones completed stay so.
    """
    targets: dict[Key, set[str]] = defaultdict(set)
    for each in voided:
        named = targets_named(each.activity_id, each.item_id)
        targets[each.run_id, each.learner_id].update(named)
    remaining = store.statements_of(targets)
    nothing = Recorded((), store.now)
    review(
        store,
        [
            LearnerUpdate(
                key,
                store.now,
                partial(
                    without_voided,
                    recorded=remaining.get(key, nothing),
                    targets=frozenset(some),
                ),
                targets=None,
            )
            for key, some in targets.items()
        ],
    )
