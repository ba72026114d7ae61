"""The judgement of a learner: the facts that the rule of falling behind asks for, and when to judge
again.

A review judges the learner if something changed that may turn the verdict. The passing of time
changes it, too: at a due, and as the learner is silent. So each verdict names the instant of the
next one (`judge_at`), by which a timer finds the learner: the next due, a day later at most.

Nobody is behind within the first days of a run, or after coming into it (`GRACE`); nor who has
completed the path, has no place, or whose run is over or does not want it.

The limits of who is behind already are lower (falling_behind.py), but for the first minutes after a
fall (`SETTLE`) the full limits count. So what becomes known together ends in the same state, in
whatever order it arrives.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from services.progress.domain import falling_behind
from services.progress.domain.catch_ups import CatchUp
from services.progress.domain.due_news import AFTER
from services.progress.domain.dues import Dues, stored
from services.progress.domain.enums import AttendanceStatus, CatchUpState
from services.progress.domain.events import LearnerFellBehind, LearnerRecovered
from services.progress.domain.evidence import latest
from services.progress.domain.falling_behind import Facts, Reason, Rule
from services.progress.domain.learner import Learner
from services.progress.domain.learner_run_state import LearnerRunState, is_complete
from services.progress.domain.plan import Plan

GRACE = timedelta(days=7)
"""How long after the run's first day, and after coming into it, nobody is behind."""
SETTLE = timedelta(minutes=10)
"""How long after a fall the full limits count."""
AGAIN_AFTER = timedelta(days=1)
"""When a learner is judged again at the latest."""
COUNTED_FOR = timedelta(hours=6)
"""How long the median of a run holds."""
NEVER = datetime(9999, 12, 31, tzinfo=UTC)
"""`judge_at` of a learner whom the passing of time alone does not let fall behind."""
RULE = Rule()

# Who was excused, or could not come for want of a seat, was not expected.
_EXPECTED = frozenset(AttendanceStatus) - {AttendanceStatus.EXCUSED}


@dataclass(frozen=True, slots=True)
class RunSilence:
    """How long the median learner of a run has been silent: one who has not completed the path."""

    id: str
    """The id of the run."""
    seen_at: datetime
    """When this learner last did anything, or came."""
    counted_at: datetime

    def is_stale(self, now: datetime) -> bool:
        """Return whether it is to be counted again."""
        return now - self.counted_at >= COUNTED_FOR

    def since(self, began: datetime | None) -> timedelta:
        """Return the silence when it was counted; before the run began nobody was silent."""
        return max(timedelta(), self.counted_at - (latest(self.seen_at, began) or self.seen_at))


def is_needed(before: Learner, after: Learner, plan: Plan | None, now: datetime) -> bool:
    """Return whether the verdict on a learner may change. Judging in each review would cost too
    much: who is not behind does not fall behind by studying, which most reviews are about.
    """
    was, run_state = before.run_state, after.run_state
    if not run_state.is_enrolled:
        return was.is_enrolled or run_state.behind_since is not None
    return (
        run_state.judge_at is None
        or run_state.judge_at <= now
        or run_state.behind_since is not None
        or (plan is not None and plan.history.is_ahead_of(was.plan_version))
        or was.enrolled_at != run_state.enrolled_at
        or was.group_ids != run_state.group_ids
        or was.extensions is not run_state.extensions
        or not was.completed.keys() <= run_state.completed.keys()
        or was.attendance is not run_state.attendance
        or _owed(before.catch_ups) != _owed(after.catch_ups)
    )


def _owed(catch_ups: Mapping[str, CatchUp]) -> dict[str, tuple[object, ...]]:
    return {key: (each.state, each.due, each.dropped) for key, each in catch_ups.items()}


def judged(
    learner: Learner, plan: Plan | None, silence: RunSilence | None, now: datetime
) -> LearnerRunState:
    """Return the learner's run state with the verdict at `now`.

    `silence`: of the run's median learner; None: not counted yet, so silence says nothing.
    """
    run_state = learner.run_state
    if not run_state.is_enrolled:
        return replace(run_state, behind_since=None, behind_reasons=(), judge_at=None)
    if plan is None:  # its first version will be a change
        return replace(run_state, judge_at=now + AGAIN_AFTER)
    starts_at = _judged_from(run_state, plan, now)
    if now < starts_at:
        return _with(run_state, (), starts_at, now)
    dues = _dues(run_state, plan)
    facts = _facts(learner, plan, dues, silence, now)
    reasons = falling_behind.judged(facts, RULE, _was_behind(run_state, now))
    instants = (*dues.values(), *(each.due for each in learner.catch_ups.values() if each.is_open))
    next_at = min((at + AFTER for at in instants if at >= now), default=NEVER)
    return _with(run_state, reasons, min(next_at, now + AGAIN_AFTER), now)


