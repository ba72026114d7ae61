"""What the use cases of help need of the store."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol

from services.sessions.domain.falls import Fall, Turn
from services.sessions.domain.help import Invitation
from services.sessions.domain.session import Session


class HelpStore(Protocol):
    """Learners who fall behind, and their invitations to help sessions."""

    def falls(self, keys: Collection[tuple[str, str]]) -> list[Fall]:
        """Return the known falls of some learners (run and learner)."""

    def put_falls(self, falls: Iterable[Fall]) -> None:
        """Store falls, new or changed."""

    def waiting_falls(self, run_id: str, turn: Turn | None, most: int) -> list[Fall]:
        """Return up to `most` learners of a run who wait and may be invited now, in the order in
        which they fell behind; after those whom `turn` names.
        """

    def first_waiting_fall(self, run_id: str) -> Fall | None:
        """Return the learner of a run who waits and may be invited first; None if nobody waits."""

    def invitations(self, keys: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], Invitation]:
        """Return those of some invitations that exist, by session and learner."""

    def taken_invitations(self, session_id: str) -> list[Invitation]:
        """Return the invitations to a session that were taken."""

    def put_invitations(self, invitations: Iterable[Invitation]) -> None:
        """Store invitations, new or changed."""

    def regroup_invitations(self, run_id: str, learner_id: str, group_ids: Sequence[str]) -> None:
        """Store the groups in which a learner is now with the learner's invitations in a run."""

    def coming_help_sessions(self, run_id: str, most: int) -> list[Session]:
        """Return up to `most` SCHEDULED help sessions of a run that have yet to start, the next
        first.
        """

    def classes_during(
        self, run_ids: Collection[str], sessions: Collection[Session]
    ) -> list[Session]:
        """Return the SCHEDULED and LIVE sessions of some runs that overlap others, without them."""

    def note_help(self, run_ids: Collection[str]) -> None:
        """Note runs in which learners who wait may be invited now."""

    def drop_help_notes(self, run_id: str) -> None:
        """Delete the notes of a run that this unit of work sees."""

    def help_turn(self, run_id: str) -> Turn | None:
        """Return how far a run's learners were looked at; None: nobody is known to wait."""

    def put_help_turn(self, turn: Turn) -> None:
        """Store how far a run's learners were looked at."""

    def drop_help_turn(self, run_id: str) -> None:
        """Delete how far a run's learners were looked at: nobody waits."""
