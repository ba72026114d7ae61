"""Re-evaluation: after a change of a run's plan, its learners are evaluated again, a few at a time.

A plan has a version, and each learner's run state has the version that the learner was evaluated
against last. Learners who are behind are evaluated again. Learners and plans are written without a
lock on each other: a unit of work that began before a plan changed may end after the change, and
store a learner who was evaluated against the old plan. So a run's last turn comes when all such
units of work have ended.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.progress.domain.enums import DueCause, SessionState
from services.progress.domain.plan_history import NO_EFFECT, Cause, Effect
from services.progress.domain.sessions import Item, Session, substitutes

# MongoDB ends a transaction after 60 s, and checks this every 30 s. A change may have its time that
# long before its commit, and a learner's unit of work may end that long after it; and the clocks of
# the processes differ.
AGAIN_AFTER = timedelta(minutes=2 * 1.5 + 1)


@dataclass(frozen=True, slots=True)
class Reevaluation:
    """A run whose learners must be evaluated again. Times are the system's, not of a steered
    clock.
    """

    id: str
    """The id of the run."""
    changed_at: datetime
    """When its plan last changed."""
    turn_at: datetime
    """When its next turn is due. Runs take turns in this order."""

    def is_over(self, at: datetime) -> bool:
        """Return whether all units of work that began before the last change have ended."""
        return at >= self.changed_at + AGAIN_AFTER


def begun(known: Reevaluation | None, run_id: str, at: datetime) -> Reevaluation:
    """Return the re-evaluation of a run whose plan changes at `at`. It keeps its turn."""
    return Reevaluation(run_id, changed_at=at, turn_at=min(known.turn_at, at) if known else at)


def served(reevaluation: Reevaluation, at: datetime) -> Reevaluation:
    """Return the re-evaluation after a turn with learners who were behind: other runs come
    first.
    """
    return replace(reevaluation, turn_at=at)


def waiting(reevaluation: Reevaluation) -> Reevaluation:
    """Return the re-evaluation after a turn in which no learner was behind."""
    return replace(reevaluation, turn_at=reevaluation.changed_at + AGAIN_AFTER)


def effect_of(
    before: Session | None,
    after: Session,
    items: Mapping[str, Item],
    anchors: Collection[str] = (),
) -> Effect:
    """Return the effect of a session's change on learners' results.

    `anchors`: the activities of the run's path that deadlines and releases count from.
    """
    if before is None:
        matters = bool(substitutes(after, items))
    else:
        matters = _facts(before, items) != _facts(after, items)
    causes: tuple[Cause, ...] = ()
    if after.activity_id in anchors and (before is None or _end(before) != _end(after)):
        causes = (Cause(_due_cause(before, after), after.activity_id, after.id),)
    return Effect(frozenset(after.mentions), causes=causes) if matters or causes else NO_EFFECT


def _due_cause(before: Session | None, after: Session) -> DueCause:
    """Return why dues change with a class whose end is another one now."""
    if after.state is SessionState.CANCELLED:
        return DueCause.SESSION_CANCELLED
    is_new = before is None or _end(before)[0] is None
    return DueCause.SESSION_SCHEDULED if is_new else DueCause.SESSION_MOVED


def _facts(session: Session, items: Mapping[str, Item]) -> tuple[object, ...]:
    """Return what of a session learners' results depend on."""
    lines = [
        (each.item_id, each.on_class, each in session.parts)
        for each in session.attached
        if each.item_id in items
    ]
    told = (session.activity_id, session.ended_at, session.group_ids, session.is_withdrawn)
    return *told, substitutes(session, items), lines


def _end(session: Session) -> tuple[datetime | None, bool]:
    """Return what deadlines that count from a class depend on."""
    return session.end_time or session.ended_at, session.state is SessionState.CANCELLED


@dataclass(frozen=True, slots=True)
class ItemUpdate:
    """A change of an item, which is applied a second time to the runs that name the item.

    At the first time, a concurrent unit of work may have stored a session or a path that names the
    item: neither has seen the other.
    """

    id: str
    """The id of the item."""
    told: frozenset[str]
    """The runs that it was applied to."""
    again_at: datetime
    """When to apply it again, by the system's time."""
