"""The ways in which a request can be refused, shared by domain, use cases and edges.

The only chassis module that a domain may import (docs/decisions/0003): it needs nothing but the
standard library, and one vocabulary beats five copies. The gRPC edge maps each class to a status.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: where, what, and what would be right."""

    field: str
    wrong: str
    right: str = ""

    def __str__(self) -> str:
        return f"{self.field}: {self.wrong}" + (f"; {self.right}" if self.right else "")


class Refusal(Exception):
    """A request that the rules don't allow. Nothing was changed."""

    def __init__(self, summary: str, faults: Iterable[Fault] = ()) -> None:
        self.summary = summary
        self.faults = tuple(faults)
        super().__init__(": ".join(filter(None, [summary, "; ".join(map(str, self.faults))])))


class Invalid(Refusal):
    """The request can't be right, whatever the state: INVALID_ARGUMENT, with every fault."""

    def __init__(self, faults: Iterable[Fault], summary: str = "the request is not valid") -> None:
        super().__init__(summary, faults)


class NotFound(Refusal):
    """What the request names does not exist: NOT_FOUND."""


class AlreadyExists(Refusal):
    """What the request would make exists: ALREADY_EXISTS."""


class FailedPrecondition(Refusal):
    """The state does not allow it now: FAILED_PRECONDITION, with every fault."""


class Denied(Refusal):
    """The caller may not do this: PERMISSION_DENIED."""


class Unavailable(Refusal):
    """What the request needs of another service can't be had now; try again: UNAVAILABLE."""


def check(faults: Iterable[Fault]) -> None:
    """Raise `Invalid` with all of `faults`, unless there are none."""
    listed = tuple(faults)
    if listed:
        raise Invalid(listed)
