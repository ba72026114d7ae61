"""Field rules: the contracts' `rule` options. A check reports every violation.

The rules of a message type are read from its descriptor once; a check then walks a list.
"""

import math
import re
import zoneinfo
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

from google.protobuf.message import Message
from tandem.options.v1 import options_pb2

from chassis.errors import FieldViolation
from chassis.texts import is_blank

DEFAULT_LENGTH = 1_000
DEFAULT_ITEMS = 1_000
# BSON's limits, and dates on which calendar arithmetic does not overflow.
LARGEST_NUMBER = 2**63 - 1
EARLIEST = int(datetime(1900, 1, 1, tzinfo=UTC).timestamp())
LATEST = int(datetime(2200, 1, 1, tzinfo=UTC).timestamp())
LONGEST = 100 * 366 * 24 * 3600

# protobuf's type stubs know two unrelated classes for each of these
Descriptor = Any
FieldDescriptor = Any
Rule = options_pb2.Rule
Found = tuple[str, str]  # what is wrong, what would be right
Check = Callable[[Any], Found | None]
Walk = Callable[[Any, str, list[FieldViolation]], None]


def violations_of(
    message: Message, prefix: str = "", skip: frozenset[str] = frozenset()
) -> list[FieldViolation]:
    """Every fault of a message and of the messages in it, by the rules of their contracts.

    Fields are told as paths below `prefix`: "activities[3].title". Fields of the message that are
    named in `skip` are checked themselves, but the messages in them are not.
    """
    violations: list[FieldViolation] = []
    for walk in _walks(message.DESCRIPTOR, skip):
        walk(message, prefix, violations)
    return violations


@cache
def _walks(descriptor: Descriptor, skip: frozenset[str]) -> Sequence[Walk]:
    special = _SPECIAL.get(descriptor.full_name)
    if special is not None:
        return (_whole(special),)
    walks = []
    for field in descriptor.fields:
        walks.append(_many(field) if field.is_repeated else _one(field))
        if field.message_type is not None and field.name not in skip:
            walks.append(_below(field))
    return walks


def _whole(check: Check) -> Walk:
    """Check a message as one value: a Timestamp, a Duration."""

    def walk(message: Any, prefix: str, violations: list[FieldViolation]) -> None:
        found = check(message)
        if found:
            violations.append(FieldViolation(prefix.removesuffix("."), *found))

    return walk


def _one(field: FieldDescriptor) -> Walk:
    name, rule, check = field.name, _rule(field), _check_of(field)
    has_presence, required = field.has_presence, rule.required
    is_text = field.type == field.TYPE_STRING

    def walk(message: Any, prefix: str, violations: list[FieldViolation]) -> None:
        value = getattr(message, name)
        present = message.HasField(name) if has_presence else value
        if required and (not present or (is_text and is_blank(value))):
            violations.append(FieldViolation(prefix + name, "is missing", _wanted(field, rule)))
        elif present or not has_presence:
            found = check(value)
            if found:
                violations.append(FieldViolation(prefix + name, *found))

    return walk


def _many(field: FieldDescriptor) -> Walk:
    name, rule, check = field.name, _rule(field), _check_of(field)
    least = max(rule.min_items, int(rule.required))
    most = rule.max_items or DEFAULT_ITEMS

    def walk(message: Any, prefix: str, violations: list[FieldViolation]) -> None:
        values = getattr(message, name)
        if len(values) < least:
            violations.append(
                FieldViolation(prefix + name, f"has {len(values)} rows", f"at least {least}")
            )
        if len(values) > most:
            violations.append(
                FieldViolation(prefix + name, f"has {len(values)} rows", f"at most {most}")
            )
            return
        for place, value in enumerate(values):
            found = check(value)
            if found:
                violations.append(FieldViolation(f"{prefix}{name}[{place}]", *found))

    return walk


def _below(field: FieldDescriptor) -> Walk:
    """Check the messages in a field."""
    name, descriptor, most = field.name, field.message_type, _rule(field).max_items or DEFAULT_ITEMS

    def one(message: Any, prefix: str, violations: list[FieldViolation]) -> None:
        if message.HasField(name):
            for walk in _walks(descriptor, frozenset()):
                walk(getattr(message, name), f"{prefix}{name}.", violations)

    def many(message: Any, prefix: str, violations: list[FieldViolation]) -> None:
        rows = getattr(message, name)
        if len(rows) <= most:
            for place, row in enumerate(rows):
                for walk in _walks(descriptor, frozenset()):
                    walk(row, f"{prefix}{name}[{place}].", violations)

    return many if field.is_repeated else one


