"""What is counted in the metrics when a unit of work is committed, and what is measured there."""

import time
from datetime import timedelta
from functools import partial

from chassis import ids
from services.sessions import metrics
from services.sessions.domain.questions import QuestionState
from services.sessions.ports_counts import Happening
from services.sessions.store_series import SeriesStore

NOTE_COLLECTIONS = {"agendas": "agenda_notes", "votes": "vote_notes", "help": "help_notes"}
# As the index has it (migrations.py): MongoDB uses a partial index only for queries like it.
ON_AN_AGENDA = {"state": QuestionState.OPEN, "session_id": {"$gt": ""}}


class CountingStore(SeriesStore):
    """The part of the store for metrics."""

    def count(self, what: Happening, number: int = 1) -> None:
        """Count something, after the unit of work is committed, and only then."""
        metric, label = what.split(".")
        self.on_commit(partial(metrics.COUNTERS[metric].labels(label).inc, number))

    def oldest_question(self) -> timedelta:
        """Return for how long the oldest question on the agenda of a class to come has been open;
        zero: there is none.
        """
        row = self["questions"].find_one(
            ON_AN_AGENDA, {"open_since": 1}, sort=[("open_since", 1)], session=self.session
        )
        return self.now - row["open_since"] if row else timedelta()

    def oldest_note(self, kind: str) -> timedelta:
        """Return for how long the oldest note for `agendas`, `votes` or `help` has waited, by the
        system's clock; zero: there is none.
        """
        notes = self[NOTE_COLLECTIONS[kind]]
        row = notes.find_one({}, {"_id": 1}, sort=[("_id", 1)], session=self.session)
        waited = time.time() - ids.made_at(row["_id"]) if row else 0.0
        return timedelta(seconds=max(0.0, waited))
