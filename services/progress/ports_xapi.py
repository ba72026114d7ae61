"""The interfaces that the use cases of the statements resource need."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from services.progress.domain.enums import Key
from services.progress.domain.learner_run_state import LearnerRunState
from services.progress.domain.statements import Statement
from services.progress.domain.xapi.storing import Data, Known, Row
from services.progress.domain.xapi.voiding import Link
from services.progress.ports_cmi5 import SessionsStore


class LinkStore(Protocol):
    """The references between statements as one unit of work sees them."""

    def record_event(self, *happened: object) -> None:
        """Record events, which are published after the unit of work is committed."""

    def statements(self, ids: Iterable[str]) -> Mapping[str, Statement | None]:
        """Return the stored statements, by id; None for the LRS's that are none of ours."""

    def came_late(self, ids: Iterable[str]) -> list[str]:
        """Return those of these new statements that others referred to before they came."""

    def links(self, ids: Iterable[str]) -> dict[str, Link]:
        """Return the links of stored statements, by id."""

    def referrers(self, ids: Collection[str]) -> dict[str, Link]:
        """Return the links of statements that refer to these, by their ids."""

    def put_links(self, before: Mapping[str, Link], after: Mapping[str, Link]) -> None:
        """Store changed links."""

    def await_statements(self, ids: Collection[str]) -> None:
        """Note that stored statements refer to these, which are not stored yet."""


class XapiStore(LinkStore, SessionsStore, Protocol):
    """The statements as one unit of work sees them."""

    now: datetime
    """The present instant, by the application's clock."""

    def run_states(self, keys: Iterable[Key]) -> dict[Key, LearnerRunState]:
        """Return the known run states."""

    def known_statements(self, ids: Iterable[str]) -> dict[str, Known]:
        """Return what is stored with these ids."""

    def add_rows(self, rows: Sequence[Row]) -> None:
        """Store new statements, also those that others wait for."""

    def add_attachments(self, data: Mapping[str, Data]) -> None:
        """Store the data of attachments, by SHA-2 hash; what is stored already stays."""
