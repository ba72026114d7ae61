"""Acts of moderation in MongoDB, each under the id of its entry in the log of the class."""

from collections.abc import Collection
from typing import Any

from chassis.contracts.mapping import from_document, to_document
from services.sessions.domain.class_log import ClassEntry
from services.sessions.domain.moderation import ModerationAct
from services.sessions.store_class_log import ClassLogStore, entry_id

Document = dict[str, Any]


class ModerationStore(ClassLogStore):
    """The part of the store for moderation."""

    def acts_about(self, session_id: str, person_ids: Collection[str]) -> list[ModerationAct]:
        """Return the acts of a class about some people, without those about entries, in order."""
        return self.acts_in([session_id], person_ids)

    def acts_in(
        self, session_ids: Collection[str], person_ids: Collection[str]
    ) -> list[ModerationAct]:
        """Return the acts of some classes about some people, as `acts_about` does."""
        classes, people = {"$in": [*session_ids]}, {"$in": [*person_ids]}
        return self._acts({"session_id": classes, "person_id": people, "entry_number": 0})

    def acts_about_entry(self, session_id: str, entry_number: int) -> list[ModerationAct]:
        """Return the acts of a class about one of its entries, in order."""
        return self._acts({"session_id": session_id, "entry_number": entry_number})

    def add_act(self, act: ModerationAct) -> None:
        """Store a new act."""
        id_ = entry_id(act.session_id, act.number)
        self.insert("moderation", [to_document(act) | {"_id": id_}])

    def entry(self, session_id: str, number: int) -> ClassEntry | None:
        """Return an entry of a class; None if there is none."""
        return self._one("class_log", {"_id": entry_id(session_id, number)}, ClassEntry)

    def put_hidden(self, session_id: str, number: int, is_hidden: bool) -> None:
        """Store whether the text of an entry is hidden."""
        self["class_log"].update_one(
            {"_id": entry_id(session_id, number)},
            {"$set": {"hidden": is_hidden}},
            session=self.session,
        )

    def _acts(self, query: Document) -> list[ModerationAct]:
        rows = self["moderation"].find(query, session=self.session).sort("_id")
        return [from_document(row, ModerationAct) for row in rows]