def _check_of(field: FieldDescriptor) -> Check:
    rule = _rule(field)
    if field.message_type is not None:
        return _accept
    if field.enum_type is not None:
        return _enum(field)
    if field.cpp_type == field.CPPTYPE_STRING:
        return _text(rule)
    if field.cpp_type == field.CPPTYPE_BOOL:
        return _accept
    return _number(rule)


def _accept(_: Any) -> None:
    return None


def _enum(field: FieldDescriptor) -> Check:
    known = set(field.enum_type.values_by_number)
    if field.is_repeated:
        known.discard(0)
    names = [value.name for value in field.enum_type.values if value.number]
    right = f"one of {', '.join(names)}"

    def check(value: Any) -> Found | None:
        return None if value in known else (f"is {value}, which means nothing", right)

    return check


def _text(rule: Rule) -> Check:
    most = rule.max_length or DEFAULT_LENGTH
    form = _form(rule)

    def check(value: Any) -> Found | None:
        if len(value) > most:
            return f"has {len(value)} characters", f"at most {most}"
        if isinstance(value, str) and "\0" in value:
            return "has a NUL character", "text without it"
        return form(value) if form and value else None

    return check


def _form(rule: Rule) -> Check | None:
    if rule.zone:
        return _zone
    if rule.date:
        return _date
    return _pattern(rule.pattern) if rule.pattern else None


def _pattern(pattern: str) -> Check:
    matches = re.compile(pattern, re.ASCII).fullmatch

    def check(value: Any) -> Found | None:
        return None if matches(value) else (f"is {_quoted(value)}", f"text that matches {pattern}")

    return check


def _zone(value: Any) -> Found | None:
    if value in _zones():
        return None
    return f"is {_quoted(value)}", "an IANA time zone, such as Europe/Dublin"


@cache
def _zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def _date(value: Any) -> Found | None:
    try:
        if date.fromisoformat(value).isoformat() == value:
            return None
    except ValueError:
        pass
    return f"is {_quoted(value)}", "a date as YYYY-MM-DD"


def _number(rule: Rule) -> Check:
    least = rule.min if rule.HasField("min") else -math.inf
    most = rule.max if rule.HasField("max") else LARGEST_NUMBER

    def check(value: Any) -> Found | None:
        if not math.isfinite(value):
            return f"is {value}", "a finite number"
        if value < least:
            return f"is {value}", f"at least {least:.15g}"
        if value > most:
            return f"is {value}", f"at most {most:.15g}"
        return None

    return check


def _instant(value: Any) -> Found | None:
    if EARLIEST <= value.seconds < LATEST and 0 <= value.nanos < 1_000_000_000:
        return None
    return f"is {value.seconds} s and {value.nanos} ns", "an instant between 1900 and 2200"


def _stretch(value: Any) -> Found | None:
    same_sign = value.seconds * value.nanos >= 0
    if abs(value.seconds) <= LONGEST and abs(value.nanos) < 1_000_000_000 and same_sign:
        return None
    return f"is {value.seconds} s and {value.nanos} ns", "a duration of up to 100 years"


_SPECIAL: dict[str, Check] = {
    "google.protobuf.Timestamp": _instant,
    "google.protobuf.Duration": _stretch,
}


def _rule(field: FieldDescriptor) -> Rule:
    rule: Rule = field.GetOptions().Extensions[options_pb2.rule]
    return rule


def _wanted(field: FieldDescriptor, rule: Rule) -> str:
    """Return what a missing field should hold."""
    if field.enum_type is not None:
        return f"one of {', '.join(v.name for v in field.enum_type.values if v.number)}"
    if rule.zone:
        return "an IANA time zone, such as Europe/Dublin"
    if rule.date:
        return "a date as YYYY-MM-DD"
    return f"text that matches {rule.pattern}" if rule.pattern else "a value"


def _quoted(value: str) -> str:
    """Return a value as a violation shows it: short, and safe to print."""
    return repr(value if len(value) <= 40 else value[:37] + "...")
