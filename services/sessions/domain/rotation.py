"""Rotation of cohorts: groups that have a room in turn, because it is too small for all of them.

One cohort has the room in each class that is not cancelled. What was held counts, and so do classes
that cohorts know to be theirs: only what has no cohort yet is given, to the cohort with the fewest,
and classes change their cohort only while one has it more than once more often than another.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from chassis.errors import FieldViolation
from services.sessions.domain.enums import SessionKind, SessionState
from services.sessions.domain.roster import Group
from services.sessions.domain.series import Series
from services.sessions.domain.session import Session

FEWEST = 2


@dataclass(frozen=True, slots=True)
class PlanRotation:
    """Let cohorts have the room of a series in turn; without cohorts: end this."""

    series_id: str
    cohort_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RotationClass:
    """The cohort that has the room in one session."""

    session_id: str
    start_time: datetime
    cohort_id: str


def counting(sessions: Sequence[Session]) -> list[Session]:
    """Return the sessions that count, by start: those that are not cancelled."""
    held = (each for each in sessions if each.state is not SessionState.CANCELLED)
    return sorted(held, key=lambda each: (each.start_time, each.id))


def is_to_come(session: Session, now: datetime) -> bool:
    """Return whether the cohort of a session can still change."""
    return session.state is SessionState.SCHEDULED and now < session.start_time


def rotation(
    sessions: Sequence[Session], cohort_ids: Sequence[str], now: datetime
) -> dict[str, str]:
    """Return the cohorts of coming sessions, by session.

    Cohorts that have had the room equally often are in turn. In the end each has it as often as
    every other, or once more, as far as the coming sessions allow.
    """
    counted = counting(sessions)
    known = {each.id: each.cohort_id for each in counted if each.cohort_id in cohort_ids}
    coming = [each.id for each in counted if is_to_come(each, now)]
    times = dict.fromkeys(cohort_ids, 0)
    for cohort in known.values():
        times[cohort] += 1
    for each in coming:
        if each not in known and cohort_ids:
            known[each] = min(cohort_ids, key=times.__getitem__)
            times[known[each]] += 1
    _even_out(known, coming, times)
    return {each: known.get(each, "") for each in coming}


def _even_out(known: dict[str, str], coming: Sequence[str], times: dict[str, int]) -> None:
    """Give the last classes of cohorts with too many to those with the fewest."""
    for each in reversed(coming):
        few = min(times, key=times.__getitem__, default="")
        if few and times[known[each]] - times[few] > 1:
            times[known[each]] -= 1
            times[few] += 1
            known[each] = few


def cohort_violations(cohort_ids: Sequence[str]) -> Iterator[FieldViolation]:
    """Yield what is wrong with a list of cohorts, whatever the series."""
    if 0 < len(cohort_ids) < FEWEST:
        yield FieldViolation("cohort_ids", "is one cohort", "two or more, or none")
    for place, each in enumerate(cohort_ids):
        if each in cohort_ids[:place]:
            wrong = f"{each!r} is there twice"
            yield FieldViolation(f"cohort_ids[{place}]", wrong, "each cohort once")


def rotation_violations(
    series: Series,
    coming: Sequence[Session],
    cohort_ids: Sequence[str],
    known: Mapping[str, Group],
    sizes: Mapping[str, int],
) -> Iterator[FieldViolation]:
    """Yield what speaks against a rotation.

    `coming`: the sessions to come; `sizes`: how many learners of each cohort usually come to the
    room.
    """
    if series.kind is not SessionKind.HYBRID:
        right = "a series that is HYBRID: the other cohorts are online"
        yield FieldViolation("series_id", f"the series is {series.kind}", right)
    if len(coming) < len(cohort_ids):
        wrong = f"{len(cohort_ids)} cohorts, and {len(coming)} sessions are to come"
        yield FieldViolation("cohort_ids", wrong, "a session for each cohort, or more")
    seats = min((each.room_seats for each in coming), default=0)
    for place, each in enumerate(cohort_ids):
        for wrong, right in _wrong_cohort(series, known.get(each), sizes.get(each, 0), seats):
            yield FieldViolation(f"cohort_ids[{place}]", wrong, right)


def _wrong_cohort(
    series: Series, group: Group | None, size: int, seats: int
) -> Iterator[tuple[str, str]]:
    if group is None or group.run_id != series.run_id or group.retired:
        right = "a group of the run that is in use; a new one may take a second to be known here"
        yield f"is no group in use of run {series.run_id!r}", right
    elif series.group_ids and group.id not in series.group_ids:
        yield "is none of the series' groups", f"one of {', '.join(series.group_ids)}"
    if size > seats:
        yield f"has {size} learners in the classroom", f"{seats} or fewer, who fit into the room"
