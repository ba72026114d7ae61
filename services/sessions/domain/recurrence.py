"""Recurrence rules of RFC 5545 (section 3.3.10), as far as series of classes need them.

Each rule that is accepted ends, and gives its first instance soon after its start, so that nobody
can let a library search for an instance that never comes.
"""

import re
from calendar import monthrange
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from enum import StrEnum
from zoneinfo import ZoneInfo

from chassis.errors import FieldViolation

FIELD = "rrule"
WEEK = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_DAY = f"({'|'.join(WEEK)})"
_WEEKDAY = rf"([+-]?[1-5])?{_DAY}"
_MONTH_DAY = r"-?([1-9]|[12]\d|3[01])"
_END_OF_DAY = time(23, 59, 59)


class Frequency(StrEnum):
    """How often a rule gives classes."""

    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"


@dataclass(frozen=True, slots=True)
class Rule:
    """A valid rule. It has `count` or `until`."""

    frequency: Frequency
    interval: int = 1
    days: tuple[str, ...] = ()
    """BYDAY: MO; in a MONTHLY rule 1MO and -1FR too."""
    month_days: tuple[int, ...] = ()
    week_start: str = WEEK[0]
    count: int | None = None
    until: datetime | None = None
    """The last local time that counts."""

    def __str__(self) -> str:
        parts: dict[str, object] = {
            "FREQ": self.frequency,
            "INTERVAL": self.interval if self.interval > 1 else "",
            "COUNT": self.count,
            "UNTIL": f"{self.until:%Y%m%dT%H%M%S}" if self.until else "",
            "BYDAY": ",".join(self.days),
            "BYMONTHDAY": ",".join(map(str, self.month_days)),
            "WKST": "" if self.week_start == WEEK[0] else self.week_start,
        }
        return ";".join(f"{name}={value}" for name, value in parts.items() if value)


@dataclass(frozen=True, slots=True)
class _Part:
    pattern: str
    right: str


_PARTS: Mapping[str, _Part] = {
    "FREQ": _Part("DAILY|WEEKLY|MONTHLY", "DAILY, WEEKLY or MONTHLY"),
    "INTERVAL": _Part(r"[1-9]\d?", "1 to 99"),
    "COUNT": _Part(r"[1-9]\d?|[123]\d\d|400", "1 to 400"),
    "UNTIL": _Part(r"[12]\d{7}(T\d{6}Z?)?", "20260601T080000Z, 20260601T090000 or 20260601"),
    "BYDAY": _Part(rf"{_WEEKDAY}(,{_WEEKDAY})*", "MO,WE, or in a MONTHLY rule 1MO or -1FR"),
    "BYMONTHDAY": _Part(rf"{_MONTH_DAY}(,{_MONTH_DAY})*", "1 to 31, or -1 to -31"),
    "WKST": _Part(_DAY, "MO to SU"),
}
_SUPPORTED = f"{', '.join(_PARTS)}"


def rule_violations(text: str) -> list[FieldViolation]:
    """Return everything that is wrong with a rule's text; empty if `rule_of` can read it."""
    pairs = _pairs(text)
    wrong = [each for name, value in pairs for each in _part_violations(name, value)]
    names = [name for name, _ in pairs]
    twice = sorted({name for name in names if name in _PARTS and names.count(name) > 1})
    wrong += [FieldViolation(FIELD, f"has {name} twice", "each part once") for name in twice]
    return wrong or list(_sense_violations(dict(pairs)))


def rule_of(text: str, zone: str) -> Rule:
    """Return the rule of a valid text for a start in a zone."""
    parts = dict(_pairs(text))
    return Rule(
        frequency=Frequency(parts["FREQ"]),
        interval=int(parts.get("INTERVAL", 1)),
        days=_list(parts.get("BYDAY", "")),
        month_days=tuple(map(int, _list(parts.get("BYMONTHDAY", "")))),
        week_start=parts.get("WKST", WEEK[0]),
        count=int(parts["COUNT"]) if "COUNT" in parts else None,
        until=_until(parts["UNTIL"], zone) if "UNTIL" in parts else None,
    )


