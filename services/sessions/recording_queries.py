"""Queries of recordings: their parts as they are shown, and pages of their line."""

from collections.abc import Iterable, Mapping, Sequence

from chassis.data.pages import BAD_TOKEN, Page, read_token, write_token
from chassis.errors import Invalid, check_state
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
    hands_by_minute,
    line_of,
    moments_of,
    order_of,
)
from services.sessions.domain.roster import Item
from services.sessions.domain.session import Session
from services.sessions.store import SessionsStore
from services.sessions.usecases.recorded_moments import tracks

Key = tuple[int, float, int, str, str]


def recordings(
    store: SessionsStore, sessions: Sequence[Session]
) -> Mapping[str, Sequence[Recording]]:
    """Return the parts of those sessions that have a recording, by session."""
    recorded = [each for each in sessions if each.recording_item_id]
    stored = store.recordings_of([each.id for each in recorded]) if recorded else {}
    parts = {each.id: parts_of(each, stored.get(each.id)) for each in recorded}
    items = {part.item_id for some in parts.values() for part in some}
    known = store.replicas(Item, items) if items else {}
    return {
        session_id: [shown(part, known.get(part.item_id)) for part in some]
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
    points = line_of(files, moments(store, session))
    wanted = [each for each in points if item_id in ("", each.item_id)]
    return _cut(wanted, [each.item_id for each in files], page)


def moments(store: SessionsStore, session: Session) -> Iterable[Moment]:
    """Return all that a session's line shows."""
    stored = store.recording_of(session.id)
    yield from moments_of(stored.chapters if stored else (), _hands(store, session, stored))


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
    place, second, order, about_id, text = read_token(token, 5)
    numbers, texts = (place, second, order), (about_id, text)
    if not all(isinstance(each, int | float) for each in numbers):
        raise Invalid([BAD_TOKEN])
    if not all(isinstance(each, str) for each in texts):
        raise Invalid([BAD_TOKEN])
    return place, second, order, about_id, text
