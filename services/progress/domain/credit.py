"""Attendance credit: how much of a class a learner has made up for, by the run's evidence policy.

It decides catch-ups, and SESSION activities by what is studied in the place of a class. ITEM
activities don't depend on it.

A class and its recordings have one time line each; a recording's offset tells where it begins on
the class's, or its stretches which times of the class it contains. What a learner of a PARTIAL
attendance heard in the class, and what the learner watched of an earlier recording (of the same
length, or of which the same is told), is brought onto the line of each part of the present
recording, and joined there with what was watched of it. Nothing of this depends on the order in
which it becomes known.

| policy | what counts |
|---|---|
| LEARNERS | every statement |
| LEARNERS_AT_PACE | services' statements; what only the learner says, as far as it is plausible |
| SERVICES | services' statements |

Plausible is, of one item, as much as fits between the learner's first and last statement on it at
`FASTEST`, and `MARGIN`. That is the sum of what fits between each two of the statements. The rule
looks at the sum, and not at each two: otherwise a statement that arrives late could cut a gap in
two and so take credit away, and the order would matter. So more statements never give less.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter

from services.progress.domain.catch_ups import Studied
from services.progress.domain.enums import EvidencePolicy, MissedPart, Stretch
from services.progress.domain.evidence import Evidence, latest, read_at, told_apart
from services.progress.domain.intervals import Interval, covering, gaps, joined, measure
from services.progress.domain.learner import Learner, did_all
from services.progress.domain.path import Policy
from services.progress.domain.plan import Plan
from services.progress.domain.recorded_time import Stretches, in_class, in_file
from services.progress.domain.sessions import Item
from services.progress.domain.shares import HAIR, SEAM, evidence_on, playing_time
from services.progress.domain.statements import Recorded, Stored, is_vouched_for

# Players offer up to twice the speed, some three times.
FASTEST = 3.0
# Clocks and their statements need not agree to the second.
MARGIN = timedelta(minutes=1)
MOST_MISSED = 20


@dataclass(frozen=True, slots=True)
class _Source:
    """A learner's evidence on a recording, and how the present one shows the same."""

    evidence: Evidence
    lines: tuple[Stretches, Stretches] | None = None
    """What of the class's time it contains, and the present one; None: it is the present one."""

    def shown(self, watched: tuple[Interval, ...]) -> tuple[Interval, ...]:
        """Return where the present recording shows what was watched."""
        if self.lines is None:
            return watched
        before, present = self.lines
        return in_file(present, in_class(before, watched))


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of a learner and an item that is studied in the place of a class."""

    item: Item
    attended: tuple[Interval, ...]
    """What the learner heard in the class, on the item's line."""
    own: Evidence | None
    """The evidence on the item itself."""
    sources: tuple[_Source, ...]
    """The evidence on the item, and on earlier recordings that agree with it."""

    @property
    def length(self) -> float:
        """Return the item's playing time in seconds; 0 for a text."""
        return playing_time(self.item, self.own) if self.own else self.item.seconds


def studied(session_id: str, item_ids: Sequence[str], learner: Learner, plan: Plan) -> Studied:
    """Return how much of these items the learner has made up for in the place of a class."""
    shares = [_share(session_id, item_id, learner, plan) for item_id in item_ids]
    targets = plan.targets_in_place_of(session_id, item_ids)
    return Studied(
        share=sum(shares) / len(shares) if shares else 0.0,
        enough=made_up_at(session_id, item_ids, learner, plan) is not None,
        at_hand=learner.at_hand is None or targets <= learner.at_hand,
    )


def made_up_at(
    session_id: str, item_ids: Sequence[str], learner: Learner, plan: Plan
) -> datetime | None:
    """Return when all of these items were studied in the place of a class; None if not yet."""
    instants = [_made_up_at(session_id, item_id, learner, plan) for item_id in item_ids]
    return latest(*instants) if instants and None not in instants else None


def missed(
    session_id: str, item_ids: Sequence[str], learner: Learner, plan: Plan
) -> tuple[Stretch, ...]:
    """Return the parts of a recording that show what a learner missed who was there for a part.

    In seconds of the recording; at most the longest `MOST_MISSED`. Empty for others: all of it, and
    where there are several recorded parts (`missed_parts`).
    """
    if len(item_ids) != 1:
        return ()
    return tuple(stretch for _, stretch in _longest_missed(session_id, item_ids, learner, plan))


def missed_parts(
    session_id: str, item_ids: Sequence[str], learner: Learner, plan: Plan
) -> tuple[MissedPart, ...]:
    """Return what a learner missed of several recorded parts who was there for a part, without the
    parts that were heard whole. At most `MOST_MISSED` stretches; empty for others: all of it.
    """
    if len(item_ids) < 2:
        return ()
    found = _longest_missed(session_id, item_ids, learner, plan)
    return tuple(
        MissedPart(item_id, tuple(each for _, each in some))
        for item_id, some in groupby(found, key=itemgetter(0))
    )


def _longest_missed(
    session_id: str, item_ids: Sequence[str], learner: Learner, plan: Plan
) -> list[tuple[str, Stretch]]:
    """Return the longest stretches that were missed, each with its item, in order."""
    missed = [_gaps(session_id, each, learner, plan) for each in item_ids]
    rows = [
        (place, start, end)
        for place, some in enumerate(missed)
        for start, end in some or ()
        if end - start > SEAM
    ]
    if None in missed:
        return []
    longest = sorted(rows, key=lambda row: (row[1] - row[2], row))[:MOST_MISSED]
    return [
        (item_ids[place], Stretch(round(start, 1), round(end, 1)))
        for place, start, end in sorted(longest)
    ]


