"""Dispositions: what happens to a delivery, and which disposition an error leads to."""

from dataclasses import dataclass
from enum import StrEnum

from chassis.messaging.subscriptions import DeadLetter, Retry, Wait


class Kind(StrEnum):
    """The kinds of dispositions."""

    APPLIED = "applied"
    REPEAT = "repeat"
    WAIT = "wait"
    RETRY = "retry"
    DEAD_LETTER = "drop"
    UNDECODABLE = "undecodable"


@dataclass(frozen=True, slots=True)
class Disposition:
    """What to do with a delivery, and why."""

    kind: Kind
    reason: str = ""


APPLIED, REPEAT = Disposition(Kind.APPLIED), Disposition(Kind.REPEAT)


def disposition_of(error: Exception) -> Disposition:
    """Return the disposition of an event whose handler raised `error` for it alone."""
    kinds = ((Wait, Kind.WAIT), (DeadLetter, Kind.DEAD_LETTER), (Retry, Kind.RETRY))
    for cls, kind in kinds:
        if isinstance(error, cls):
            return Disposition(kind, str(error))
    return Disposition(Kind.RETRY, described(error))


def group_disposition(error: Exception) -> Disposition:
    """Return the disposition of events if it is unknown which of them made the handler raise
    `error`.

    None of them becomes a dead letter because of another.
    """
    disposition = disposition_of(error)
    return (
        Disposition(Kind.RETRY, disposition.reason)
        if disposition.kind is Kind.DEAD_LETTER
        else disposition
    )


def described(error: Exception) -> str:
    """Return the last line of the traceback, up to 500 characters."""
    return f"{type(error).__name__}: {error}"[:500]
