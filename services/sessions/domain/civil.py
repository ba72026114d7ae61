"""Civil times, and the instants that they mean, across clock changes (RFC 5545, section 3.3.5)."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from chassis.civil import CivilTime
from chassis.errors import FieldViolation

# Years that every zone's rules, BSON dates and proto Timestamps support.
_YEARS = range(1970, 3000)


def civil_violations(civil: CivilTime, field: str) -> list[FieldViolation]:
    """Return why a civil time is no instant; empty if it is one.

    A time that the clocks skip in spring does not exist. That is a violation, with a right time.
    (RFC 5545 would read it as if the clocks had not changed; but 01:30 on that night is a mistake
    in a timetable that its author should know of.)
    """
    local, zone = _local(civil.local), _zone(civil.zone)
    violations = local_violations(civil.local, f"{field}.local")
    if zone is None:
        right = "an IANA name such as Europe/Dublin"
        violations.append(FieldViolation(f"{field}.zone", f"{civil.zone!r} is no time zone", right))
    if local and zone and _is_skipped(local, zone):
        wrong = f"{civil.local} does not exist in {civil.zone}: the clocks skip it"
        violations.append(
            FieldViolation(f"{field}.local", wrong, f"for example {_after_gap(local, zone)}")
        )
    return violations


def local_violations(local: str, field: str) -> list[FieldViolation]:
    """Return why a text is no local time; empty if it is one."""
    if _local(local) is not None:
        return []
    right = "a local time without offset, from 1970 to 2999: 2026-03-02T09:00:00"
    return [FieldViolation(field, f"{local!r} is no date and time", right)]


def instant_of(civil: CivilTime) -> datetime:
    """Return the instant in UTC of a valid civil time.

    A time that occurs twice in autumn means its first occurrence (RFC 5545, section 3.3.5).
    """
    local = datetime.fromisoformat(civil.local)
    return local.replace(tzinfo=ZoneInfo(civil.zone), fold=0).astimezone(UTC)


def normalised(civil: CivilTime) -> CivilTime:
    """Return the same civil time, with seconds."""
    return CivilTime(text_of(local_of(civil)), civil.zone)


def local_of(civil: CivilTime) -> datetime:
    """Return what the wall shows at a valid civil time, without a zone."""
    return datetime.fromisoformat(civil.local)


def text_of(local: datetime) -> str:
    """Return a local time as ISO 8601 with seconds: such texts sort like their times."""
    return local.isoformat(timespec="seconds")


def _local(text: str) -> datetime | None:
    try:
        local = datetime.fromisoformat(text)
    except ValueError:
        return None
    plain = local.tzinfo is None and local.microsecond == 0 and "T" in text
    return local if plain and local.year in _YEARS else None


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown; hostile path; a folder of the zone files
        return None


def _is_skipped(local: datetime, zone: ZoneInfo) -> bool:
    """Return whether a time is in a gap: there `fold` 0 and 1 give both offsets (PEP 495)."""
    return _gap(local, zone) > 0


def _after_gap(local: datetime, zone: ZoneInfo) -> str:
    before = local.replace(tzinfo=zone, fold=0)
    return before.astimezone(UTC).astimezone(zone).replace(tzinfo=None).isoformat()


def _gap(local: datetime, zone: ZoneInfo) -> float:
    before, after = (local.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
    return (after - before).total_seconds() if after is not None and before is not None else 0.0
