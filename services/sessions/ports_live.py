"""What the live channel's use cases need of the store."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from chassis.staff import StaffMember
from services.sessions.domain.class_log import ClassEntry


class LiveStore(Protocol):
    """The logs of classes, and the staff of runs."""

    def add_entry(self, entry: ClassEntry, until: datetime | None = None) -> ClassEntry:
        """Store the next entry of a class, and return it with its number. It stays until an
        instant, and a while longer; None: for good.
        """

    def last_entry(self, session_id: str) -> int:
        """Return the number of a class's newest entry; 0 if it has none."""

    def entries_after(self, session_id: str, number: int, most: int) -> list[ClassEntry]:
        """Return up to `most` entries of a class that follow a number, in order."""

    def run_staff(self, run_id: str) -> Sequence[StaffMember]:
        """Return the staff of a run. Raises Unavailable if it is not known here yet."""
