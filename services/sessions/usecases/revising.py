"""What calendars show of classes: each change is a revision, makes calendars out of date, and may
move questions to another agenda.
"""

from collections.abc import Sequence
from dataclasses import replace

from services.sessions.domain.revisions import calendars_of, revised
from services.sessions.domain.session import Session
from services.sessions.ports import Store
from services.sessions.usecases import help_outcomes, meetings


def planned(store: Store, sessions: Sequence[Session]) -> list[Session]:
    """Return new sessions with the instant of their first revision."""
    store.touch_calendars(calendars_of(sessions))
    store.note_agendas({each.run_id for each in sessions})
    meetings.follow(store, sessions)
    help_outcomes.note_places(store, sessions)
    return [replace(each, revised_at=store.now) for each in sessions]


def changed(store: Store, before: Sequence[Session], after: Sequence[Session]) -> list[Session]:
    """Return sessions after a change with their next revisions."""
    store.touch_calendars(calendars_of([*before, *after]))
    store.note_agendas({each.run_id for each in before})
    meetings.follow(store, after)
    help_outcomes.note_places(store, after)
    return [revised(each, store.now) for each in after]
