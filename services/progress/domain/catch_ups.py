"""Catch-ups: the tasks that absences create, from their assignment to their end.

    ASSIGNED --studied by its due--> COMPLETED (in time)
        \\--due passed--> MISSED --studied later--> COMPLETED (late)

Until it is completed, it asks for the present substitute materials of its class. It is withdrawn
(`dropped`) while the learner need not do it: after a withdrawal from the run, after the absence was
excused or corrected, or while an alternative of its class is enough (alternatives.py), whether it
was open, missed or completed by then. An open one is also withdrawn when the recording was taken
back and nothing is there in its place. If that is taken back,
it counts again; an open one is assigned again, with a new due.

What completed it may be taken back, such as a statement that is voided (taking_back.py): then it is
open again with its due, and missed if that has passed.

Who comes late into the run, and usually attends, gets a catch-up for each class that was held
before, by the run's policy. The dues are spread out: the first class's is one time of the policy
after the assignment, the second's two, and so on, as far as the run's end allows.

After a run is over, no catch-up is assigned. Those that are open then are withdrawn, neither
completed nor missed, unless their due had passed before.
"""

import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, TypeVar

from chassis.civil import Calendar, local_due
from chassis.errors import FieldViolation
from services.progress.domain.enums import (
    AttendanceMode,
    AttendanceStatus,
    CatchUpState,
    MissedPart,
    Stretch,
)
from services.progress.domain.events import (
    CatchUpAssigned,
    CatchUpChanged,
    CatchUpCompleted,
    CatchUpMissed,
    CatchUpReopened,
    CatchUpWithdrawn,
)
from services.progress.domain.learner_run_state import LearnerRunState
from services.progress.domain.path import Policy
from services.progress.domain.plan import Plan
from services.progress.domain.sessions import Session
from services.progress.domain.week_fit import FullWeek

E = TypeVar("E")

ZONE_CHANGED = "clocks change otherwise in the run's zone"

# There is one catch-up for each session and learner: its id is made from the two.
_NAMESPACE = uuid.UUID("0195a1c0-5c1e-7c3a-9d52-7c6f7a1d3b60")
# Who usually takes part in one of these ways attends classes; others study alone.
ATTENDING = frozenset({AttendanceMode.CLASSROOM, AttendanceMode.ONLINE})


@dataclass(frozen=True, slots=True)
class CatchUp:
    """The task that an absence created."""

    id: str
    run_id: str
    learner_id: str
    enrolment_id: str
    session_id: str
    activity_id: str
    title: str
    item_ids: tuple[str, ...]
    state: CatchUpState
    assigned_at: datetime
    due: datetime
    completed_at: datetime | None = None
    in_time: bool = False
    watched_share: float = 0.0
    dropped: bool = False
    dropped_at: datetime | None = None
    waived: bool = False
    """Whether staff let the learner off it."""
    missed: tuple[Stretch, ...] = ()
    """The parts of the recording that a learner who was there for a part missed; empty: all."""
    due_local: str = ""
    """The due as a civil time in the run's zone; empty if it is by an instant."""
    due_local_at: datetime | None = None
    """The instant that this civil time was: another due is by an instant, which an older version
    has set."""
    missed_parts: tuple[MissedPart, ...] = ()
    """Where there are several recorded parts: what such a learner missed of each; empty: all."""
    usual_due: datetime | None = None
    """When it would be due if the learner's weeks had room before; None: that is `due`."""
    full_weeks: tuple[FullWeek, ...] = ()
    """Why it is due as usual, though the learner's weeks have no room for it: none of these has."""

    @property
    def is_open(self) -> bool:
        """Return whether the learner still has to study it."""
        return self.state is CatchUpState.ASSIGNED and not self.dropped


@dataclass(frozen=True, slots=True)
class Studied:
    """How much of a catch-up's items the learner has studied."""

    share: float
    enough: bool
    at_hand: bool = False
    """Whether all evidence was at hand; otherwise there may be more."""


