"""The principal of a request, which all code below the edge can ask for."""

from collections.abc import Iterable, Iterator, Mapping, Set
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Principal:
    """The person or system that a token identifies."""

    subject: str
    """The person's id, or the calling system's name."""
    roles: frozenset[str]
    """Names of tandem.options.v1.Role in lower case: learner, instructor, registrar, ..."""
    runs: Mapping[str, Set[str]] | None = None
    """The runs to which the present request is limited, each with the groups to which it is limited
    there (none: the whole run); None: no limit.
    """

    @property
    def is_office(self) -> bool:
        """Return whether it acts for the university in every run: a registrar or a service."""
        return not _OFFICE.isdisjoint(self.roles)

    def reaches(self, run_id: str, group_ids: Iterable[str]) -> bool:
        """Return whether what is for some groups of a run, or (none) for the whole run, is within
        the limits.
        """
        if self.runs is None:
            return True
        groups = self.runs.get(run_id)
        return groups is not None and (not groups or not groups.isdisjoint(group_ids))


_OFFICE = frozenset({"registrar", "service"})
NOBODY = Principal("", frozenset())
"""The principal outside of requests, and of public pages."""
_current: ContextVar[Principal] = ContextVar("principal", default=NOBODY)


def current() -> Principal:
    """Return the principal of the present request; outside of requests, one without subject."""
    return _current.get()


@contextmanager
def acting_as(principal: Principal) -> Iterator[None]:
    """Make `principal` the current principal."""
    token = _current.set(principal)
    try:
        yield
    finally:
        _current.reset(token)
