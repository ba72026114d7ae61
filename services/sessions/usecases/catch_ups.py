"""The effect of a completed catch-up on attendance, and of one that is not completed after all."""

from dataclasses import dataclass

from chassis.errors import NotFound
from services.sessions.domain.attendance import no_attendance, with_catch_up
from services.sessions.ports import Store
from services.sessions.usecases import lookup
from services.sessions.usecases.attendance import is_settled, keep, record_amendment

STUDIED = "the catch-up was studied"
TAKEN_BACK = "what proved that the catch-up was studied counts no more"


@dataclass(frozen=True, slots=True)
class CatchUp:
    """A learner completed the catch-up of a session, or has not after all."""

    session_id: str
    learner_id: str
    sequence: int
    """Of the event among those of the catch-up: the newest counts."""
    is_studied: bool = True


def note_catch_up(store: Store, command: CatchUp) -> None:
    """Turn ABSENT or PARTIAL into CAUGHT_UP, also of a learner who was not expected, or back; any
    other status stays.

    Raises NotFound while the learner's attendance is not settled; or if the catch-up is not
    completed after all, and that it was is not known yet.
    """
    session = lookup.session(store, command.session_id)
    if not is_settled(store, session, command.learner_id):
        raise NotFound(f"no attendance of {command.learner_id!r} in {session.id!r}")
    before = store.attendance(session.id, [command.learner_id]).get(command.learner_id)
    known = before or no_attendance(session, command.learner_id)
    if not command.is_studied and not (known.caught_up or known.catch_up_sequence):
        raise NotFound(f"no completed catch-up of {command.learner_id!r} for {session.id!r}")
    changed = with_catch_up(known, command.is_studied, command.sequence)
    if changed == before:
        return
    after = changed if changed.counts else None
    keep(store, session, {command.learner_id: after})
    reason = STUDIED if command.is_studied else TAKEN_BACK
    record_amendment(store, session, command.learner_id, before, after, reason)
