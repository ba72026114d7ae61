"""What becomes of a delivery: the kinds of verdicts, and the verdict that an error is."""

from dataclasses import dataclass
from enum import StrEnum

from chassis.messaging.subscriptions import DeadLetter, Retry, Wait


class Kind(StrEnum):
    """What became of a delivery."""

    APPLIED = "applied"
    REPEAT = "repeat"
    WAIT = "wait"
    RETRY = "retry"
    DEAD_LETTER = "drop"
    UNDECODABLE = "undecodable"


@dataclass(frozen=True, slots=True)
class Disposition:
    """What is to be done with a delivery, and why."""

    kind: Kind
    reason: str = ""


APPLIED, REPEAT = Disposition(Kind.APPLIED), Disposition(Kind.REPEAT)


def disposition_of(error: Exception) -> Disposition:
    """The verdict on an event whose handler raised `error` for it alone."""
    kinds = ((Wait, Kind.WAIT), (DeadLetter, Kind.DEAD_LETTER), (Retry, Kind.RETRY))
    for cls, kind in kinds:
        if isinstance(error, cls):
            return Disposition(kind, str(error))
    return Disposition(Kind.RETRY, described(error))


def group_disposition(error: Exception) -> Disposition:
    """The verdict on events of which nobody knows which one made the handler raise `error`.

    None of them is dropped for another's fault.
    """
    disposition = disposition_of(error)
    return (
        Disposition(Kind.RETRY, disposition.reason)
        if disposition.kind is Kind.DEAD_LETTER
        else disposition
    )


def described(error: Exception) -> str:
    """What a traceback ends with, up to 500 characters."""
    return f"{type(error).__name__}: {error}"[:500]
