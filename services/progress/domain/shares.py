"""Shares: how much of an item a learner has studied.

An item counts only after it is AVAILABLE in the library: only then is it known whether it has a
playing time.
"""

from datetime import datetime

from services.progress.domain.evidence import Evidence, merged, read_at
from services.progress.domain.intervals import joined, measure, within
from services.progress.domain.learner import Learner
from services.progress.domain.plan import Plan
from services.progress.domain.sessions import PLAYED, Item

# Shares are quotients of floats: 0.9 of a length may come out slightly below 0.9.
HAIR = 1e-9
# Players round, and leave hairs between segments: a gap of up to a second counts as watched.
SEAM = 1.0


def share_of(item_id: str, learner: Learner, plan: Plan) -> float:
    """Return the share of an item that was studied, 0 to 1; of a text 0 or 1."""
    item, evidence = plan.items.get(item_id), evidence_on(item_id, learner, plan)
    if item is None or evidence is None:
        return 0.0
    length = playing_time(item, evidence)
    if length:
        watched = joined(within(evidence.watched, length), length, SEAM)
        return min(1.0, measure(watched) / length)
    return 1.0 if read_at(evidence) else 0.0


def studied_at(item_id: str, learner: Learner, plan: Plan) -> datetime | None:
    """Return when enough of an item was studied; None if not yet, or if it is not available."""
    item, evidence = plan.items.get(item_id), evidence_on(item_id, learner, plan)
    if item is None or not item.available or evidence is None:
        return None
    if not playing_time(item, evidence):
        return read_at(evidence)
    enough = share_of(item_id, learner, plan) + HAIR >= plan.run.policy.watched_share
    return evidence.last_at if enough else None


def playing_time(item: Item, evidence: Evidence) -> float:
    """Return an item's seconds, as measured by the library or else by the player; 0 for texts."""
    if item.seconds or item.kind not in PLAYED:
        return item.seconds
    return evidence.length


def evidence_on(item_id: str, learner: Learner, plan: Plan) -> Evidence | None:
    """Return the learner's evidence on an item, from the item and from activities that study it.

    None if there is none.
    """
    found: Evidence | None = None
    for target in plan.targets_of_item(item_id):
        more = learner.evidence.get(target)
        if more is not None:
            found = merged(found, more) if found else more
    return found
