"""Planning a series: the rules of a request, and what it plans."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from chassis.errors import FieldViolation
from services.sessions.domain.civil import local_of, local_violations, normalised, text_of
from services.sessions.domain.enums import CivilTime, SessionPurpose
from services.sessions.domain.planning import (
    Schedule,
    planned,
    purpose_violations,
    schedule_violations,
)
from services.sessions.domain.recurrence import (
    FIELD,
    Rule,
    counted,
    rule_of,
    rule_violations,
    start_violations,
)
from services.sessions.domain.series import (
    Series,
    normal_locals,
    of_each,
    recurrence_ids,
    time_violations,
)
from services.sessions.domain.session import Room, Session

MOST = 400
"""Sessions of a series: one unit of work plans them all."""
LONGEST_SERIES = timedelta(days=3 * 366)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleSeries(Schedule):
    """Plan a series of sessions; the fields of Schedule hold for each of them."""

    activity_ids: tuple[str, ...]
    rrule: str
    rdates: tuple[str, ...] = ()
    exdates: tuple[str, ...] = ()


def request_violations(command: ScheduleSeries, hosts: bool = False) -> list[FieldViolation]:
    """Return everything that is wrong with a request, before its rule gives any time. `hosts`: as
    of `schedule_violations`.
    """
    dates = [("rdates", command.rdates), ("exdates", command.exdates)]
    wrong = [
        *schedule_violations(command, hosts),
        *purpose_violations(command.purpose, *command.activity_ids, field="activity_ids"),
        *rule_violations(command.rrule),
        *(
            violation
            for field, locals_ in dates
            for place, local in enumerate(locals_)
            for violation in local_violations(local, f"{field}[{place}]")
        ),
    ]
    return wrong or list(start_violations(_rule(command), local_of(command.starts)))


def instance_violations(
    command: ScheduleSeries, instances: Sequence[str]
) -> Iterator[FieldViolation]:
    """Yield what is wrong with a valid request whose rule gives these local times."""
    start = normalised(command.starts).local
    if start not in instances[:1]:
        wrong = f"the rule gives no session at {start}"
        yield FieldViolation("starts", wrong, f"its first one: {', '.join(instances[:1]) or FIELD}")
    found = recurrence_ids(instances, command.rdates, command.exdates)
    size = list(_size_violations(command, start, found))
    yield from size or time_violations(dict(enumerate(found)), command.starts.zone)
    yield from _date_violations(command, start, instances)
    if len(command.activity_ids) not in (0, 1, len(found)):
        wrong = f"{len(command.activity_ids)} are given for {len(found)} sessions"
        yield FieldViolation("activity_ids", wrong, f"none, one for all, or {len(found)}")


def rule_text(command: ScheduleSeries) -> str:
    """Return the rule of a valid request as `instances` reads it."""
    return str(_rule(command))


def planned_series(command: ScheduleSeries, instances: Sequence[str], new_id: str) -> Series:
    """Return the series that a valid request plans."""
    return Series(
        id=new_id,
        run_id=command.run_id,
        title=command.title,
        kind=command.kind,
        room_id=command.room_id,
        instructor_id=command.instructor_id,
        starts=normalised(command.starts),
        duration=command.duration,
        rrule=str(counted(_rule(command), len(instances))),
        rdates=tuple(sorted({*normal_locals(command.rdates)}.difference(instances))),
        exdates=tuple(sorted({*normal_locals(command.exdates)})),
        group_ids=command.group_ids,
        purpose=command.purpose or SessionPurpose.CLASS,
    )


def planned_session(
    command: ScheduleSeries, found: Sequence[str], place: int, room: Room | None, new_id: str
) -> Session:
    """Return the session at a place of a valid request's recurrence ids, without a secret."""
    one = replace(
        command,
        starts=CivilTime(found[place], command.starts.zone),
        activity_id=of_each(command.activity_ids, place),
    )
    return replace(planned(one, room, new_id, ""), recurrence_id=found[place])


def _rule(command: ScheduleSeries) -> Rule:
    return rule_of(command.rrule, command.starts.zone)


def _size_violations(
    command: ScheduleSeries, start: str, found: Sequence[str]
) -> Iterator[FieldViolation]:
    latest = text_of(local_of(command.starts) + LONGEST_SERIES)
    if not found:
        yield FieldViolation("exdates", "no session is left", "at least one session")
    elif len(found) > MOST:
        yield FieldViolation(FIELD, f"gives more than {MOST} sessions", f"up to {MOST}")
    elif found[-1] > latest:
        wrong = f"goes on after three years, on {found[-1]}"
        yield FieldViolation(FIELD, wrong, f"sessions from {start} until {latest}")


def _date_violations(
    command: ScheduleSeries, start: str, instances: Collection[str]
) -> Iterator[FieldViolation]:
    for place, local in enumerate(normal_locals(command.rdates)):
        if local < start:
            yield FieldViolation(f"rdates[{place}]", f"{local} is early", f"a time after {start}")
    given = {*instances, *normal_locals(command.rdates)}
    for place, local in enumerate(normal_locals(command.exdates)):
        if local not in given:
            wrong = f"the series gives no session at {local}"
            yield FieldViolation(f"exdates[{place}]", wrong, "a time that it gives")
