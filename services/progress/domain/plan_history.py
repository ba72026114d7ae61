"""The history of a run's plan: a version for each change, and its effect on learners.

A learner's run state has the version that the learner was evaluated against last. The history says
what must be evaluated again since then.
"""

from dataclasses import dataclass, replace

from services.progress.domain.enums import DueCause

# A learner who is behind by more changes than these is evaluated with all evidence.
KEPT = 20


@dataclass(frozen=True, slots=True)
class Cause:
    """Why dues change: a cause, with what it names."""

    kind: DueCause
    activity_id: str = ""
    """EXTENSION: the activity that was extended; SESSION_*: the one of the class."""
    session_id: str = ""
    path_version: int = 0


@dataclass(frozen=True, slots=True)
class Effect:
    """The effect that a change of a plan may have on learners' results."""

    item_ids: frozenset[str] | None = frozenset()
    """The items whose evidence must be evaluated again; None: all evidence."""
    matters: bool = True
    """Whether it may have any effect."""
    causes: tuple[Cause, ...] = ()
    """Why dues may change by it."""

    def __or__(self, other: "Effect") -> "Effect":
        """Return the effect of both together."""
        mine, others = self.item_ids, other.item_ids
        item_ids = None if mine is None or others is None else mine | others
        return Effect(item_ids, self.matters or other.matters, self.causes + other.causes)


NO_EFFECT = Effect(matters=False)
ON_EVERYTHING = Effect(None)


@dataclass(frozen=True, slots=True)
class Change:
    """The change of one version of a plan."""

    version: int
    item_ids: frozenset[str] | None
    """The items of its effect (see `Effect`)."""
    causes: tuple[Cause, ...] = ()
    """Why dues may have changed by it; empty in what an older version stored."""


@dataclass(frozen=True, slots=True)
class PlanHistory:
    """The versions of a run's plan, and their effect on its learners."""

    id: str
    """The id of the run."""
    version: int = 0
    """It grows with each change of the run, its path, its sessions, and the items that they
    name."""
    asks: int = 0
    """The last version that may have an effect on learners' results."""
    changes: tuple[Change, ...] = ()
    """The last versions with an effect, the newest at the end."""
    forgotten: int = 0
    """The last version with an effect that is no longer in `changes`."""

    def is_ahead_of(self, evaluated: int) -> bool:
        """Return whether a learner who was evaluated against that version must be evaluated
        again.
        """
        return evaluated < self.asks

    def items_since(self, evaluated: int) -> frozenset[str] | None:
        """Return the items whose evidence such a learner is evaluated with; None: all evidence."""
        newer = [each.item_ids for each in self.changes if each.version > evaluated]
        if evaluated < self.forgotten or None in newer:
            return None
        return frozenset().union(*(items for items in newer if items is not None))

    def causes_since(self, evaluated: int) -> tuple[Cause, ...]:
        """Return why dues may have changed since a version, in order, as far as is kept."""
        newer = (each for each in self.changes if each.version > evaluated)
        return tuple(cause for each in newer for cause in each.causes)


def changed(known: PlanHistory, effect: Effect) -> PlanHistory:
    """Return the history after a change."""
    version = known.version + 1
    if not effect.matters:
        return replace(known, version=version)
    changes = (*known.changes, Change(version, effect.item_ids, effect.causes))
    gone = changes[:-KEPT]
    return replace(
        known,
        version=version,
        asks=version,
        changes=changes[-KEPT:],
        forgotten=gone[-1].version if gone else known.forgotten,
    )
