"""Domain errors: the reasons to refuse a request, shared by domains, use cases and the edge.

A domain may import this module (docs/decisions/0003): it needs only the standard library, and five
services share one set of errors. The edge maps each class to a status.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One field that is wrong: its name, what is wrong, and what would be right."""

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
    """The request is wrong in any state: INVALID_ARGUMENT, with every field violation."""

    def __init__(
        self, violations: Iterable[FieldViolation], summary: str = "the request is not valid"
    ) -> None:
        super().__init__(summary, violations)


class NotFound(DomainError):
    """The request names something that does not exist: NOT_FOUND."""


class AlreadyExists(DomainError):
    """The request would create something that exists: ALREADY_EXISTS."""


class FailedPrecondition(DomainError):
    """The present state does not allow the request: FAILED_PRECONDITION, with every violation."""


class PermissionDenied(DomainError):
    """The caller may not do this: PERMISSION_DENIED."""


class Unavailable(DomainError):
    """Another service that the request needs does not answer now; try again: UNAVAILABLE."""


def check(violations: Iterable[FieldViolation]) -> None:
    """Raise `Invalid` with all `violations`, unless there are none."""
    listed = tuple(violations)
    if listed:
        raise Invalid(listed)


def check_state(summary: str, violations: Iterable[FieldViolation]) -> None:
    """Raise `FailedPrecondition` with all `violations`, unless there are none."""
    listed = tuple(violations)
    if listed:
        raise FailedPrecondition(summary, listed)
