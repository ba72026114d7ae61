"""Where a moment of a class is in its recorded files.

What is asked at a minute of a recording belongs to a moment of the class (`class_second_of`); what
was answered live is at a second of the recording.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.sessions.domain.line_moments import asked_at
from services.sessions.domain.questions import Question, QuestionMoment
from services.sessions.domain.recorded_parts import RecordedPart, parts_of
from services.sessions.domain.recording_line import Place, Track, place_of, track_of
from services.sessions.domain.roster import Item
from services.sessions.domain.session import Session
from services.sessions.ports import Store


def tracks(store: Store, session: Session) -> list[Track]:
    """Return the recorded files of a session on the class's time, in the order of its parts."""
    return tracks_of(store, [session]).get(session.id, [])


def tracks_of(store: Store, sessions: Iterable[Session]) -> Mapping[str, list[Track]]:
    """Return the same for those of some sessions that have a recording, by session."""
    parts, items = parts_with_items(store, sessions)
    lengths = {item_id: item.seconds for item_id, item in items.items()}
    return {
        session_id: [track_of(part, lengths.get(part.item_id, 0.0)) for part in some]
        for session_id, some in parts.items()
    }


def parts_with_items(
    store: Store, sessions: Iterable[Session]
) -> tuple[Mapping[str, tuple[RecordedPart, ...]], Mapping[str, Item]]:
    """Return the parts of those sessions that have a recording, by session; and what the library
    has told of their items, by item.
    """
    recorded = [each for each in sessions if each.recording_item_id]
    stored = store.recordings_of([each.id for each in recorded]) if recorded else {}
    parts = {each.id: parts_of(each, stored.get(each.id)) for each in recorded}
    items = {part.item_id for some in parts.values() for part in some}
    return parts, store.replicas(Item, items) if items else {}


def watched(store: Store, session: Session) -> list[Track]:
    """Return the recorded files that people may be in the middle of: those of the session now, and
    those in whose place others came.
    """
    stored = store.recording_of(session.id)
    parts = (*parts_of(session, stored), *(stored.replaced if stored else ()))
    items = store.replicas(Item, {each.item_id for each in parts}) if parts else {}
    lengths = {item_id: item.seconds for item_id, item in items.items()}
    return [track_of(part, lengths.get(part.item_id, 0.0)) for part in parts]


@dataclass(frozen=True, slots=True)
class RecordedPlaces:
    """Where recordings, as they are now, show when questions were asked and answered."""

    held: Mapping[str, Session]
    files: Mapping[str, Sequence[Track]]

    def of_moment(self, moment: QuestionMoment) -> Place | None:
        """Return where a moment of a class is shown; None if nowhere. Of one at which the recorder
        paused it is the next that was recorded.
        """
        began = self._began(moment.session_id)
        return self._place(moment.session_id, moment.at - began) if began else None

    def of_question(self, question: Question) -> Place | None:
        """Return the same of the moment at which a question was asked; None also in between."""
        began = self._began(question.asked_in)
        if began is None:
            return None
        tracks = self.files.get(question.asked_in, ())
        at, place = asked_at(began, tracks, question)
        return place or (self._place(question.asked_in, at) if at is not None else None)

    def _began(self, session_id: str) -> datetime | None:
        session = self.held.get(session_id)
        return session.started_at if session else None

    def _place(self, session_id: str, at: timedelta) -> Place | None:
        return place_of(self.files.get(session_id, ()), at.total_seconds())


def places_of(store: Store, questions: Iterable[Question]) -> RecordedPlaces:
    """Return where recordings show some questions, and their answers."""
    named = {
        id_ for each in questions for id_ in (each.asked_in, *(m.session_id for m in each.moments))
    }
    held = store.sessions_with(named - {""})
    return RecordedPlaces(held, tracks_of(store, held.values()))
