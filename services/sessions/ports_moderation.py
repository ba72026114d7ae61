"""What the use cases of moderation need of the store."""

from collections.abc import Collection
from typing import Protocol

from services.sessions.domain.class_log import ClassEntry
from services.sessions.domain.moderation import ModerationAct


class ModerationStore(Protocol):
    """The data of moderation as one unit of work sees them."""

    def acts_about(self, session_id: str, person_ids: Collection[str]) -> list[ModerationAct]:
        """Return the acts of a class about some people, without those about entries, in order."""

    def acts_in(
        self, session_ids: Collection[str], person_ids: Collection[str]
    ) -> list[ModerationAct]:
        """Return the acts of some classes about some people, as `acts_about` does."""

    def acts_about_entry(self, session_id: str, entry_number: int) -> list[ModerationAct]:
        """Return the acts of a class about one of its entries, in order."""

    def add_act(self, act: ModerationAct) -> None:
        """Store a new act."""

    def entry(self, session_id: str, number: int) -> ClassEntry | None:
        """Return an entry of a class; None if there is none."""

    def put_hidden(self, session_id: str, number: int, is_hidden: bool) -> None:
        """Store whether the text of an entry is hidden."""
