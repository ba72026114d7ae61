"""Queries of recordings: their parts as they are shown, and pages of their line."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from chassis.data.pages import BAD_TOKEN, Page, read_token, write_token
from chassis.errors import Invalid, check_state
from services.sessions.domain.line_moments import (
    agenda_chapters,
    answer_moments,
    asked_moments,
    poll_moments,
)
from services.sessions.domain.recorded_parts import (
    RaisedHands,
    Recording,
    SessionRecording,
    parts_of,
    shown,
    withdrawn_violations,
)
from services.sessions.domain.recording_line import (
    LinePoint,
    Moment,
    Track,
    hands_by_minute,
    line_of,
    moments_of,
    order_of,
)
from services.sessions.domain.session import Session
from services.sessions.store import SessionsStore
from services.sessions.usecases.recorded_moments import parts_with_items, tracks

Key = tuple[int, float, int, float, str, str]


def recordings(
    store: SessionsStore, sessions: Sequence[Session]
) -> Mapping[str, Sequence[Recording]]:
    """Return the parts of those sessions that have a recording, by session."""
    parts, items = parts_with_items(store, sessions)
    return {
        session_id: [shown(part, items.get(part.item_id)) for part in some]
        for session_id, some in parts.items()
    }


def line_page(
    store: SessionsStore, session: Session, item_id: str, page: Page
) -> tuple[list[LinePoint], str]:
    """Return the points of a session's line after a token, of one part or (empty) of all, and the
    token of the next page.

    Raises Invalid; FailedPrecondition if the session has no such part.
    """
    parts = parts_of(session, store.recording_of(session.id))
    check_state("there is no such line", withdrawn_violations(parts, item_id))
    files = tracks(store, session)
    points = line_of(files, moments(store, session, files))
    wanted = [each for each in points if item_id in ("", each.item_id)]
    return _cut(wanted, [each.item_id for each in files], page)


def moments(store: SessionsStore, session: Session, tracks: Sequence[Track]) -> Iterator[Moment]:
    """Yield all that a session's line shows. `tracks`: its recorded files."""
    stored = store.recording_of(session.id)
    chapters = stored.chapters if stored else ()
    yield from moments_of(chapters, _hands(store, session, stored))
    if session.started_at:
        yield from _asked(store, session.id, session.started_at, tracks)
        answered = store.questions_answered_in(session)
        answers = [*answer_moments(session.started_at, session.id, answered)]
        yield from (*answers, *agenda_chapters(chapters, answers))
        yield from poll_moments(session.started_at, store.polls_in(session.id))


def _asked(
    store: SessionsStore, session_id: str, started_at: datetime, tracks: Sequence[Track]
) -> Iterator[Moment]:
    asked = store.questions_asked_in(session_id)
    targets = store.questions({each.merged_into for each in asked if each.merged_into})
    return asked_moments(started_at, tracks, asked, targets)


def _hands(
    store: SessionsStore, session: Session, stored: SessionRecording | None
) -> Iterable[RaisedHands]:
    """Return the hands that were stored at the class's end; before, those of its log."""
    if session.ended_at or not session.started_at:
        return stored.hands if stored else ()
    return hands_by_minute(store.raised_hands(session.id), session.started_at)


def _cut(
    points: Sequence[LinePoint], item_ids: Sequence[str], page: Page
) -> tuple[list[LinePoint], str]:
    """Return the points after a page's token. Points that come in between are left out or shown by
    their place, and none is repeated.
    """
    places = {item_id: place for place, item_id in enumerate(item_ids)}
    keyed = [((places[each.item_id], *order_of(each)), each) for each in points]
    after = _key_of(page.token) if page.token else None
    left = [(key, each) for key, each in keyed if after is None or key > after]
    shown = [each for _, each in left[: page.size]]
    return shown, write_token(left[page.size - 1][0]) if len(left) > page.size else ""


def _key_of(token: str) -> Key:
    place, second, order, at, about_id, digest = read_token(token, 6)
    numbers, texts = (place, second, order, at), (about_id, digest)
    if not all(isinstance(each, int | float) for each in numbers):
        raise Invalid([BAD_TOKEN])
    if not all(isinstance(each, str) for each in texts):
        raise Invalid([BAD_TOKEN])
    return place, second, order, at, about_id, digest
