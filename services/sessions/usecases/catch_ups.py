"""What a studied catch-up does to attendance."""

from dataclasses import dataclass

from chassis.refusals import NotFound
from services.sessions.domain.attendance import caught_up
from services.sessions.ports import Store
from services.sessions.usecases.attendance import amend

REASON = "the catch-up was studied"


@dataclass(frozen=True, slots=True)
class CatchUp:
    """A learner studied what a session's absence left open."""

    session_id: str
    learner_id: str


def note_catch_up(store: Store, command: CatchUp) -> None:
    """Turn ABSENT into CAUGHT_UP; any other verdict stays. Raises NotFound without attendance."""
    before = store.attendance(command.session_id, command.learner_id)
    if before is None:
        raise NotFound(f"no attendance of {command.learner_id!r} in {command.session_id!r}")
    amend(store, before, caught_up(before), REASON)
