"""What time causes.

Recordings are waited for no longer, whole runs evaluated again a part at a time, catch-ups missed.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from services.progress.domain.revisits import Revisit, served, waiting
from services.progress.domain.sessions import Session
from services.progress.domain.words import Key
from services.progress.ports import Store
from services.progress.usecases.plans import pass_over
from services.progress.usecases.reviews import News, review

# Learners in one unit of work: a tenth of a second.
PART = 500


def give_way(store: Store, grace: timedelta) -> list[Session]:
    """Let materials stand in for recordings that did not come within `grace` of the class's end.

    A recording that comes later takes its place all the same. Answers the classes that had ended by
    then; fewer than `PART` are the last.
    """
    waited = store.sessions_ended_by(store.now - grace, PART)
    pass_over(store, waited)
    return waited


def next_turn(store: Store, at: datetime, but: Collection[Key] = ()) -> list[Key] | None:
    """Learners who are behind, of the run whose turn came the longest ago; None: no run's turn.

    Of a run of which nobody is behind any more, its last turn comes when all that began before its
    plan changed has ended. `but`: learners to pass over.
    """
    revisit = store.next_revisit(at)
    if revisit is None:
        return None
    behind = _behind(store, revisit, but)
    if behind:
        store.put_revisits([served(revisit, at)])
    elif revisit.is_over(at):
        store.remove_revisit(revisit.id)
    else:
        store.put_revisits([waiting(revisit)])
    return behind


def look_again(store: Store, keys: Sequence[Key]) -> None:
    """Hold learners against the plans of their runs as they are by now."""
    review(store, [News(key, store.now) for key in keys])


def _behind(store: Store, revisit: Revisit, but: Collection[Key]) -> list[Key]:
    plan = store.plans([revisit.id]).get(revisit.id)
    if plan is None:
        return []  # not opened yet: that will be a change, too
    own = [key for key in but if key[0] == revisit.id]
    return store.learners_behind(revisit.id, plan.history.asks, PART, own)
