"""The logs of classes in MongoDB: one document for each entry, under `session:number`.

The id makes a number unique in its session. Of two units of work that take the same number, one
starts again and takes the next. Entries leave by age (`removed_at`), in order, a while after their
class.
"""

from typing import Any

from chassis.contracts.mapping import from_document, to_document
from services.sessions.domain.class_log import ClassEntry, numbered
from services.sessions.store_series import SeriesStore

Document = dict[str, Any]
# Digits of a number in the id, so that ids of one session sort by number.
WIDTH = 10
_BEHIND = ";"  # the character after ":"


class ClassLogStore(SeriesStore):
    """The part of the store for the logs of classes."""

    def add_entry(self, entry: ClassEntry) -> ClassEntry:
        """Store the next entry of a class, and return it with its number."""
        self.contends_for("class_log", entry.session_id)
        made = numbered(entry, self.last_entry(entry.session_id))
        # without the fields that are None, which most are
        filled = {name: value for name, value in to_document(made).items() if value is not None}
        self.insert("class_log", [filled | {"_id": entry_id(made.session_id, made.number)}])
        return made

    def last_entry(self, session_id: str) -> int:
        """Return the number of a class's newest entry; 0 if it has none."""
        query = _after(session_id, 0)
        row = self["class_log"].find_one(
            query, {"number": 1}, sort=[("_id", -1)], session=self.session
        )
        return int(row["number"]) if row else 0

    def entries_after(self, session_id: str, number: int, most: int) -> list[ClassEntry]:
        """Return up to `most` entries of a class that follow a number, in order."""
        rows = self["class_log"].find(_after(session_id, number), session=self.session)
        return [from_document(row, ClassEntry) for row in rows.sort("_id").limit(most)]


def entry_id(session_id: str, number: int) -> str:
    """Return the id of an entry's document."""
    return f"{session_id}:{number:0{WIDTH}d}"


def of_class(session_id: str) -> Document:
    """Return a query for all entries of a class."""
    return _after(session_id, 0)


def _after(session_id: str, number: int) -> Document:
    return {"_id": {"$gt": entry_id(session_id, number), "$lt": session_id + _BEHIND}}
