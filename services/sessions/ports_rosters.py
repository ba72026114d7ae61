"""What the use cases about people and their runs need of the store."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, TypeVar

from chassis.replicas import Replica
from services.sessions.domain.roster import Enrolment

C = TypeVar("C", bound=Replica)


class RosterStore(Protocol):
    """Replicas of other services' data."""

    def replicas(self, cls: type[C], ids: Iterable[str]) -> Mapping[str, C]:
        """Return the known replicas of one class (Person, Run, Group, Item), by id."""

    def put_replicas(self, replicas: Sequence[Replica]) -> None:
        """Store replicas of one class."""

    def enrolments(self, keys: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], Enrolment]:
        """Return the known enrolments, by run and learner."""

    def put_enrolments(self, enrolments: Sequence[Enrolment]) -> None:
        """Store enrolments."""

    def enrolment_for_update(self, run_id: str, learner_id: str) -> Enrolment | None:
        """Return a learner's enrolment in a run, locked against other units of work."""
