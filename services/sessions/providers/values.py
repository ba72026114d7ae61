"""Values as providers write them; whatever else comes in their place is a ValueError."""

import re
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def from_milliseconds(value: object) -> datetime:
    """Return the instant of a number of milliseconds since 1970, or of its text.

    Raises ValueError for anything else.
    """
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(f"{value!r} is no number of milliseconds since 1970")  # noqa: TRY004
    try:
        return _EPOCH + timedelta(milliseconds=int(value))
    except OverflowError:
        raise ValueError(f"{value} milliseconds since 1970 are too many") from None


def to_milliseconds(instant: datetime) -> int:
    """Return the whole milliseconds since 1970."""
    return (instant - _EPOCH) // timedelta(milliseconds=1)


def from_iso(value: object) -> datetime:
    """Return the instant of a text by ISO 8601; without a zone it is of UTC. Raises ValueError."""
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no instant by ISO 8601")  # noqa: TRY004
    found = datetime.fromisoformat(value)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def text(value: object) -> str:
    """Return a text, empty if the provider left it out. Raises ValueError for anything else."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no text")  # noqa: TRY004
    return value


def shown(value: str, longest: int) -> str:
    """Return a name as providers take it: in one line, without control characters, not too long."""
    return " ".join(_CONTROL.sub(" ", value).split())[:longest].rstrip()
