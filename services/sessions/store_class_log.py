"""The logs of classes in MongoDB: one document for each entry, under `session:number`.

The id makes a number unique in its session. Of two units of work that take the same number, one
starts again and takes the next. Entries leave by age (`removed_at`), in order, a while after their
class.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from chassis.contracts.mapping import from_document, to_document
from chassis.data.staff import staff_of
from chassis.staff import StaffMember
from services.sessions.domain.class_log import ClassEntry, numbered
from services.sessions.store_series import SeriesStore

Document = dict[str, Any]
# Digits of a number in the id, so that ids of one session sort by number.
WIDTH = 10
# A field of entries of which members are told when they are committed: those of the role `live`.
IS_ANNOUNCED = "announced"
_BEHIND = ";"  # the character after ":"


class ClassLogStore(SeriesStore):
    """The part of the store for the logs of classes."""

    announces = False
    """Whether who commits an entry tells members of it."""

    def add_entry(self, entry: ClassEntry, until: datetime | None = None) -> ClassEntry:
        """Store the next entry of a class, and return it with its number. It stays until an
        instant, and a while longer; None: for good.
        """
        self.contends_for("class_log", entry.session_id)
        made = numbered(entry, self.last_entry(entry.session_id))
        # without the fields that are None, which most are
        filled = {name: value for name, value in to_document(made).items() if value is not None}
        named: Document = {"_id": entry_id(made.session_id, made.number)}
        if until is not None:
            # by this computer's clock, because MongoDB removes rows by its own
            named["removed_at"] = datetime.now(UTC) + (until - self.now)
        if self.announces:
            named[IS_ANNOUNCED] = True
        self.insert("class_log", [filled | named])
        return made

    def last_entry(self, session_id: str) -> int:
        """Return the number of a class's newest entry; 0 if it has none."""
        query = after(session_id, 0)
        row = self["class_log"].find_one(
            query, {"number": 1}, sort=[("_id", -1)], session=self.session
        )
        return int(row["number"]) if row else 0

    def entries_after(self, session_id: str, number: int, most: int) -> list[ClassEntry]:
        """Return up to `most` entries of a class that follow a number, in order."""
        rows = self["class_log"].find(after(session_id, number), session=self.session)
        return [from_document(row, ClassEntry) for row in rows.sort("_id").limit(most)]

    def run_staff(self, run_id: str) -> Sequence[StaffMember]:
        """Return the staff of a run. Raises Unavailable if it is not known here yet."""
        return staff_of(self, [run_id])[run_id]


def entry_id(session_id: str, number: int) -> str:
    """Return the id of an entry's document."""
    return f"{session_id}:{number:0{WIDTH}d}"


def of_class(session_id: str) -> Document:
    """Return a query for all entries of a class."""
    return after(session_id, 0)


def after(session_id: str, number: int) -> Document:
    """Return a query for the entries of a class that follow a number."""
    return {"_id": {"$gt": entry_id(session_id, number), "$lt": session_id + _BEHIND}}
