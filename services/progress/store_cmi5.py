"""Sessions and registrations of cmi5 in MongoDB.

| collection | one document is | its id |
|---|---|---|
| cmi5_sessions | a launch, with what its unit said since | a UUID |
| cmi5_registrations | an enrolment with its units | a UUID |

Each statement of a session writes the session, and each launch the registration: so two at once
conflict, and one of them starts again.
"""

from collections.abc import Iterable
from typing import Any

from chassis.contracts.mapping import from_document, to_document
from chassis.data.store import Store
from chassis.data.transactions import inserting
from services.progress import metrics
from services.progress.domain.cmi5.sessions import Registration, Session
from services.progress.domain.cmi5.terms import Rule, Verb


class Cmi5Rows(Store):
    """The part of the store with sessions and registrations of cmi5."""

    def cmi5_session(self, session_id: str) -> Session | None:
        """Return a session; None if there is none."""
        return self._session({"_id": session_id})

    def cmi5_session_of_key(self, fetch_hash: str) -> Session | None:
        """Return the session of a key of a fetch URL, by its hash; None if there is none."""
        return self._session({"fetch_hash": fetch_hash})

    def put_cmi5_session(self, session: Session) -> None:
        """Store a session, new or changed."""
        self._put("cmi5_sessions", to_document(session))

    def cmi5_registration(self, registration_id: str) -> Registration | None:
        """Return a registration; None if there is none."""
        row = self["cmi5_registrations"].find_one({"_id": registration_id}, session=self.session)
        return from_document(row, Registration) if row else None

    def put_cmi5_registration(self, registration: Registration) -> None:
        """Store a registration, new or changed."""
        self._put("cmi5_registrations", to_document(registration))

    def note_cmi5_session(self, event: Verb) -> None:
        """Count a session that was launched, terminated or abandoned."""
        self.on_commit(metrics.CMI5_SESSIONS.labels(event.name.lower()).inc)

    def note_cmi5_refused(self, rules: Iterable[Rule]) -> None:
        """Count refused statements, for each the rules that it breaks."""
        for each in rules:
            self.on_commit(metrics.CMI5_REFUSED.labels(each.lower()).inc)

    def _session(self, query: dict[str, Any]) -> Session | None:
        row = self["cmi5_sessions"].find_one(query, session=self.session)
        return from_document(row, Session) if row else None

    def _put(self, collection: str, row: dict[str, Any]) -> None:
        named = {"_id": row["_id"]}
        with inserting():
            self[collection].replace_one(named, row, upsert=True, session=self.session)
