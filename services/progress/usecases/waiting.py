"""What time causes.

Recordings are waited for no longer, whole runs evaluated again a part at a time, catch-ups missed.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from services.progress.domain.enums import Key
from services.progress.domain.reevaluations import Reevaluation, served, waiting
from services.progress.domain.sessions import Session
from services.progress.ports import Store
from services.progress.usecases.plans import pass_over
from services.progress.usecases.reviews import LearnerUpdate, review

# Learners in one unit of work: a tenth of a second.
CHUNK = 500


def release_materials(store: Store, grace: timedelta) -> list[Session]:
    """Let materials stand in for recordings that did not come within `grace` of the class's end.

    A recording that comes later takes its place all the same. Answers the classes that had ended by
    then; fewer than `PART` are the last.
    """
    waited = store.sessions_ended_by(store.now - grace, CHUNK)
    pass_over(store, waited)
    return waited


def next_turn(store: Store, at: datetime, but: Collection[Key] = ()) -> list[Key] | None:
    """Learners who are behind, of the run whose turn came the longest ago; None: no run's turn.

    Of a run of which nobody is behind any more, its last turn comes when all that began before its
    plan changed has ended. `but`: learners to pass over.
    """
    reevaluation = store.next_reevaluation(at)
    if reevaluation is None:
        return None
    behind = _behind(store, reevaluation, but)
    if behind:
        store.put_reevaluations([served(reevaluation, at)])
    elif reevaluation.is_over(at):
        store.remove_reevaluation(reevaluation.id)
    else:
        store.put_reevaluations([waiting(reevaluation)])
    return behind


def look_again(store: Store, keys: Sequence[Key]) -> None:
    """Hold learners against the plans of their runs as they are by now."""
    review(store, [LearnerUpdate(key, store.now) for key in keys])


def _behind(store: Store, reevaluation: Reevaluation, but: Collection[Key]) -> list[Key]:
    plan = store.plans([reevaluation.id]).get(reevaluation.id)
    if plan is None:
        return []  # not opened yet: that will be a change, too
    own = [key for key in but if key[0] == reevaluation.id]
    return store.learners_behind(reevaluation.id, plan.history.asks, CHUNK, own)
