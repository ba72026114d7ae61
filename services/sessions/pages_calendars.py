"""The page /calendar: iCalendar feeds of people, runs and rooms (docs/decisions/0042)."""

import hashlib
from collections.abc import Set
from datetime import datetime
from threading import Lock

from cachetools import LRUCache

from chassis.capabilities import CapabilityUrls
from chassis.data.store import Database
from chassis.edge.http.pages import Page, PageAnswer, PageRequest, is_current
from chassis.errors import NotFound
from services.sessions import queries_feeds
from services.sessions.calendar_text import MEDIA_TYPE, calendar_text
from services.sessions.domain.calendars import View, entries
from services.sessions.domain.civil import local_of, text_of
from services.sessions.domain.feeds import Feed, Reader
from services.sessions.domain.revisions import person_calendar, room_calendar, run_calendar
from services.sessions.domain.series import Series
from services.sessions.recurrences import instances
from services.sessions.store import SessionsStore
from services.sessions.usecases import feeds

SUFFIX = ".ics"
PATH = "/calendar/{token}" + SUFFIX
CACHE_BYTES = 32 * 2**20
"""Of texts that a replica keeps."""
FORMAT = 2
"""One more when the same classes are told by another text."""


def feed_urls(base: str, key: str) -> CapabilityUrls:
    """Return the URLs of feeds, without their suffix."""
    return CapabilityUrls(base, key, "calendar")


class Calendars:
    """Answers calendar clients."""

    def __init__(self, database: Database[SessionsStore], urls: CapabilityUrls) -> None:
        self._database, self._urls = database, urls
        self._texts: LRUCache[str, bytes] = LRUCache(CACHE_BYTES, getsizeof=len)
        self._lock = Lock()

    def page(self) -> Page:
        """Return the page."""
        return Page(PATH, self.answer)

    def answer(self, request: PageRequest) -> PageAnswer:
        """Return a feed, or 304 if the client has it already. Raises NotFound."""
        store = self._database.reader()
        view = self._view(store, request.parameters["token"])
        day = store.now.replace(hour=0, minute=0, second=0, microsecond=0)
        # Before the classes are read: a feed may be newer than its tag, but never older.
        tag = _tag(store, view, day)
        headers = {"etag": tag, "cache-control": "private, no-cache"}
        if is_current(request.if_none_match, tag):
            return PageAnswer(b"", "", 304, headers)
        return PageAnswer(self._text(store, view, day, tag), MEDIA_TYPE, headers=headers)

    def _view(self, store: SessionsStore, token: str) -> View:
        feed_id = self._urls.id_of(token)
        if feed_id is None:
            raise NotFound(feeds.NO_FEED)
        feed = feeds.opened(store, feed_id)
        if not feed.reader_id:
            return View(feed, Reader(id=""))
        reader = store.reader(feed.reader_id)
        return View(feed, reader, store.help_seats(reader.id, reader.enrolments.keys()))

    def _text(self, store: SessionsStore, view: View, day: datetime, tag: str) -> bytes:
        with self._lock:
            known = self._texts.get(tag)
        if known is not None:
            return known
        text = _built(store, view, day)
        with self._lock:
            if len(text) <= CACHE_BYTES:
                self._texts[tag] = text
        return text


def _built(store: SessionsStore, view: View, day: datetime) -> bytes:
    found = queries_feeds.classes(store, view, day)
    return calendar_text(
        _name(store, view.feed), entries(view, found.sessions, found.series, _instances, day)
    )


def _instances(series: Series) -> list[str]:
    return [*map(text_of, instances(series.rrule, local_of(series.starts)))]


def _name(store: SessionsStore, feed: Feed) -> str:
    """Return the name of a calendar; sessions knows no titles of runs."""
    if feed.room_id:
        room = store.room(feed.room_id)
        return room.name if room else feed.room_id
    return f"Run {feed.run_id}" if feed.run_id else "Classes"


def _tag(store: SessionsStore, view: View, day: datetime) -> str:
    """Return the entity tag of a feed: it differs if anything does on which the feed depends."""
    versions = store.calendar_versions(_calendars(view))
    facts = FORMAT, day, store.zone_data, view, sorted(versions.items())
    return f'"{hashlib.sha256(repr(facts).encode()).hexdigest()[:32]}"'


def _calendars(view: View) -> Set[str]:
    """Return the names of the calendars on which a feed depends."""
    feed, reader = view.feed, view.reader
    if feed.room_id:
        return {room_calendar(feed.room_id)}
    if feed.run_id:
        return {run_calendar(feed.run_id)}
    runs = reader.enrolments.keys() | reader.staff.keys()
    return {person_calendar(reader.id), *map(run_calendar, runs)}
