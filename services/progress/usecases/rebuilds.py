"""Rebuilding runs from their statements, a few learners at a time, while all else goes on.

A unit of work reads a learner's statements and writes the learner's run state, so one that applies
a statement at the same time conflicts with it, and one of the two starts again. A statement that is
stored later is applied later, to the rebuilt evidence.
"""

from collections.abc import Sequence
from dataclasses import replace

from chassis.errors import NotFound
from services.progress.domain.enums import Key
from services.progress.domain.learner import Learner
from services.progress.domain.rebuilding import Rebuild, advanced, is_changed, rebuilt
from services.progress.ports_rebuilds import RebuildsStore
from services.progress.usecases.reviews import LearnerUpdate, review

# Learners in one unit of work. Each may have thousands of statements.
CHUNK = 20


def start_rebuild(store: RebuildsStore, run_id: str, requested_by: str) -> Rebuild:
    """Begin the rebuild of a run, or return the one that is under way. Raises NotFound."""
    if run_id not in store.plans([run_id]):
        raise NotFound(f"run {run_id!r} is not known")
    known = store.rebuild_of(run_id)
    if known is not None and known.finished_at is None:
        return known
    rebuild = Rebuild(run_id, requested_by, store.now)
    store.put_rebuild(rebuild)
    return rebuild


def get_rebuild(store: RebuildsStore, run_id: str) -> Rebuild:
    """Return the latest rebuild of a run. Raises NotFound."""
    found = store.rebuild_of(run_id)
    if found is None:
        raise NotFound(f"run {run_id!r} was never rebuilt")
    return found


def next_learners(store: RebuildsStore, run_id: str) -> Sequence[Key]:
    """Return the next learners to rebuild; if there are none, the rebuild is finished."""
    rebuild = get_rebuild(store, run_id)
    keys = store.learners_after(run_id, rebuild.after, CHUNK)
    if not keys:
        store.put_rebuild(replace(rebuild, finished_at=store.now))
    return keys


def rebuild_learners(store: RebuildsStore, keys: Sequence[Key]) -> None:
    """Make the evidence of the next learners of a run anew, and review them."""
    statements, changed = store.statements_of(keys), set[Key]()

    def anew(learner: Learner) -> Learner:
        key = learner.run_state.key
        after = rebuilt(learner, statements.get(key, ()))
        if is_changed(learner, after):
            changed.add(key)
        return after

    review(store, [LearnerUpdate(key, store.now, anew, targets=None) for key in keys])
    _advance(store, keys, len(keys), len(changed))


def pass_over(store: RebuildsStore, key: Key) -> None:
    """Go on after a learner who can't be rebuilt."""
    _advance(store, [key])


def _advance(store: RebuildsStore, keys: Sequence[Key], done: int = 0, changed: int = 0) -> None:
    run_id, last = keys[-1]
    rebuild = get_rebuild(store, run_id)
    store.put_rebuild(advanced(rebuild, last, done, changed, len(keys) - done))
