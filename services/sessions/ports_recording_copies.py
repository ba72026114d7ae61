"""What the use cases of copies of recordings need of the store."""

from collections.abc import Collection
from typing import Protocol

from services.sessions.domain.recording_copies import RecordingCopy


class RecordingCopyStore(Protocol):
    """Copies of meeting servers' recordings as one unit of work sees them."""

    def recording_copy(self, copy_id: str) -> RecordingCopy | None:
        """Return the copy of a recording; None if there is none."""

    def claimed_copy(self, copy_id: str, claim: str) -> RecordingCopy | None:
        """Return a copy on which a claim works; None if it has changed meanwhile."""

    def copies_with(self, item_ids: Collection[str]) -> list[str]:
        """Return the ids of the copies that have some of these items."""

    def give_copy(self, copy: RecordingCopy) -> None:
        """Store a copy, and give it to the processes that copy."""

    def put_copy(self, copy: RecordingCopy) -> None:
        """Store a copy; what works on it finds its claim gone."""

    def note_copy(self, copy: RecordingCopy) -> None:
        """Store a changed copy on which somebody works, who goes on."""

    def tell_copy(self, outcome: str, copy_id: str, reason: str = "") -> None:
        """Tell the operators what came of a copy, and why, after the unit of work is committed."""

    def count_copied(self, size: int) -> None:
        """Count the bytes of a file that was copied, likewise."""