def _gaps(
    session_id: str, item_id: str, learner: Learner, plan: Plan
) -> tuple[Interval, ...] | None:
    """Return what a recording shows of what a learner missed; None if that is not known."""
    attended, item = _attended(session_id, item_id, learner, plan), plan.items.get(item_id)
    if attended is None or item is None or not item.seconds:
        return None
    return gaps(attended, item.seconds)


def in_time_at(
    session_id: str, item_ids: Sequence[str], learner: Learner, known: Recorded, plan: Plan
) -> datetime | None:
    """Return when a learner had studied enough by these statements alone, which all count before
    a due; None if it was not enough.
    """
    alone = did_all(Learner(learner.run_state, {}, {}), known)
    return known.at if studied(session_id, item_ids, alone, plan).enough else None


def until(stored: Iterable[Stored], due: datetime, policy: Policy) -> Recorded | None:
    """Return the statements that count before a due, and since when they do; None if there are
    none.
    """
    instants = {each: counts_since(each, policy) for each in stored}
    before = {each: at for each, at in instants.items() if at <= due}
    if not before:
        return None
    return Recorded(tuple(each.statement for each in before), max(before.values()))


def counts_since(stored: Stored, policy: Policy) -> datetime:
    """Return the instant at which a statement counts: its own time if the run trusts its source
    and it arrived within the policy's time, else the time of storing.
    """
    own, trusted = stored.statement.timestamp, is_vouched_for(stored.statement)
    if policy.evidence is not EvidencePolicy.SERVICES:
        trusted = True
    in_time = own <= stored.at <= own + policy.trusts_for
    return own if trusted and in_time and policy.trusts_for else stored.at


def _made_up_at(session_id: str, item_id: str, learner: Learner, plan: Plan) -> datetime | None:
    known = _known(session_id, item_id, learner, plan)
    if known is None or not known.item.available:
        return None
    if not known.length:
        return _read_at(known.own, plan.run.policy)
    if _share_of(known, plan.run.policy) + HAIR < plan.run.policy.watched_share:
        return None
    session = plan.sessions.get(session_id)
    ended = (session.ended_at or session.end_time) if session else None
    return latest(*(each.evidence.last_at for each in known.sources)) or ended


def _share(session_id: str, item_id: str, learner: Learner, plan: Plan) -> float:
    known = _known(session_id, item_id, learner, plan)
    return _share_of(known, plan.run.policy) if known else 0.0


def _known(session_id: str, item_id: str, learner: Learner, plan: Plan) -> _Known | None:
    """Return what is known; None, nearly always, if there is nothing."""
    item, line = plan.items.get(item_id), plan.line_of(session_id, item_id)
    attended = _attended(session_id, item_id, learner, plan) or ()
    own = evidence_on(item_id, learner, plan)
    sources = [_Source(own)] if own else []
    for each in line.earlier if line else ():
        evidence = evidence_on(each.item_id, learner, plan)
        if evidence is not None and line is not None:
            sources.append(_Source(evidence, (each.on_class, line.on_class)))
    if item is None or not (attended or sources):
        return None
    return _Known(item, attended, own, tuple(sources))


def _share_of(known: _Known, policy: Policy) -> float:
    length = known.length
    if not length:
        return 1.0 if _read_at(known.own, policy) else 0.0
    sure = [*known.attended, *(x for each in known.sources for x in _sure(each, policy))]
    seconds = _measured(sure, length)
    if policy.evidence is EvidencePolicy.LEARNERS_AT_PACE:
        claimed = [x for each in known.sources for x in each.shown(each.evidence.watched)]
        plausible = sum(_plausible(each.evidence) for each in known.sources)
        seconds = min(_measured(sure + claimed, length), seconds + plausible)
    return min(1.0, seconds / length)


def _measured(intervals: Sequence[Interval], length: float) -> float:
    return measure(joined(covering(intervals, length), length, SEAM))


def _sure(source: _Source, policy: Policy) -> tuple[Interval, ...]:
    """Return what was watched without a doubt, on the present recording's line."""
    if policy.evidence in (None, EvidencePolicy.LEARNERS):
        return source.shown(source.evidence.watched)
    return source.shown(told_apart(source.evidence).vouched or ())


def _plausible(evidence: Evidence) -> float:
    """Return how many seconds of what only the learner says are plausible."""
    first, last = evidence.first_own_at, evidence.last_own_at
    if first is None or last is None:
        return 0.0
    return FASTEST * (last - first).total_seconds() + MARGIN.total_seconds()


def _attended(
    session_id: str, item_id: str, learner: Learner, plan: Plan
) -> tuple[Interval, ...] | None:
    """Return what the learner heard in the class, on the line of its recording; None if that does
    not count, or is not known.
    """
    attendance = learner.run_state.attendance.get(session_id)
    line = plan.line_of(session_id, item_id)
    if attendance is None or line is None or not plan.run.policy.asks_for_part:
        return None
    return in_file(line.on_class, attendance.stretches) if attendance.stretches else None


def _read_at(evidence: Evidence | None, policy: Policy) -> datetime | None:
    if evidence is None:
        return None
    if policy.evidence is EvidencePolicy.SERVICES:
        return told_apart(evidence).vouched_read_at
    return read_at(evidence)
