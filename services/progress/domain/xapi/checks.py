"""Checks of parsed JSON, which other modules put together as the specification's tables do.

A check returns the faults of a value, each with its path from that value on. A value without faults
costs no path, so that valid statements, nearly all, are checked fast.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import orjson

from chassis.errors import FieldViolation

Check = Callable[[Any], Sequence[FieldViolation]]
"""Returns what is wrong with a value of parsed JSON; it never raises."""
Rule = Callable[[Mapping[str, Any]], Iterable[FieldViolation]]
"""Tells contradictions between the properties of an object, whatever the types of their values."""

FINE: tuple[FieldViolation, ...] = ()
KEPT, LONGEST_KEPT = 5_000, 1_000
"""How many values a check of `remembered` keeps, and how many bytes of JSON each may have."""
_SHOWN = 80
_PLAIN = re.compile(r"\w+", re.ASCII)


def fault(value: object, right: str) -> tuple[FieldViolation]:
    """Return the fault of a value that is not `right`."""
    return (FieldViolation("", f"is {_told(value)}", right),)


def within(step: str | int, faults: Iterable[FieldViolation]) -> list[FieldViolation]:
    """Return faults of a member, with paths from the object or array around it on."""
    place = _place(step)
    return [FieldViolation(_joined(place, each.field), each.wrong, each.right) for each in faults]


def missing(name: str, right: str = "a value, for it is required") -> FieldViolation:
    """Return the fault of an object that lacks a property."""
    return FieldViolation(_place(name), "is missing", right)


def record(
    properties: Mapping[str, Check], required: Iterable[str] = (), rule: Rule | None = None
) -> Check:
    """Return the check of an object that has no other `properties`, and keeps `rule`.

    The case of a name counts (xAPI 1.0.3, part 2, section 2.2).
    """
    needed = tuple(required)
    unknown = FieldViolation("", "is not a property of this object", _choice(properties))

    def check(value: Any) -> Sequence[FieldViolation]:
        if not isinstance(value, dict):
            return fault(value, "an object")
        found: list[FieldViolation] = []
        for name, member in value.items():
            inner = properties.get(name)
            faults = inner(member) if inner else (unknown,)
            if faults:
                found += within(name, faults)
        for name in needed:
            if name not in value:
                found.append(missing(name))
        if rule:
            found.extend(rule(value))
        return found

    return check


def keyed(key: Check, member: Check, least: int = 0) -> Check:
    """Return the check of an object with any keys that `key` allows, at least so many."""

    def check(value: Any) -> Sequence[FieldViolation]:
        if not isinstance(value, dict):
            return fault(value, "an object")
        if len(value) < least:
            return fault(value, f"an object with at least {least} entry")
        found: list[FieldViolation] = []
        for name, each in value.items():
            wrong_name, wrong = key(name), member(each)
            if wrong_name or wrong:
                found += within(name, (*wrong_name, *wrong))
        return found

    return check


def array(member: Check, least: int = 0) -> Check:
    """Return the check of an array with at least so many members."""

    def check(value: Any) -> Sequence[FieldViolation]:
        if not isinstance(value, list):
            return fault(value, "an array")
        if len(value) < least:
            return fault(value, f"an array of at least {least}")
        found: list[FieldViolation] = []
        for index, each in enumerate(value):
            if faults := member(each):
                found += within(index, faults)
        return found

    return check


def kinds(of: Mapping[str, Check], default: str = "") -> Check:
    """Return the check of an object whose objectType decides which check applies."""

    def check(value: Any) -> Sequence[FieldViolation]:
        if not isinstance(value, dict):
            return fault(value, "an object")
        kind = value.get("objectType", default)
        inner = of.get(kind) if isinstance(kind, str) else None
        if inner:
            return inner(value)
        if "objectType" in value:
            return within("objectType", fault(kind, _choice(of)))
        return [missing("objectType", _choice(of))]

    return check


def remembered(inner: Check) -> Check:
    """Return the check `inner`, which knows a value again that it found without faults: most
    actors, verbs and activities come again and again.
    """
    fine: set[bytes] = set()

    def check(value: Any) -> Sequence[FieldViolation]:
        try:
            text = orjson.dumps(value)
        except orjson.JSONEncodeError:  # an integer of more than 64 bits, half of a surrogate pair
            return inner(value)
        if text in fine:
            return FINE
        found = inner(value)
        if not found and len(text) <= LONGEST_KEPT:
            if len(fine) >= KEPT:
                fine.clear()
            fine.add(text)
        return found

    return check


def enumerated(*values: str) -> Check:
    """Return the check of a text that is one of these, in their case."""
    return lambda value: FINE if value in values else fault(value, _choice(values))


def matching(pattern: re.Pattern[str], right: str) -> Check:
    """Return the check of a text that the whole `pattern` matches."""
    match = pattern.fullmatch
    return lambda value: FINE if isinstance(value, str) and match(value) else fault(value, right)


def text(value: Any) -> Sequence[FieldViolation]:
    """Check a text of any content."""
    return FINE if isinstance(value, str) else fault(value, "a string")


def boolean(value: Any) -> Sequence[FieldViolation]:
    """Check a truth value."""
    return FINE if isinstance(value, bool) else fault(value, "true or false, without quotes")


def number(value: Any) -> Sequence[FieldViolation]:
    """Check a number."""
    return FINE if is_number(value) else fault(value, "a number, without quotes")


def anything(_: Any) -> Sequence[FieldViolation]:
    """Check nothing."""
    return FINE


def is_number(value: object) -> bool:
    """Return whether a value is a number of JSON: true is none, and neither is infinity."""
    if isinstance(value, float):
        return value - value == 0  # not so of infinity and NaN
    return isinstance(value, int) and not isinstance(value, bool)


def _choice(values: Iterable[str]) -> str:
    return f"one of {', '.join(values)}"


def _told(value: object) -> str:
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, dict):
        return "an object" if value else "an empty object"
    if isinstance(value, list):
        return "an array" if value else "an empty array"
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return "a number"


def _quoted(value: str) -> str:
    """Escaped, so that neither a control character nor a lone surrogate leaves this module."""
    return json.dumps(value if len(value) <= _SHOWN else f"{value[:_SHOWN]}…")


def _place(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return step if len(step) <= _SHOWN and _PLAIN.fullmatch(step) else f"[{_quoted(step)}]"


def _joined(place: str, rest: str) -> str:
    return f"{place}.{rest}" if rest and not rest.startswith("[") else f"{place}{rest}"
