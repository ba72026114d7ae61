"""Revisits: what changed for a whole run is held against its learners a few at a time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from services.progress.domain.sessions import Item, Session, stand_ins


@dataclass(frozen=True, slots=True)
class Revisit:
    """A run whose learners are to be reviewed."""

    id: str
    """The run."""
    everything: bool = False
    """Whether all evidence is to be judged again, or that of `item_ids` only."""
    item_ids: tuple[str, ...] = ()
    after: str = ""
    """The last learner who was reviewed."""
    next_everything: bool = False
    """As `everything`, for another pass after the one under way."""
    next_item_ids: tuple[str, ...] = ()
    """As `item_ids`, for that pass."""
    again: bool = False
    """Whether there is to be another pass."""
    served_at: datetime | None = None
    """When its turn was last; at first since when it waits. Runs take turns by it."""


def widened(
    revisit: Revisit | None, run_id: str, item_ids: Iterable[str] | None, now: datetime
) -> Revisit:
    """The revisit that the run needs now. `item_ids`: None for all evidence.

    A pass under way goes on, and another follows it: were it begun anew by each event of a busy
    run, it would never come to its last learner.
    """
    known = revisit or Revisit(run_id, served_at=now)
    if not known.after:
        everything, wanted = _together(known.everything, known.item_ids, item_ids)
        return replace(known, everything=everything, item_ids=wanted)
    everything, wanted = _together(known.next_everything, known.next_item_ids, item_ids)
    return replace(known, next_everything=everything, next_item_ids=wanted, again=True)


def served(revisit: Revisit, after: str, now: datetime) -> Revisit:
    """The revisit after its turn, in which it came to `after`."""
    return replace(revisit, after=after, served_at=now)


def following(revisit: Revisit, now: datetime) -> Revisit | None:
    """The next pass, once one came to its end; None when nothing came meanwhile."""
    if not revisit.again:
        return None
    wanted = revisit.next_item_ids
    return Revisit(revisit.id, revisit.next_everything, wanted, served_at=now)


def _together(
    everything: bool, known: tuple[str, ...], more: Iterable[str] | None
) -> tuple[bool, tuple[str, ...]]:
    if everything or more is None:
        return True, ()
    return False, tuple(dict.fromkeys((*known, *more)))


def matters(before: Session | None, after: Session, items: Mapping[str, Item]) -> bool:
    """Whether what came to be known of a session may change what learners have done."""
    if before is None:
        return bool(stand_ins(after, items))
    facts = (before.activity_id, before.ended_at, stand_ins(before, items))
    return facts != (after.activity_id, after.ended_at, stand_ins(after, items))
