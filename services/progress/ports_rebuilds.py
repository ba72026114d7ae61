"""What rebuilds need of the store."""

from collections.abc import Collection, Sequence
from typing import Protocol

from services.progress.domain.enums import Key
from services.progress.domain.rebuilding import Rebuild
from services.progress.domain.statements import Stored
from services.progress.ports import Store


class RebuildsStore(Store, Protocol):
    """Progress's data, with rebuilds and the statements of whole learners."""

    def rebuild_of(self, run_id: str) -> Rebuild | None:
        """Return the latest rebuild of a run; None if there was none."""

    def put_rebuild(self, rebuild: Rebuild) -> None:
        """Store a rebuild in the place of an earlier one of its run."""

    def learners_after(self, run_id: str, learner_id: str, most: int) -> Sequence[Key]:
        """Return learners of a run of whom anything is known, by id, after one id."""

    def statements_of(self, keys: Collection[Key]) -> dict[Key, list[Stored]]:
        """Return all stored statements of each learner in a run, without voided ones; nothing of
        who has none.
        """
