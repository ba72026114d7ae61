"""The store of the role `live`: what a unit of work changes in a class is announced when it is
committed.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from services.sessions.domain.class_log import ClassEntry
from services.sessions.store import SessionsStore

Heard = Callable[[ClassEntry], object]


def announcing(hear: Heard) -> type[SessionsStore]:
    """Return a store that calls `hear` with each entry, on the thread that commits it."""

    class Announcing(SessionsStore):
        announces = True

        def add_entry(self, entry: ClassEntry, until: datetime | None = None) -> ClassEntry:
            made = super().add_entry(entry, until)
            self.on_commit(partial(hear, made))
            return made

    return Announcing