def event_between(
    before: LearnerRunState, after: LearnerRunState, now: datetime
) -> LearnerFellBehind | LearnerRecovered | None:
    """Return the event of a change of the verdict; None if it is the same."""
    if before.behind_since is None and after.behind_since is not None:
        who = (after.enrolment_id, after.run_id, after.learner_id)
        return LearnerFellBehind(*who, after.behind_reasons, now, after.behind_since)
    if before.behind_since is not None and after.behind_since is None:
        who = (before.enrolment_id, before.run_id, before.learner_id)
        return LearnerRecovered(*who, now, before.behind_since)
    return None


def _with(
    run_state: LearnerRunState, reasons: tuple[Reason, ...], judge_at: datetime, now: datetime
) -> LearnerRunState:
    since = (run_state.behind_since or stored(now)) if reasons else None
    return replace(run_state, behind_since=since, behind_reasons=reasons, judge_at=judge_at)


def _judged_from(run_state: LearnerRunState, plan: Plan, now: datetime) -> datetime:
    """Return from when on the learner is judged; NEVER, if not at all. At once, if the events of an
    older version don't tell when the learner came, nor when the run began.
    """
    is_over = plan.run.over_since(now) is not None
    if is_over or not plan.run.policy.judges or is_complete(run_state, plan.required):
        return NEVER
    came = latest(run_state.enrolled_at, plan.begins_at)
    return came + GRACE if came else now


def _was_behind(run_state: LearnerRunState, now: datetime) -> bool:
    return run_state.behind_since is not None and now - run_state.behind_since >= SETTLE


def _facts(
    learner: Learner,
    plan: Plan,
    dues: Mapping[str, datetime],
    silence: RunSilence | None,
    now: datetime,
) -> Facts:
    run_state = learner.run_state
    past = [each for each, at in dues.items() if at < now]
    held = _held(run_state, plan)
    seen = latest(run_state.last_seen_at, run_state.enrolled_at, plan.begins_at)
    return Facts(
        dues=len(past),
        overdue=sum(each not in run_state.completed for each in past),
        least_delay=_least_delay(dues, run_state),
        sessions_held=len(held),
        absences=sum(_is_absent(each, learner, plan) for each in held),
        unwatched_catch_ups=sum(_is_unwatched(each, now) for each in learner.catch_ups.values()),
        silence=max(timedelta(), now - seen) if seen else timedelta(),
        median_silence=silence.since(plan.begins_at) if silence else None,
    )


def _dues(run_state: LearnerRunState, plan: Plan) -> dict[str, datetime]:
    """Return the dues of required activities, but those that were past when the learner came."""
    dues, came = Dues(plan, run_state), run_state.enrolled_at
    wanted = {*plan.with_deadline, *plan.required.intersection(run_state.extensions)}
    found = ((each, dues.of(each).at) for each in wanted)
    return {each: at for each, at in found if at is not None and (came is None or at > came)}


def _least_delay(dues: Mapping[str, datetime], run_state: LearnerRunState) -> timedelta:
    """Return how long after its due the most punctual activity was completed; zero: in time."""
    done = run_state.completed
    delays = (done[each] - due for each, due in dues.items() if each in done)
    return max(timedelta(), min(delays, default=timedelta()))


def _held(run_state: LearnerRunState, plan: Plan) -> Sequence[str]:
    """Return the sessions in which the learner was expected: those that have an attendance of
    the learner, and that the path requires, or has no activity for; no help sessions.
    """
    return [
        session_id
        for session_id, each in run_state.attendance.items()
        if each.verdict in _EXPECTED
        and not each.waited
        and session_id not in plan.help_sessions
        and not plan.is_optional(session_id)
    ]


def _is_absent(session_id: str, learner: Learner, plan: Plan) -> bool:
    """Return whether the learner missed a session, and has not made up for it: by a catch-up, by
    another session of its activity, or by its materials.
    """
    run_state, catch_up = learner.run_state, learner.catch_ups.get(session_id)
    if run_state.attendance[session_id].verdict is not AttendanceStatus.ABSENT:
        return False
    session = plan.sessions.get(session_id)
    if session is not None and session.activity_id in run_state.completed:
        return False
    return catch_up is None or not (catch_up.waived or catch_up.state is CatchUpState.COMPLETED)


def _is_unwatched(catch_up: CatchUp, now: datetime) -> bool:
    is_done = catch_up.dropped or catch_up.state is CatchUpState.COMPLETED
    return not is_done and catch_up.due < now
