"""What the use cases of learners' clashes need of the store."""

from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

from services.sessions.domain.clashes import Clash
from services.sessions.domain.roster import Enrolment
from services.sessions.domain.session import Session


class ClashStore(Protocol):
    """Clashes of learners, and what they follow from."""

    def note_clash_checks(
        self, learners: Collection[str] = (), sessions: Collection[str] = ()
    ) -> None:
        """Note learners and sessions whose clashes are to be checked."""

    def take_clash_checks(self, most: int) -> tuple[set[str], set[str]]:
        """Return the learners and sessions of the oldest checks, and delete these checks."""

    def enrolments_of(self, learner_ids: Collection[str]) -> list[Enrolment]:
        """Return the enrolments by which some learners have places."""

    def coming_sessions(self, run_ids: Collection[str]) -> list[Session]:
        """Return SCHEDULED and LIVE sessions of some runs that have not ended."""

    def learners_in_both(
        self, run_id: str, group_ids: Collection[str], among: Collection[str]
    ) -> set[str]:
        """Return the learners that are expected in a run, or in some groups of it, and in one of
        some runs.
        """

    def help_places(
        self, sessions: Iterable[Session], learner_ids: Collection[str] | None = None
    ) -> set[tuple[str, str]]:
        """Return who has places in those of some sessions that are help sessions: the ids of the
        session and of the learner; `learner_ids`: only of these.
        """

    def clashes_of(self, learner_ids: Collection[str]) -> list[Clash]:
        """Return the clashes of some learners that are not over."""

    def learners_with_clashes(self, session_id: str) -> set[str]:
        """Return the learners who have clashes with a session."""

    def put_clashes(self, clashes: Sequence[Clash]) -> None:
        """Store clashes, new or changed."""

    def drop_clashes(self, clashes: Sequence[Clash]) -> None:
        """Delete clashes."""
