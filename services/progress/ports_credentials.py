"""What use cases of the LRS's credentials ask of the store."""

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol, TypeVar

from chassis.replicas import Replica
from services.progress.domain.xapi.credentials import LrsCredential

C = TypeVar("C", bound=Replica)


class Store(Protocol):
    """Credentials in one unit of work."""

    now: datetime

    def new_id(self) -> str:
        """Return a new id."""

    def replicas(self, cls: type[C], ids: Iterable[str]) -> dict[str, C]:
        """Return the known replicas of one class (Run), by id."""

    def lrs_credential(self, credential_id: str) -> LrsCredential | None:
        """Return a credential; None if there is none."""

    def put_lrs_credential(self, credential: LrsCredential) -> None:
        """Store a credential, new or changed."""
