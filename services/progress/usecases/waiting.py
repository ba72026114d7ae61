"""The use cases of the timers.

They stop waiting for recordings, re-evaluate runs in chunks, and mark catch-ups as missed.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from services.progress.domain.enums import Key
from services.progress.domain.reevaluations import Reevaluation, served, waiting
from services.progress.domain.sessions import Session
from services.progress.ports import Overdue, Store, Turn
from services.progress.usecases.plans import pass_over
from services.progress.usecases.reviews import LearnerUpdate, review

# Learners in one unit of work, which takes about a tenth of a second.
CHUNK = 500


def release_materials(store: Store, session_ids: Collection[str]) -> list[Session]:
    """Release materials of classes whose recordings did not come in time, and return the classes.

    A later recording still replaces the materials.
    """
    sessions = store.sessions(session_ids).values()
    waited = [session for session in sessions if not session.waited]
    pass_over(store, waited)
    return waited


def end_overdue(store: Store, overdue: Sequence[Overdue]) -> None:
    """Evaluate the learners of catch-ups past their due: these are missed, or dropped."""
    look_again(store, list(dict.fromkeys(key for _, key in overdue)))


def take_turns(store: Store, turns: Sequence[Turn]) -> None:
    """Evaluate learners of whose dues something may be to tell, or whom the passing of time may
    have let fall behind.
    """
    look_again(store, list(dict.fromkeys(turn.key for turn in turns)))


def next_turn(store: Store, at: datetime, but: Collection[Key] = ()) -> list[Key] | None:
    """Return learners who are behind, of the run that is due for longest; None if none is due.

    If no learner of a run is behind, its last turn comes when all units of work that began before
    its plan changed have ended. `but`: learners to skip.
    """
    run_id = store.next_reevaluation(at)
    if run_id is None:
        return None
    reevaluation = store.reevaluations([run_id])[run_id]
    behind = _behind(store, reevaluation, but)
    if behind:
        store.put_reevaluations([served(reevaluation, at)])
    elif reevaluation.is_over(at):
        store.remove_reevaluation(reevaluation.id)
    else:
        store.put_reevaluations([waiting(reevaluation)])
    return behind


def look_again(store: Store, keys: Sequence[Key]) -> None:
    """Evaluate learners against the present plans of their runs."""
    review(store, [LearnerUpdate(key, store.now) for key in keys])


def _behind(store: Store, reevaluation: Reevaluation, but: Collection[Key]) -> list[Key]:
    plan = store.plans([reevaluation.id]).get(reevaluation.id)
    if plan is None:
        return []  # not opened yet: opening it will be a change, too
    own = [key for key in but if key[0] == reevaluation.id]
    return store.learners_behind(reevaluation.id, plan.history.asks, CHUNK, own)
