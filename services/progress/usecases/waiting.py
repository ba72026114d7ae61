"""What time causes.

Recordings are waited for no longer, whole runs revisited a part at a time, catch-ups missed.
"""

from datetime import timedelta

from services.progress.domain.evidence import item_target
from services.progress.domain.revisits import following, served
from services.progress.ports import Store
from services.progress.usecases.plans import pass_over
from services.progress.usecases.reviews import News, review

# Learners in one unit of work: a tenth of a second of the run's guard.
PART = 500


def give_way(store: Store, grace: timedelta) -> bool:
    """Let materials stand in for recordings that did not come within `grace` of the class's end.

    A recording that comes later takes its place all the same. Answers whether there may be more.
    """
    waited = store.sessions_ended_by(store.now - grace, PART)
    pass_over(store, waited)
    return len(waited) == PART


def revisit_next(store: Store) -> bool:
    """Review the next part of the run whose turn was the longest ago; answers whether one waits."""
    revisit = store.next_revisit()
    if revisit is None:
        return False
    targets = None if revisit.everything else frozenset(map(item_target, revisit.item_ids))
    keys = store.learners_after(revisit.id, revisit.after, PART)
    store.guard_runs([revisit.id])
    review(store, [News(key, store.now, targets=targets) for key in keys])
    if len(keys) == PART:
        store.put_revisit(served(revisit, keys[-1][1], store.now))
    elif again := following(revisit, store.now):
        store.put_revisit(again)
    else:
        store.remove_revisit(revisit.id)
    return True


def miss_overdue(store: Store) -> bool:
    """Call catch-ups missed whose due has passed; answers whether there may be more."""
    keys = store.overdue_catch_ups(PART)
    review(store, [News(key, store.now) for key in dict.fromkeys(keys)])
    return len(keys) == PART
