"""Revisits: what changed for a whole run is held against its learners a few at a time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

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


def widened(revisit: Revisit | None, run_id: str, item_ids: Iterable[str] | None) -> Revisit:
    """The revisit that the run needs now: from its first learner on. None: of everything."""
    known = revisit or Revisit(run_id)
    if item_ids is None:
        return Revisit(run_id, everything=True)
    wanted = tuple(dict.fromkeys((*known.item_ids, *item_ids)))
    return replace(known, item_ids=() if known.everything else wanted, after="")


def matters(before: Session | None, after: Session, items: Mapping[str, Item]) -> bool:
    """Whether what came to be known of a session may change what learners have done."""
    if before is None:
        return bool(stand_ins(after, items))
    facts = (before.activity_id, before.ended_at, stand_ins(before, items))
    return facts != (after.activity_id, after.ended_at, stand_ins(after, items))
