"""What sessions of cmi5 need of their store."""

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from services.progress.domain.cmi5.sessions import Registration, Session
from services.progress.domain.cmi5.terms import Rule, Verb
from services.progress.domain.plan import Plan


class SessionsStore(Protocol):
    """Sessions and registrations as one unit of work sees them."""

    now: datetime

    def new_id(self) -> str:
        """Return a new id, a UUID."""

    def contends_for(self, kind: str, id_: str) -> None:
        """Lock a thing that other units of work may change too."""

    def plans(self, run_ids: Iterable[str]) -> dict[str, Plan]:
        """Return the plans of those runs that are known."""

    def cmi5_session(self, session_id: str) -> Session | None:
        """Return a session; None if there is none."""

    def cmi5_session_of_key(self, fetch_hash: str) -> Session | None:
        """Return the session of a key of a fetch URL, by its hash; None if there is none."""

    def put_cmi5_session(self, session: Session) -> None:
        """Store a session, new or changed."""

    def cmi5_registration(self, registration_id: str) -> Registration | None:
        """Return a registration; None if there is none."""

    def put_cmi5_registration(self, registration: Registration) -> None:
        """Store a registration, new or changed."""

    def note_cmi5_session(self, event: Verb) -> None:
        """Count a session that was launched, terminated or abandoned."""

    def note_cmi5_refused(self, rules: Iterable[Rule]) -> None:
        """Count refused statements, for each the rules that it breaks."""
