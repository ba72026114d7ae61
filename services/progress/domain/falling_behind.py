"""Falling behind: whether a learner's progress in a run slips, and why.

Each reason is a number beside its limit, and one reason is enough:

    OVERDUE_WORK         required activities past their due and not completed: one in seven of the
                         dues so far
    LATE_WORK            days by which even the most punctual work came after its due: seven
    ABSENCES             sessions missed and not made up for by a catch-up: one in four of those
                         held, and two at least
    UNWATCHED_CATCH_UPS  catch-ups past their due and not completed: two
    SILENCE              days since the learner did anything: some, and some for each day of the
                         run's median

A learner who is behind stays so until every number is below a share of its limit (LATE_WORK: below
the limit): numbers that move around a limit change nothing. More of any number never makes a
learner catch up.

docs/decisions/0063 tells where the limits come from, and bench/README.md how well they foretell who
withdraws or fails.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

DAY = timedelta(days=1)


class ReasonKind(StrEnum):
    """Why a learner is behind."""

    OVERDUE_WORK = "OVERDUE_WORK"
    LATE_WORK = "LATE_WORK"
    ABSENCES = "ABSENCES"
    UNWATCHED_CATCH_UPS = "UNWATCHED_CATCH_UPS"
    SILENCE = "SILENCE"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known, at one instant, of a learner who is enrolled in a run that has begun and goes
    on, and who has not completed its path."""

    dues: int = 0
    """The required activities whose due has passed since the learner came, completed or not."""
    overdue: int = 0
    """Those of them that are not completed."""
    least_delay: timedelta = timedelta()
    """How long after its due the learner completed the most punctual activity, of the required ones
    with a due; zero: in time, or none is completed."""
    sessions_held: int = 0
    """The sessions that the learner should have attended, until now."""
    absences: int = 0
    """Those that the learner missed, and has not made up for by a catch-up."""
    unwatched_catch_ups: int = 0
    """Catch-ups past their due that are not completed."""
    silence: timedelta = timedelta()
    """The time since the learner last did anything in the run; at most since they came or the run
    began, whichever was later."""
    median_silence: timedelta | None = None
    """The run's median of this time; None: not known, so silence says nothing."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason why a learner is behind: a value that reaches its limit."""

    kind: ReasonKind
    value: float
    """The learner's number; of LATE_WORK and SILENCE, days."""
    limit: float
    """The number from which on it is a reason, in the same unit; lower for who is behind already.
    """


@dataclass(frozen=True, slots=True)
class Rule:
    """The limits; each is above zero."""

    overdue_one_in: int = 7
    """One overdue activity in so many dues is a reason."""
    late_days: float = 7.0
    """The days after its due that are a reason, if nothing was completed sooner."""
    absent_one_in: int = 4
    """One absence in so many sessions held is a reason, and"""
    least_absences: int = 2
    """so many at least."""
    unwatched_catch_ups: int = 2
    silent_days: float = 10.0
    """The days of silence that are a reason where the run's median is zero."""
    silent_medians: float = 3.0
    """How many days more for each day of the run's median."""
    eased: float = 0.75
    """The share of each limit but `late_days` that counts for who is behind already, at most 1."""


def judged(facts: Facts, rule: Rule, was_behind: bool) -> tuple[Reason, ...]:
    """Return the reasons why the learner is behind, in the order of ReasonKind; none: is not."""
    measured = _measured(facts, rule, rule.eased if was_behind else 1.0)
    return tuple(each for each in measured if each.value >= each.limit)


def _measured(facts: Facts, rule: Rule, eased: float) -> Iterator[Reason]:
    """Yield each kind's value and limit."""
    overdue = max(1, _one_in(rule.overdue_one_in, facts.dues))
    absences = max(rule.least_absences, _one_in(rule.absent_one_in, facts.sessions_held))
    yield Reason(ReasonKind.OVERDUE_WORK, facts.overdue, eased * overdue)
    # Not eased: what was handed in does not move around a limit.
    yield Reason(ReasonKind.LATE_WORK, facts.least_delay / DAY, rule.late_days)
    yield Reason(ReasonKind.ABSENCES, facts.absences, eased * absences)
    yield Reason(
        ReasonKind.UNWATCHED_CATCH_UPS, facts.unwatched_catch_ups, eased * rule.unwatched_catch_ups
    )
    if facts.median_silence is not None:
        silence = rule.silent_days + rule.silent_medians * (facts.median_silence / DAY)
        yield Reason(ReasonKind.SILENCE, facts.silence / DAY, eased * silence)


def _one_in(share: int, whole: int) -> int:
    """Return a whole number's part, rounded up."""
    return -(-whole // share)
