"""What the use cases need."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from services.progress.domain.catch_ups import CatchUp
from services.progress.domain.enums import Key
from services.progress.domain.evidence import Evidence
from services.progress.domain.learner import Learner
from services.progress.domain.learner_run_state import LearnerRunState
from services.progress.domain.plan import Plan
from services.progress.domain.plan_history import PlanHistory
from services.progress.domain.reevaluations import ItemUpdate, Reevaluation
from services.progress.domain.replicas import Replica
from services.progress.domain.sessions import Item, Session
from services.progress.domain.statements import Recorded, Statement

C = TypeVar("C", bound=Replica)
Deltas = Mapping[str, Mapping[str, int]]
"""By run, what to add to each count of its summary."""


class Store(Protocol):
    """One unit of work's view of progress's data."""

    now: datetime
    """When it is, by the clock that people plan by."""

    @property
    def system_now(self) -> datetime:
        """The system's time, by which MongoDB ends transactions; `now` may be a steered clock's."""

    def record_event(self, *happened: object) -> None:
        """Let others know once the unit of work is committed."""

    # Statements

    def statements(self, ids: Iterable[str]) -> dict[str, Statement]:
        """Those that are stored, by id."""

    def add_statements(self, statements: Sequence[Statement]) -> None:
        """Store new statements."""

    def taken_in(
        self, run_id: str, learner_ids: Collection[str], targets: Collection[str], until: datetime
    ) -> dict[str, Recorded]:
        """By learner, the statements about some targets in a run that were taken in by then."""

    # Runs, their plans and summaries

    def replicas(self, cls: type[C], ids: Iterable[str]) -> dict[str, C]:
        """The copies of one class (Person, Run, Path, Item) that are known, by id."""

    def put_replicas(self, replicas: Sequence[C]) -> None:
        """Keep copies of one class."""

    def sessions(self, ids: Iterable[str]) -> dict[str, Session]:
        """Those that are known, by id."""

    def sessions_recorded_as(self, item_ids: Iterable[str]) -> dict[str, Session]:
        """Those whose recording is one of these items, by id."""

    def sessions_ended_by(self, until: datetime, most: int) -> list[Session]:
        """Sessions that had ended by then, and whose recordings are still waited for."""

    def put_sessions(self, sessions: Iterable[Session]) -> None:
        """Keep sessions, new or changed."""

    def items(self, ids: Iterable[str]) -> dict[str, Item]:
        """Those that are known, by id."""

    def runs_naming(self, item_ids: Collection[str]) -> set[str]:
        """The runs whose path or sessions name one of these items."""

    def plans(self, run_ids: Iterable[str]) -> dict[str, Plan]:
        """The plans of those runs that were opened. They are shared: don't change them."""

    def plan_histories(self, run_ids: Iterable[str]) -> dict[str, PlanHistory]:
        """Those of the runs of which anything is known, by run."""

    def put_plan_histories(self, histories: Iterable[PlanHistory]) -> None:
        """Keep histories, each of which is another than before."""

    def add_to_summaries(self, deltas: Deltas) -> None:
        """Bring the runs' summaries up to date."""

    # Learners

    def run_states(self, keys: Iterable[Key]) -> dict[Key, LearnerRunState]:
        """Those that are known."""

    def catch_ups(self, keys: Iterable[Key]) -> dict[Key, list[CatchUp]]:
        """All catch-ups of these learners in these runs."""

    def evidence(self, wanted: Mapping[Key, Collection[str] | None]) -> dict[Key, list[Evidence]]:
        """The evidence for the targets named of each learner; None: all of it."""

    def save(self, before: Mapping[Key, Learner], after: Mapping[Key, Learner]) -> None:
        """Keep what differs between the same learners as they were read, and as they are now."""

    # What is to be done

    def reevaluations(self, run_ids: Iterable[str]) -> dict[str, Reevaluation]:
        """The revisits that these runs wait for, by run."""

    def next_reevaluation(self, at: datetime) -> Reevaluation | None:
        """The one whose turn came the longest ago, of those whose turn it is at `at`."""

    def put_reevaluations(self, reevaluations: Iterable[Reevaluation]) -> None:
        """Keep them."""

    def remove_reevaluation(self, run_id: str) -> None:
        """It is done."""

    def changed_by_older_versions(self, most: int) -> list[str]:
        """Runs whose plan was changed by a version of the service that kept no histories."""

    def forget_older_versions(self, run_ids: Collection[str]) -> None:
        """What they changed was seen to."""

    def item_updates_until(self, at: datetime, most: int) -> list[ItemUpdate]:
        """News of items whose time to be looked at again came by `at`."""

    def put_item_updates(self, news: Iterable[ItemUpdate]) -> None:
        """Keep them."""

    def remove_item_updates(self, item_ids: Collection[str]) -> None:
        """They were looked at again."""

    def learners_behind(
        self, run_id: str, asks: int, most: int, but: Collection[Key] = ()
    ) -> list[Key]:
        """Learners of a run who were evaluated against an older version of its plan last."""

    def overdue_catch_ups(self, most: int, but: Collection[Key] = ()) -> list[Key]:
        """Whose open catch-ups have passed their due, the longest ago first."""
