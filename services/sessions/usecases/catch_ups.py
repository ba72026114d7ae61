"""The effect of a completed catch-up on attendance."""

from dataclasses import dataclass

from chassis.errors import NotFound
from services.sessions.domain.attendance import caught_up
from services.sessions.ports import Store
from services.sessions.usecases import lookup
from services.sessions.usecases.attendance import record_amendment

REASON = "the catch-up was studied"


@dataclass(frozen=True, slots=True)
class CatchUp:
    """A learner completed the catch-up of a session."""

    session_id: str
    learner_id: str


def note_catch_up(store: Store, command: CatchUp) -> None:
    """Turn ABSENT into CAUGHT_UP; any other status stays. Raises NotFound without attendance."""
    session = lookup.session(store, command.session_id)
    before = store.attendance(session.id, [command.learner_id]).get(command.learner_id)
    if before is None:
        raise NotFound(f"no attendance of {command.learner_id!r} in {session.id!r}")
    after = caught_up(before)
    if after != before:
        store.put_attendance([after])
        record_amendment(store, session, command.learner_id, before, after, REASON)