def start_violations(rule: Rule, start: datetime) -> Iterator[FieldViolation]:
    """Yield a violation if a rule names days, and its start is on none of them.

    Such a rule may have no instance at all: FREQ=DAILY;INTERVAL=7;BYDAY=TU from a Monday on.
    """
    weekdays = {day[-2:] for day in rule.days}
    if weekdays and WEEK[start.weekday()] not in weekdays:
        wrong = f"{start.isoformat()} is a {WEEK[start.weekday()]}"
        yield FieldViolation("starts", wrong, f"a day of BYDAY={','.join(rule.days)}")
    last = monthrange(start.year, start.month)[1]
    if rule.month_days and not {start.day, start.day - last - 1} & set(rule.month_days):
        right = f"a day of BYMONTHDAY={','.join(map(str, rule.month_days))}"
        yield FieldViolation("starts", f"{start.isoformat()} is day {start.day}", right)


def counted(rule: Rule, count: int) -> Rule:
    """Return the rule with so many instances. COUNT stays right whatever becomes of the zone's
    law; an UNTIL in UTC would not.
    """
    return replace(rule, count=count, until=None)


def later_by_days(rule: Rule, days: int) -> Rule:
    """Return the rule whose instances are so many days later, if its start is too.

    With an INTERVAL the week of each day matters: so weeks begin as much later, too. A MONTHLY rule
    can't move to other days.
    """
    by_weeks = rule.days and rule.interval > 1
    return replace(
        rule,
        days=tuple(_later(day, days) for day in rule.days),
        week_start=_later(rule.week_start, days) if by_weeks else rule.week_start,
    )


def _pairs(text: str) -> list[tuple[str, str]]:
    parts = text.strip().upper().removeprefix("RRULE:").split(";")
    return [(name, value) for name, _, value in (part.partition("=") for part in parts)]


def _part_violations(name: str, value: str) -> Iterator[FieldViolation]:
    part = _PARTS.get(name)
    if part is None:
        yield FieldViolation(FIELD, f"{name!r} is not supported", f"parts of {_SUPPORTED}")
    elif not re.fullmatch(part.pattern, value, re.ASCII) or not _is_time(name, value):
        yield FieldViolation(FIELD, f"{name} is {value!r}", part.right)


def _is_time(name: str, value: str) -> bool:
    """Return whether a value that looks right is a time that exists, if it is to be one."""
    try:
        return name != "UNTIL" or bool(_until(value, "UTC"))
    except (ValueError, OverflowError):
        return False


def _sense_violations(parts: Mapping[str, str]) -> Iterator[FieldViolation]:
    """Yield what is wrong with parts that are right each for itself."""
    is_monthly = parts.get("FREQ") == Frequency.MONTHLY
    if "FREQ" not in parts:
        yield FieldViolation(FIELD, "has no FREQ", _PARTS["FREQ"].right)
    if ("COUNT" in parts) == ("UNTIL" in parts):
        wrong = "has COUNT and UNTIL" if "COUNT" in parts else "has no end"
        yield FieldViolation(FIELD, wrong, "either COUNT or UNTIL")
    if not is_monthly and re.search(r"\d", parts.get("BYDAY", "")):
        yield FieldViolation(FIELD, "BYDAY has a number", "numbers in MONTHLY rules only")
    if not is_monthly and "BYMONTHDAY" in parts:
        yield FieldViolation(FIELD, "has BYMONTHDAY", "it in MONTHLY rules only")
    if "BYDAY" in parts and "BYMONTHDAY" in parts:
        yield FieldViolation(FIELD, "has BYDAY and BYMONTHDAY", "one of them")


def _until(value: str, zone: str) -> datetime:
    """Return the last local time that counts; a date counts to its end."""
    if "T" not in value:
        return datetime.combine(date.fromisoformat(value), _END_OF_DAY)
    end = datetime.fromisoformat(value.removesuffix("Z"))
    if not value.endswith("Z"):
        return end
    return end.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def _list(value: str) -> tuple[str, ...]:
    return tuple(filter(None, value.split(",")))


def _later(day: str, days: int) -> str:
    return WEEK[(WEEK.index(day) + days) % len(WEEK)]
