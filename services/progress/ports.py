"""The interfaces that the use cases need."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from chassis.replicas import Replica
from services.progress.domain.catch_ups import CatchUp
from services.progress.domain.enums import Key
from services.progress.domain.evidence import Evidence
from services.progress.domain.learner import Learner
from services.progress.domain.learner_run_state import LearnerRunState
from services.progress.domain.plan import Plan
from services.progress.domain.plan_history import PlanHistory
from services.progress.domain.reevaluations import ItemUpdate, Reevaluation
from services.progress.domain.sessions import Item, Session
from services.progress.domain.statements import Statement, Stored
from services.progress.ports_falling_behind import FallingBehindStore
from services.progress.ports_week_fits import WeekFitsStore
from services.progress.ports_xapi import LinkStore

C = TypeVar("C", bound=Replica)
Overdue = tuple[str, Key]
"""The id of a catch-up past its due, and its learner."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A learner of whose dues something may be to tell, or who may fall behind, and since when."""

    key: Key
    at: datetime | None


Deltas = Mapping[str, Mapping[str, int]]
"""By run, what to add to each count of its summary."""


class Store(FallingBehindStore, LinkStore, WeekFitsStore, Protocol):
    """Progress's data as one unit of work sees them."""

    now: datetime
    """The present instant, by the application's clock, which may be steered."""

    @property
    def system_now(self) -> datetime:
        """Return the system's time, by which MongoDB ends transactions; `now` may be steered."""

    # Statements

    def voided(self, ids: Iterable[str]) -> set[str]:
        """Return which of these statements are voided."""

    def add_statements(self, statements: Sequence[Statement]) -> None:
        """Store new statements."""

    def taken_in(
        self, run_id: str, learner_ids: Collection[str], targets: Collection[str], until: datetime
    ) -> dict[str, list[Stored]]:
        """Return, by learner, statements on some targets in a run that were stored by `until`; none
        that was voided.
        """

    # Runs, their plans and summaries

    def replicas(self, cls: type[C], ids: Iterable[str]) -> dict[str, C]:
        """Return the known replicas of one class (Person, Run, Path, Item), by id."""

    def put_replicas(self, replicas: Sequence[C]) -> None:
        """Store replicas of one class."""

    def sessions(self, ids: Iterable[str]) -> dict[str, Session]:
        """Return those that are known, by id."""

    def sessions_recorded_as(self, item_ids: Iterable[str]) -> dict[str, Session]:
        """Return the sessions whose recording is one of these items, by id."""

    def note_ended(self, run_ids: Collection[str]) -> None:
        """Note that these runs have ended; a new event of a run takes the note away."""

    def note_zone_data(self, run_ids: Collection[str]) -> list[str]:
        """Note that these runs are evaluated by the present data of their zones; return those that
        were evaluated by other data before.
        """

    def put_sessions(self, sessions: Iterable[Session]) -> None:
        """Store sessions, new or changed."""

    def items(self, ids: Iterable[str]) -> dict[str, Item]:
        """Return those that are known, by id."""

    def runs_naming(self, item_ids: Collection[str]) -> set[str]:
        """Return the runs whose path or sessions name one of these items."""

    def plans(self, run_ids: Iterable[str]) -> dict[str, Plan]:
        """Return the plans of those runs that are known. They are shared: don't change them."""

    def plan_histories(self, run_ids: Iterable[str]) -> dict[str, PlanHistory]:
        """Return the known plan histories, by run."""

    def put_plan_histories(self, histories: Iterable[PlanHistory]) -> None:
        """Store changed histories."""

    def add_to_summaries(self, deltas: Deltas) -> None:
        """Add to the runs' summaries."""

    # Learners

    def run_states(self, keys: Iterable[Key]) -> dict[Key, LearnerRunState]:
        """Return the known run states."""

    def catch_up(self, catch_up_id: str) -> CatchUp | None:
        """Return a catch-up; None if there is none."""

    def catch_ups(self, keys: Iterable[Key]) -> dict[Key, list[CatchUp]]:
        """Return all catch-ups of these learners in these runs."""

    def evidence(self, wanted: Mapping[Key, Collection[str] | None]) -> dict[Key, list[Evidence]]:
        """Return the evidence on the named targets of each learner; None: all evidence."""

    def save(self, before: Mapping[Key, Learner], after: Mapping[Key, Learner]) -> None:
        """Store the differences between learners as they were read, and as they are now."""

    # Work to do

    def reevaluations(self, run_ids: Iterable[str]) -> dict[str, Reevaluation]:
        """Return the pending re-evaluations of these runs, by run."""

    def next_reevaluation(self, at: datetime) -> str | None:
        """Return the run whose re-evaluation has been due for longest at `at`."""

    def put_reevaluations(self, reevaluations: Iterable[Reevaluation]) -> None:
        """Store them."""

    def remove_reevaluation(self, run_id: str) -> None:
        """Delete a re-evaluation that is done."""

    def forget_older_versions(self, run_ids: Collection[str]) -> None:
        """Delete the notes of changes by older versions, which were handled."""

    def item_updates(self, item_ids: Collection[str]) -> list[ItemUpdate]:
        """Return the updates of these items that are to be applied again."""

    def put_item_updates(self, news: Iterable[ItemUpdate]) -> None:
        """Store them."""

    def remove_item_updates(self, item_ids: Collection[str]) -> None:
        """Delete item updates that were applied again."""

    def learners_behind(
        self, run_id: str, asks: int, most: int, but: Collection[Key] = ()
    ) -> list[Key]:
        """Return learners of a run who were last evaluated against an older version of its plan."""
