"""What becomes of a delivery: the kinds of verdicts, and the verdict that an error is."""

from dataclasses import dataclass
from enum import StrEnum

from chassis.messaging.subscriptions import Drop, Retry, Wait


class Kind(StrEnum):
    """What became of a delivery."""

    APPLIED = "applied"
    REPEAT = "repeat"
    WAIT = "wait"
    RETRY = "retry"
    DROP = "drop"
    UNDECODABLE = "undecodable"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be done with a delivery, and why."""

    kind: Kind
    reason: str = ""


APPLIED, REPEAT = Verdict(Kind.APPLIED), Verdict(Kind.REPEAT)


def judge(error: Exception) -> Verdict:
    """The verdict on an event whose handler raised `error` for it alone."""
    kinds = ((Wait, Kind.WAIT), (Drop, Kind.DROP), (Retry, Kind.RETRY))
    for cls, kind in kinds:
        if isinstance(error, cls):
            return Verdict(kind, str(error))
    return Verdict(Kind.RETRY, described(error))


def judge_group(error: Exception) -> Verdict:
    """The verdict on events of which nobody knows which one made the handler raise `error`.

    None of them is dropped for another's fault.
    """
    verdict = judge(error)
    return Verdict(Kind.RETRY, verdict.reason) if verdict.kind is Kind.DROP else verdict


def described(error: Exception) -> str:
    """What a traceback ends with, up to 500 characters."""
    return f"{type(error).__name__}: {error}"[:500]
