"""The effect of a completed catch-up on attendance."""

from dataclasses import dataclass

from chassis.errors import NotFound
from services.sessions.domain.attendance import caught_up, no_attendance
from services.sessions.ports import Store
from services.sessions.usecases import lookup
from services.sessions.usecases.attendance import is_settled, record_amendment

REASON = "the catch-up was studied"


@dataclass(frozen=True, slots=True)
class CatchUp:
    """A learner completed the catch-up of a session."""

    session_id: str
    learner_id: str


def note_catch_up(store: Store, command: CatchUp) -> None:
    """Turn ABSENT or PARTIAL into CAUGHT_UP, also of a learner who was not expected; any other
    status stays. Raises NotFound while the learner's attendance is not settled.
    """
    session = lookup.session(store, command.session_id)
    if not is_settled(store, session, command.learner_id):
        raise NotFound(f"no attendance of {command.learner_id!r} in {session.id!r}")
    before = store.attendance(session.id, [command.learner_id]).get(command.learner_id)
    after = caught_up(before or no_attendance(session, command.learner_id))
    if after != before:
        store.put_attendance([after])
        record_amendment(store, session, command.learner_id, before, after, REASON)
