"""Re-evaluation: what changed for a whole run is held against its learners, a few at a time.

A plan has a version, and each learner's standing has the version against which the learner was
evaluated last. Who is behind is evaluated again. Learners and plans are written without a lock on
each other: a unit of work that began before a plan changed may end after it, and leave a learner
who was evaluated against the plan as it was. So a run has its last turn when all these have ended.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.progress.domain.plan_history import NO_EFFECT, Effect
from services.progress.domain.sessions import Item, Session, substitutes

# MongoDB ends a transaction after 60 s, for which it looks every 30 s. A change may be told that
# long before it is committed, and a learner's unit of work may end that long after it; and the
# processes' clocks differ.
AGAIN_AFTER = timedelta(minutes=2 * 1.5 + 1)


@dataclass(frozen=True, slots=True)
class Reevaluation:
    """A run whose learners are to be evaluated again. Times are the system's, not a steered one."""

    id: str
    """The run."""
    changed_at: datetime
    """When its plan changed last."""
    turn_at: datetime
    """When it is its turn. Runs take turns by it."""

    def is_over(self, at: datetime) -> bool:
        """Whether all that began before the last change has ended, when nobody is behind."""
        return at >= self.changed_at + AGAIN_AFTER


def begun(known: Reevaluation | None, run_id: str, at: datetime) -> Reevaluation:
    """The revisit that a run needs whose plan changes at `at`. It keeps its place in the line."""
    return Reevaluation(run_id, changed_at=at, turn_at=min(known.turn_at, at) if known else at)


def served(reevaluation: Reevaluation, at: datetime) -> Reevaluation:
    """The revisit after a turn with learners who were behind: the others come first now."""
    return replace(reevaluation, turn_at=at)


def waiting(reevaluation: Reevaluation) -> Reevaluation:
    """The revisit after a turn in which nobody was behind any more."""
    return replace(reevaluation, turn_at=reevaluation.changed_at + AGAIN_AFTER)


def effect_of(before: Session | None, after: Session, items: Mapping[str, Item]) -> Effect:
    """What news of a session mean for what learners have done."""
    if before is None:
        matters = bool(substitutes(after, items))
    else:
        facts = (before.activity_id, before.ended_at, substitutes(before, items))
        matters = facts != (after.activity_id, after.ended_at, substitutes(after, items))
    return Effect(frozenset(after.mentions)) if matters else NO_EFFECT


@dataclass(frozen=True, slots=True)
class ItemUpdate:
    """News of an item, of which the runs that name it are told once more.

    A session or a path that began to name it at the same moment, in a unit of work that did not see
    these news, was not seen by them either.
    """

    id: str
    """The item."""
    told: frozenset[str]
    """The runs that were told."""
    again_at: datetime
    """When to look again, by the system's time."""