def catch_up_id(session_id: str, learner_id: str) -> str:
    """Return the id of a session's catch-up for a learner."""
    return str(uuid.uuid5(_NAMESPACE, f"{session_id}:{learner_id}"))


def is_due_to(
    run_state: LearnerRunState, session_id: str, held_before: Collection[str], policy: Policy
) -> bool:
    """Return whether the learner should get a catch-up: enrolled, and by the policy missed it,
    without a seat for it, or not yet in the run when it was held.

    `held_before`: the sessions of `late_sessions`.
    """
    attendance, status = run_state.attendance.get(session_id), _status(run_state, session_id)
    waited = attendance is not None and attendance.waited
    return run_state.is_enrolled and (
        status in policy.missed
        or (waited and status is not AttendanceStatus.CAUGHT_UP)
        or (session_id in held_before and status is None)
    )


def is_wanted(
    run_state: LearnerRunState, session_id: str, held_before: Collection[str], policy: Policy
) -> bool:
    """Return whether an existing catch-up still applies to the learner."""
    caught_up = _status(run_state, session_id) is AttendanceStatus.CAUGHT_UP
    return is_due_to(run_state, session_id, held_before, policy) or (
        run_state.is_enrolled and caught_up
    )


def late_sessions(run_state: LearnerRunState, plan: Plan) -> Sequence[str]:
    """Return the sessions held before the learner came that give a catch-up, in their order: those
    of the run and of the learner's groups now.
    """
    late_from, came = plan.run.policy.late_from, run_state.enrolled_at
    if late_from is None or came is None or run_state.mode not in ATTENDING:
        return ()
    return [
        each.id
        for each in plan.held_until(came)
        if each.ended_at and each.ended_at > late_from and each.is_for(run_state.group_ids)
    ]


@dataclass(frozen=True, slots=True)
class CatchUpDue:
    """The due of a catch-up."""

    at: datetime
    local: str = ""
    """As a civil time in the run's zone; empty if it is by an instant."""

    @property
    def local_at(self) -> datetime | None:
        """Return the instant of the civil time; None without one."""
        return self.at if self.local else None


def _due_at(catch_up: CatchUp, due: CatchUpDue) -> CatchUp:
    return replace(
        catch_up,
        due=due.at,
        due_local=due.local,
        due_local_at=due.local_at,
        usual_due=None,
        full_weeks=(),
    )


def asks_for_room(before: CatchUp | None, after: CatchUp) -> bool:
    """Return whether a due was given to an open catch-up that the learner's weeks need room for:
    it is assigned, or has other items.
    """
    if not after.is_open:
        return False
    if before is None or before.dropped:
        return True
    return before.item_ids != after.item_ids and before.due != after.due


def placed(catch_up: CatchUp, due: CatchUpDue) -> CatchUp:
    """Return the catch-up with a due, at which the learner's weeks have room."""
    if due.at == catch_up.due:
        return catch_up
    return replace(_due_at(catch_up, due), usual_due=catch_up.due)


def without_room(catch_up: CatchUp, weeks: Iterable[FullWeek]) -> CatchUp:
    """Return the catch-up, due as usual, with the weeks that have no room for it."""
    return replace(catch_up, full_weeks=tuple(weeks))


