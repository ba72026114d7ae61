"""The ways in which a request can be refused, shared by domain, use cases and edges.

The only chassis module that a domain may import (docs/decisions/0003): it needs nothing but the
standard library, and one vocabulary beats five copies. The gRPC edge maps each class to a status.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One thing that is wrong: where, what, and what would be right."""

    field: str
    wrong: str
    right: str = ""

    def __str__(self) -> str:
        return f"{self.field}: {self.wrong}" + (f"; {self.right}" if self.right else "")


class DomainError(Exception):
    """A request that the rules don't allow. Nothing was changed."""

    def __init__(self, summary: str, violations: Iterable[FieldViolation] = ()) -> None:
        self.summary = summary
        self.violations = tuple(violations)
        super().__init__(": ".join(filter(None, [summary, "; ".join(map(str, self.violations))])))


class Invalid(DomainError):
    """The request can't be right, whatever the state: INVALID_ARGUMENT, with every fault."""

    def __init__(
        self, violations: Iterable[FieldViolation], summary: str = "the request is not valid"
    ) -> None:
        super().__init__(summary, violations)


class NotFound(DomainError):
    """What the request names does not exist: NOT_FOUND."""


class AlreadyExists(DomainError):
    """What the request would make exists: ALREADY_EXISTS."""


class FailedPrecondition(DomainError):
    """The state does not allow it now: FAILED_PRECONDITION, with every fault."""


class PermissionDenied(DomainError):
    """The caller may not do this: PERMISSION_DENIED."""


class Unavailable(DomainError):
    """What the request needs of another service can't be had now; try again: UNAVAILABLE."""


def check(violations: Iterable[FieldViolation]) -> None:
    """Raise `Invalid` with all of `faults`, unless there are none."""
    listed = tuple(violations)
    if listed:
        raise Invalid(listed)
