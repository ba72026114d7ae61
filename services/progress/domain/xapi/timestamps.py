"""Timestamps of statements: ISO 8601 in xAPI 1.0.3 (part 2, section 4.5), RFC 3339 in 2.0.0."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from chassis.errors import FieldViolation
from services.progress.domain.xapi.checks import FINE, Check, fault
from services.progress.domain.xapi.versions import Version

_RIGHT = "a timestamp such as 2026-03-02T08:00:00.000Z, without the offset -00:00"
# RFC 3339, section 5.6; it allows a space in place of T, and small letters.
_RFC_3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d++)?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII
)
# ISO 8601, extended or basic, calendar or week date, down to the day or the minute.
_ISO_8601 = re.compile(
    r"\d{4}(?:-\d\d-\d\d|\d{4}|-W\d\d-\d|W\d{3})"
    r"(?:[Tt ]\d\d(?::?\d\d(?::?\d\d(?:[.,]\d++)?)?)?(?:[Zz]|[+-]\d\d(?::?\d\d)?)?)?",
    re.ASCII,
)
# RFC 3339, section 4.3: the offset of the place is not known.
_UNKNOWN_OFFSET = re.compile(r"[Tt ].*-00(?::?00)?\Z")
_LEAP_SECOND = re.compile(r"(?<=:[0-5]\d:)60|(?<=[Tt ][0-2]\d[0-5]\d)60")
_FORMS = {Version.V1_0_3: _ISO_8601, Version.V2_0_0: _RFC_3339}


def timestamp(version: Version) -> Check:
    """Return the check of a timestamp. The offset -00:00 is refused in both versions."""
    form = _FORMS[version]

    def check(value: Any) -> Sequence[FieldViolation]:
        fine = isinstance(value, str) and form.fullmatch(value) and instant_of(value)
        return FINE if fine else fault(value, _RIGHT)

    return check


def instant_of(value: str) -> datetime | None:
    """Return the instant of a timestamp in either version's form, in UTC and microseconds; None if
    it is none.

    Where the offset is missing, it is UTC (xAPI 1.0.3 leaves it open). A leap second is the second
    after it, as in POSIX.
    """
    if not _ISO_8601.fullmatch(value) or ("-00" in value and _UNKNOWN_OFFSET.search(value)):
        return None
    ordinary, leaps = _LEAP_SECOND.subn("59", value, count=1) if "60" in value else (value, 0)
    try:
        read = datetime.fromisoformat(ordinary.upper())
        known = read if read.tzinfo else read.replace(tzinfo=UTC)
        return known.astimezone(UTC) + timedelta(seconds=leaps)
    except (ValueError, OverflowError):
        return None
