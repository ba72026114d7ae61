"""Series: sessions that a rule plans on the wall of their place (RFC 5545, section 3.8.5).

A recurrence id is the local time that a series gives a session, as text with seconds. Recurrence
ids sort like their times.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chassis.errors import FieldViolation
from services.sessions.domain.civil import civil_violations, local_of, text_of
from services.sessions.domain.enums import CivilTime, SessionKind, SessionPurpose, SessionState
from services.sessions.domain.recurrence import (
    Frequency,
    Rule,
    counted,
    later_by_days,
    rule_of,
)
from services.sessions.domain.session import Session

ONCE = str(Rule(Frequency.DAILY, count=1))
"""The rule of a series that has nothing but further dates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Sessions that are planned by one rule."""

    id: str
    run_id: str
    title: str
    kind: SessionKind
    room_id: str
    instructor_id: str
    starts: CivilTime
    duration: timedelta
    rrule: str
    """The text of a rule with COUNT."""
    rdates: tuple[str, ...] = ()
    """Recurrence ids beside those of the rule."""
    exdates: tuple[str, ...] = ()
    """Recurrence ids of the rule at which there is no session."""
    group_ids: tuple[str, ...] = ()
    cohort_ids: tuple[str, ...] = ()
    """The groups that have the room in turn; empty: there is no rotation."""
    continues: str = ""
    """The series from which it was split; empty: none."""
    continued_by: str = ""
    """The series that was split from it last; empty: none."""
    revision: int = 0
    """How often what calendars show of it has changed (SEQUENCE of RFC 5545, section 3.8.7.4)."""
    revised_at: datetime | None = None
    """When it last did, or when it was planned; None if an older version planned it."""
    purpose: SessionPurpose = SessionPurpose.CLASS
    """What its sessions are for."""

    @property
    def rule(self) -> Rule:
        """Return the rule."""
        return rule_of(self.rrule, self.starts.zone)


def recurrence_ids(
    instances: Iterable[str], rdates: Iterable[str], exdates: Iterable[str]
) -> list[str]:
    """Return the recurrence ids of a series, in order, each once (RFC 5545, section 3.8.5)."""
    return sorted({*instances, *normal_locals(rdates)}.difference(normal_locals(exdates)))


def coming(sessions: Iterable[Session], from_id: str, now: datetime) -> list[Session]:
    """Return the sessions, from a recurrence id on, that are SCHEDULED and have yet to start."""
    return [
        each
        for each in sessions
        if each.recurrence_id >= from_id
        and each.state is SessionState.SCHEDULED
        and each.start_time > now
    ]


def from_violations(sessions: Iterable[Session], from_id: str) -> Iterator[FieldViolation]:
    """Yield a violation if a recurrence id is given and no session has it."""
    known = [each.recurrence_id for each in sessions]
    if from_id and from_id not in known:
        right = f"one of {', '.join(known[:10])}"
        yield FieldViolation("from_recurrence_id", f"{from_id!r} is of no session", right)


def substitute_violations(item_ids: Sequence[str], count: int) -> Iterator[FieldViolation]:
    """Yield a violation unless there is no substitute item, one, or one for each session."""
    if len(item_ids) not in (0, 1, count):
        wrong = f"{len(item_ids)} are given for {count} sessions"
        yield FieldViolation("substitute_item_ids", wrong, f"none, one for all, or {count}")


def substitutes(item_ids: Sequence[str], sessions: Collection[Session]) -> list[str]:
    """Return the substitute item of each session; empty if it has none."""
    return [of_each(item_ids, place) for place in range(len(sessions))]


def time_violations(starts: Mapping[int, str], zone: str) -> Iterator[FieldViolation]:
    """Yield a violation for each local start, by the place of its session, that does not exist."""
    for place, local in starts.items():
        yield from civil_violations(CivilTime(local, zone), f"{prefix(place)}starts")


def prefix(place: int) -> str:
    """Return how fields of the session at a place in the order of recurrence ids are named."""
    return f"occurrences[{place}]."


def split(series: Series, instances: Sequence[str], at: str, new_id: str) -> tuple[Series, Series]:
    """Return the series before a recurrence id of it, and a new series from that one on."""
    head = _part(series, instances, lambda local: local < at)
    tail = _part(series, instances, lambda local: local >= at)
    return (
        replace(head, continued_by=new_id),
        replace(tail, id=new_id, continues=series.id, continued_by=""),
    )


def shift_violations(series: Series, by: timedelta) -> Iterator[FieldViolation]:
    """Yield a violation if no rule gives the instances of the series' rule later by as much."""
    days = _days(series, by)
    if days and series.rule.frequency is Frequency.MONTHLY:
        right = "another time of the same days; or cancel it, and plan a new series"
        yield FieldViolation("starts", f"{series.rrule} can't move to other days", right)


def shifted(series: Series, by: timedelta, zone: str) -> Series:
    """Return the series with all its local times later by as much, in a zone.

    Its rule gives exactly the shifted instances, if `shift_violations` is empty.
    """
    return replace(
        series,
        starts=CivilTime(later(series.starts.local, by), zone),
        rrule=str(later_by_days(series.rule, _days(series, by))),
        rdates=tuple(later(each, by) for each in series.rdates),
        exdates=tuple(later(each, by) for each in series.exdates),
    )


def later(local: str, by: timedelta) -> str:
    """Return a local time later by as much on the wall."""
    return text_of(datetime.fromisoformat(local) + by)


def normal_locals(locals_: Iterable[str]) -> list[str]:
    """Return local times as recurrence ids."""
    return [text_of(datetime.fromisoformat(local)) for local in locals_]


def of_each(values: Sequence[str], place: int) -> str:
    """Return the value at a place of as many values, the only one, or (of none) an empty one."""
    return values[place if len(values) > 1 else 0] if values else ""


def _days(series: Series, by: timedelta) -> int:
    """Return how many days later the rule's days are after a shift."""
    start = local_of(series.starts)
    return ((start + by).date() - start.date()).days


def _part(series: Series, instances: Iterable[str], keeps: Callable[[str], bool]) -> Series:
    """Return the part of a series with some of its recurrence ids, of which there is one.

    The times of its rule decide where it starts. Without any, the first further date does.
    """
    of_rule, dates = list(filter(keeps, instances)), list(filter(keeps, series.rdates))
    starts, *dates = [*of_rule[:1], *dates] if of_rule else dates
    return replace(
        series,
        starts=CivilTime(starts, series.starts.zone),
        rrule=str(counted(series.rule, len(of_rule))) if of_rule else ONCE,
        rdates=tuple(dates),
        exdates=tuple(filter(keeps, series.exdates)),
    )
