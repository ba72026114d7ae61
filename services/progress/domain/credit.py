"""Attendance credit: how much of a class a learner has made up for, by the run's evidence policy.

It decides catch-ups, and SESSION activities by what is studied in the place of a class. ITEM
activities don't depend on it.

A class and its recordings have one time line each; a recording's offset tells where it begins on
the class's. What a learner of a PARTIAL attendance heard in the class, and what the learner watched
of an earlier recording of the same length, is brought onto the present recording's line, and joined
there with what was watched of it. Nothing of this depends on the order in which it becomes known.

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

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.progress.domain.catch_ups import Studied
from services.progress.domain.enums import EvidencePolicy, Stretch
from services.progress.domain.evidence import Evidence, latest, read_at, told_apart
from services.progress.domain.intervals import Interval, covering, gaps, joined, measure, shifted
from services.progress.domain.learner import Learner, did_all
from services.progress.domain.path import Policy
from services.progress.domain.plan import Plan
from services.progress.domain.shares import HAIR, SEAM, evidence_on, playing_time, studied_at
from services.progress.domain.statements import Recorded, Stored, is_vouched_for

# Players offer up to twice the speed, some three times.
FASTEST = 3.0
# Clocks and their statements need not agree to the second.
MARGIN = timedelta(minutes=1)
MOST_MISSED = 20


@dataclass(frozen=True, slots=True)
class _Played:
    """What was played of an item, on one time line."""

    sure: tuple[Interval, ...] = ()
    claimed: tuple[Interval, ...] = ()
    """What only the learner says, if the policy asks whether it is plausible."""
    plausible: float = 0.0
    """The most seconds of `claimed` that count."""


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

    In seconds of the recording; at most the longest `MOST_MISSED`. Empty for others: all of it.
    """
    if len(item_ids) != 1:
        return ()
    attended = _attended(session_id, item_ids[0], learner, plan)
    item = plan.items.get(item_ids[0])
    if not attended or item is None or not item.seconds:
        return ()
    parts = [(round(a, 1), round(b, 1)) for a, b in gaps(attended, item.seconds) if b - a > SEAM]
    longest = sorted(parts, key=lambda part: (part[0] - part[1], part))[:MOST_MISSED]
    return tuple(Stretch(start, end) for start, end in sorted(longest))


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
    policy, line = plan.run.policy, plan.line_of(session_id, item_id)
    if line is None and policy.evidence in (None, EvidencePolicy.LEARNERS):
        return studied_at(item_id, learner, plan)  # nearly always
    item = plan.items.get(item_id)
    if item is None or not item.available:
        return None
    if _share(session_id, item_id, learner, plan) + HAIR < policy.watched_share:
        return None
    sources = (item_id, *(each.item_id for each in line.earlier)) if line else (item_id,)
    found = [evidence_on(each, learner, plan) for each in sources]
    session = plan.sessions.get(session_id)
    ended = (session.ended_at or session.end_time) if session else None
    return latest(*(each.last_at for each in found if each)) or ended


def _share(session_id: str, item_id: str, learner: Learner, plan: Plan) -> float:
    item = plan.items.get(item_id)
    if item is None:
        return 0.0
    evidence = evidence_on(item_id, learner, plan)
    length = playing_time(item, evidence) if evidence else item.seconds
    if not length:
        return 1.0 if evidence and _read_at(evidence, plan.run.policy) else 0.0
    parts = [_Played(_attended(session_id, item_id, learner, plan))]
    parts.extend(_played(session_id, item_id, learner, plan))
    sure = [interval for part in parts for interval in part.sure]
    claimed = [interval for part in parts for interval in part.claimed]
    vouched, most = _measured(sure, length), sum(part.plausible for part in parts)
    if not claimed:
        return min(1.0, vouched / length)
    return min(1.0, min(_measured(sure + claimed, length), vouched + most) / length)


def _measured(intervals: Sequence[Interval], length: float) -> float:
    return measure(joined(covering(intervals, length), length, SEAM))


def _played(session_id: str, item_id: str, learner: Learner, plan: Plan) -> Iterator[_Played]:
    """Yield what was played of an item, and of earlier recordings that agree with it."""
    line = plan.line_of(session_id, item_id)
    earlier = line.earlier if line else ()
    for source, shift in [(item_id, 0.0), *((each.item_id, each.shift) for each in earlier)]:
        evidence = evidence_on(source, learner, plan)
        if evidence is not None:
            yield _counted(evidence, shift, plan.run.policy)


def _counted(evidence: Evidence, shift: float, policy: Policy) -> _Played:
    if policy.evidence in (None, EvidencePolicy.LEARNERS):
        return _Played(shifted(evidence.watched, shift))
    vouched = shifted(told_apart(evidence).vouched or (), shift)
    if policy.evidence is not EvidencePolicy.LEARNERS_AT_PACE:
        return _Played(vouched)
    return _Played(vouched, shifted(evidence.watched, shift), _plausible(evidence))


def _plausible(evidence: Evidence) -> float:
    first, last = evidence.first_own_at, evidence.last_own_at
    if first is None or last is None:
        return 0.0
    return FASTEST * (last - first).total_seconds() + MARGIN.total_seconds()


def _attended(session_id: str, item_id: str, learner: Learner, plan: Plan) -> tuple[Interval, ...]:
    """Return what the learner heard in the class, on the line of its recording."""
    attendance = learner.run_state.attendance.get(session_id)
    line = plan.line_of(session_id, item_id)
    if attendance is None or line is None or not plan.run.policy.asks_for_part:
        return ()
    return shifted(attendance.stretches, -line.offset)


def _read_at(evidence: Evidence, policy: Policy) -> datetime | None:
    if policy.evidence is EvidencePolicy.SERVICES:
        return told_apart(evidence).vouched_read_at
    return read_at(evidence)