def due_of(session_id: str, held_before: Sequence[str], now: datetime, plan: Plan) -> CatchUpDue:
    """Return the due of a catch-up that is assigned now: for late joiners, one after the other.

    If the run ends before, they are closer together.
    """
    run, count = plan.run, len(held_before)
    place = held_before.index(session_id) + 1 if session_id in held_before else 1
    if session_id not in held_before or run.ends_at is None:
        return nth_due(place, now, plan)
    first, last = nth_due(1, now, plan), nth_due(count, now, plan)
    if last.at <= max(run.ends_at, first.at):
        return nth_due(place, now, plan)
    room = max(run.ends_at - now, first.at - now)
    due = now + room * place / count
    due = due.replace(microsecond=due.microsecond // 1000 * 1000)  # as precise as it is stored
    if run.policy.catch_up_due is None:
        return CatchUpDue(due)
    day, at = plan.calendar.day_until(due), run.policy.catch_up_due.time
    civil = CatchUpDue(plan.calendar.due(day, at), local_due(day, at))
    return max(first, civil, key=lambda each: each.at)


def nth_due(place: int, now: datetime, plan: Plan) -> CatchUpDue:
    """Return the due that is `place` times the policy's time after now."""
    span = plan.run.policy.catch_up_due
    if span is None:
        return CatchUpDue(now + plan.run.policy.within * place)
    calendar = plan.calendar
    day = calendar.later(calendar.day_of(now), span.days * place, span.working_days)
    return CatchUpDue(calendar.due(day, span.time), local_due(day, span.time))


def assigned(
    run_state: LearnerRunState,
    session: Session,
    item_ids: tuple[str, ...],
    now: datetime,
    due: CatchUpDue,
) -> CatchUp:
    """Return a new catch-up, as soon as its items can be studied."""
    return CatchUp(
        id=catch_up_id(session.id, run_state.learner_id),
        run_id=run_state.run_id,
        learner_id=run_state.learner_id,
        enrolment_id=run_state.enrolment_id,
        session_id=session.id,
        activity_id=session.activity_id,
        title=session.title,
        item_ids=item_ids,
        state=CatchUpState.ASSIGNED,
        assigned_at=now,
        due=due.at,
        due_local=due.local,
        due_local_at=due.local_at,
    )


def kept_up(
    catch_up: CatchUp,
    run_state: LearnerRunState,
    held_before: Sequence[str],
    now: datetime,
    plan: Plan,
    is_spared: bool = False,
) -> CatchUp:
    """Return the catch-up, withdrawn if it no longer applies, and back if it applies again.

    `held_before`: the sessions of `late_sessions`. `is_spared`: whether an alternative of its class
    is enough.
    """
    run = plan.run
    over_since = run.over_since(now)
    is_assigned = catch_up.state is CatchUpState.ASSIGNED
    # One that was withdrawn before would be assigned again, with a due after the run.
    outlives = (
        is_assigned and over_since is not None and (catch_up.dropped or catch_up.due >= over_since)
    )
    wanted = is_wanted(run_state, catch_up.session_id, held_before, run.policy)
    is_empty = is_assigned and plan.has_nothing_left(catch_up.session_id)
    applies = wanted and not (outlives or catch_up.waived or is_spared or is_empty)
    if applies is not catch_up.dropped:
        return catch_up
    if not applies:
        return replace(catch_up, dropped=True, dropped_at=now)
    back = replace(catch_up, dropped=False, dropped_at=None, enrolment_id=run_state.enrolment_id)
    if not is_assigned:
        return back
    due = due_of(catch_up.session_id, held_before, now, plan)
    return replace(_due_at(back, due), assigned_at=now)


def rezoned(catch_up: CatchUp, calendar: Calendar) -> CatchUp:
    """Return the catch-up, due at the instant that its civil time is now: the zone's law may have
    changed since it was assigned.
    """
    if not catch_up.is_open or not catch_up.due_local or catch_up.due != catch_up.due_local_at:
        return catch_up
    due = calendar.due_of_local(catch_up.due_local)
    return catch_up if due == catch_up.due else replace(catch_up, due=due, due_local_at=due)


def extension_violations(
    catch_up: CatchUp, until: datetime, now: datetime
) -> Iterator[FieldViolation]:
    """Yield a violation if the due can't be moved to `until` in any state."""
    least = max(catch_up.due, now)
    if until <= least:
        wrong = f"is not later than {least:%FT%TZ}"
        yield FieldViolation("until", wrong, "later than the present deadline, and than now")


def state_violations(catch_up: CatchUp) -> Iterator[FieldViolation]:
    """Yield a violation if staff can neither extend nor waive the catch-up."""
    if catch_up.state is CatchUpState.COMPLETED:
        yield FieldViolation("catch_up_id", "it is completed", "one that is open or missed")


def extended(catch_up: CatchUp, until: datetime) -> CatchUp:
    """Return the catch-up with a later due; one that was missed is open again."""
    return replace(_due_at(catch_up, CatchUpDue(until)), state=CatchUpState.ASSIGNED)


def waived(catch_up: CatchUp, now: datetime) -> CatchUp:
    """Return the catch-up, withdrawn for good."""
    return replace(catch_up, waived=True, dropped=True, dropped_at=catch_up.dropped_at or now)


def restocked(catch_up: CatchUp, item_ids: tuple[str, ...]) -> CatchUp:
    """Return the catch-up with the present substitute materials of its class; its due stays.

    A recording may be replaced, or a material become available later. A completed catch-up stays as
    it is. If there are no substitutes any more, the earlier ones still have to be studied.
    """
    ended = catch_up.dropped or catch_up.state is CatchUpState.COMPLETED
    if ended or not item_ids or item_ids == catch_up.item_ids:
        return catch_up
    return replace(catch_up, item_ids=item_ids, watched_share=0.0)


def with_time_for(before: CatchUp, after: CatchUp, due: CatchUpDue, now: datetime) -> CatchUp:
    """Return the catch-up, due at `due` or later if other items came in time."""
    is_more = not set(after.item_ids) <= set(before.item_ids)
    if not is_more or not after.is_open or now > after.due:
        return after
    return after if due.at <= after.due else _due_at(after, due)


def judged(catch_up: CatchUp, studied: Studied, at: datetime) -> CatchUp:
    """Return the catch-up after what its learner had studied by `at`.

    `at` is when the statements were recorded. It counts for the deadline, and not the statements'
    own time: that comes from the learner's device, whose clock can be set back. Where the run
    trusts it, see `in_time_after_all`.
    """
    if catch_up.dropped:
        return catch_up
    exact = studied.at_hand and catch_up.state is not CatchUpState.COMPLETED
    share = studied.share if exact else max(catch_up.watched_share, studied.share)
    catch_up = replace(catch_up, watched_share=share)
    if catch_up.state is CatchUpState.COMPLETED:
        return catch_up
    if studied.enough:
        return replace(
            catch_up,
            state=CatchUpState.COMPLETED,
            completed_at=at,
            in_time=at <= catch_up.due,
        )
    if at > catch_up.due:
        return replace(catch_up, state=CatchUpState.MISSED)
    return catch_up


def reopened(catch_up: CatchUp, item_ids: tuple[str, ...], due: CatchUpDue) -> CatchUp:
    """Return a catch-up whose completion was taken back, open with the due that it had. One that
    was withdrawn after its due was missed before.

    `item_ids`: the present substitute materials of its class. Who is asked for others than before
    has time until `due`.
    """
    was_missed = catch_up.dropped_at is not None and catch_up.dropped_at > catch_up.due
    state = CatchUpState.MISSED if was_missed else CatchUpState.ASSIGNED
    back = replace(catch_up, state=state, completed_at=None, in_time=False, watched_share=0.0)
    stocked = restocked(back, item_ids)
    is_more = not set(stocked.item_ids) <= set(back.item_ids)
    return _due_at(stocked, due) if is_more and due.at > back.due else stocked


def completed_anew(catch_up: CatchUp, at: datetime, in_time_at: datetime | None) -> CatchUp:
    """Return a completed catch-up as it is without some of its evidence: studied at `at`, which is
    never earlier than with all of it, or at `in_time_at`, which counts before its due.
    """
    if catch_up.completed_at is None or at <= catch_up.completed_at:
        return catch_up
    in_time = at <= catch_up.due
    if not in_time and in_time_at is not None:
        at, in_time = in_time_at, True
    return replace(catch_up, completed_at=at, in_time=in_time)


def may_be_in_time(catch_up: CatchUp) -> bool:
    """Return whether evidence that comes late may show that it was studied by its due; of one that
    is withdrawn, in case it comes back.
    """
    late = catch_up.state is CatchUpState.COMPLETED and not catch_up.in_time
    return late or catch_up.state is CatchUpState.MISSED


def in_time_after_all(catch_up: CatchUp, at: datetime) -> CatchUp:
    """Return a catch-up that was missed or late, completed at `at`, before its due."""
    if catch_up.dropped or not may_be_in_time(catch_up):
        return catch_up
    return replace(catch_up, state=CatchUpState.COMPLETED, completed_at=at, in_time=True)


def asking_for(
    catch_up: CatchUp, missed: tuple[Stretch, ...], missed_parts: tuple[MissedPart, ...] = ()
) -> CatchUp:
    """Return the catch-up with the parts that its learner missed, as known at present."""
    known = (catch_up.missed, catch_up.missed_parts)
    if catch_up.dropped or (missed, missed_parts) == known:
        return catch_up
    return replace(catch_up, missed=missed, missed_parts=missed_parts)


def events_between(before: CatchUp | None, after: CatchUp) -> Iterator[object]:
    """Yield the events of the change from one to the other."""
    if before is None:
        yield _about(after, CatchUpAssigned)
        yield from _ended(after, was_missed=False)
        return
    if _is_taken_back(before, after):
        yield _about(after, CatchUpReopened)
    if after.dropped and not before.dropped:
        yield withdrawn(after)
    if not after.dropped:
        yield from _events_of_task(before, after)


def _events_of_task(before: CatchUp, after: CatchUp) -> Iterator[object]:
    if before.dropped:
        yield _about(after, CatchUpAssigned)
    is_taken_back = _is_taken_back(before, after)
    if before.dropped or is_taken_back or before.state is not after.state:
        yield from _ended(after, _takes_back(before, after))
    elif _takes_back(before, after):
        yield from _ended(after, was_missed=True)
    is_same = _task(before) == _task(after) and before.state is after.state
    if after.is_open and not before.dropped and not is_same:
        is_rezoned = before.due != after.due and before.due_local == after.due_local != ""
        yield changed(after, ZONE_CHANGED if is_rezoned else "")


def changed(after: CatchUp, reason: str = "", changed_by: str = "") -> CatchUpChanged:
    """Return the event of a catch-up with other items or another due."""
    return _about(after, CatchUpChanged, reason=reason, changed_by=changed_by)


def withdrawn(after: CatchUp, reason: str = "", waived_by: str = "") -> CatchUpWithdrawn:
    """Return the event of a catch-up that need not be studied any more."""
    at = after.dropped_at or after.due
    return _about(after, CatchUpWithdrawn, withdrawn_at=at, reason=reason, waived_by=waived_by)


def _about(catch_up: CatchUp, event: type[E], **more: object) -> E:
    """Return an event about a catch-up; fields that `more` does not set come from the catch-up."""
    known: dict[str, Any] = {"catch_up_id": catch_up.id, **more}
    for field in fields(event):  # type: ignore[arg-type]
        if field.name not in known:
            known[field.name] = getattr(catch_up, field.name)
    return event(**known)


def _status(run_state: LearnerRunState, session_id: str) -> AttendanceStatus | None:
    attendance = run_state.attendance.get(session_id)
    return attendance.verdict if attendance else None


def _task(catch_up: CatchUp) -> tuple[object, ...]:
    return catch_up.item_ids, catch_up.due, catch_up.missed, catch_up.missed_parts


def _is_taken_back(before: CatchUp, after: CatchUp) -> bool:
    """Return whether what was told as completed is not, or not in time, after all."""
    was_completed = before.state is CatchUpState.COMPLETED
    is_same = after.state is CatchUpState.COMPLETED and after.in_time >= before.in_time
    return was_completed and not is_same


def _takes_back(before: CatchUp, after: CatchUp) -> bool:
    """Return whether it counted as missed or late before, and is in time now."""
    return may_be_in_time(before) and after.in_time and not after.dropped


def _ended(after: CatchUp, was_missed: bool) -> Iterator[CatchUpCompleted | CatchUpMissed]:
    if after.state is CatchUpState.COMPLETED:
        at = after.completed_at or after.due
        yield _about(after, CatchUpCompleted, completed_at=at, was_missed=was_missed)
    if after.state is CatchUpState.MISSED:
        yield _about(after, CatchUpMissed)
