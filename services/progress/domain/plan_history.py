"""The history of a run's plan: a version for each change, and what it means for learners.

A learner's standing has the version that the learner was evaluated against last. From there on the
history tells what is to be judged again.
"""

from dataclasses import dataclass, replace

# Who is behind by more changes than these is judged by all evidence.
KEPT = 20


@dataclass(frozen=True, slots=True)
class Effect:
    """What a change to a plan may mean for what learners have done."""

    item_ids: frozenset[str] | None = frozenset()
    """The items whose evidence is to be judged again; None: all evidence."""
    matters: bool = True
    """Whether it means anything for them."""

    def __or__(self, other: "Effect") -> "Effect":
        """What both mean together."""
        mine, others = self.item_ids, other.item_ids
        item_ids = None if mine is None or others is None else mine | others
        return Effect(item_ids, self.matters or other.matters)


NO_EFFECT = Effect(matters=False)
ON_EVERYTHING = Effect(None)


@dataclass(frozen=True, slots=True)
class Change:
    """What one version of a plan brought."""

    version: int
    item_ids: frozenset[str] | None
    """As `Effect` has it."""


@dataclass(frozen=True, slots=True)
class PlanHistory:
    """How often a run's plan changed, and what that means for its learners."""

    id: str
    """The run."""
    version: int = 0
    """One more with each change of the run, its path, its sessions, and the items they name."""
    asks: int = 0
    """The last version that may mean something for what learners have done."""
    changes: tuple[Change, ...] = ()
    """The last of those, the newest at the end."""
    forgotten: int = 0
    """The last of those that are no longer among `changes`."""

    def is_ahead_of(self, evaluated: int) -> bool:
        """Whether a learner who was evaluated against that version is to be evaluated again."""
        return evaluated < self.asks

    def items_since(self, evaluated: int) -> frozenset[str] | None:
        """The items whose evidence such a learner is to be judged by; None: all evidence."""
        newer = [each.item_ids for each in self.changes if each.version > evaluated]
        if evaluated < self.forgotten or None in newer:
            return None
        return frozenset().union(*(items for items in newer if items is not None))


def changed(known: PlanHistory, effect: Effect) -> PlanHistory:
    """The version after a change."""
    version = known.version + 1
    if not effect.matters:
        return replace(known, version=version)
    changes = (*known.changes, Change(version, effect.item_ids))
    gone = changes[:-KEPT]
    return replace(
        known,
        version=version,
        asks=version,
        changes=changes[-KEPT:],
        forgotten=gone[-1].version if gone else known.forgotten,
    )
