"""The pages /podcast: private RSS feeds of runs, and their episodes (docs/decisions/0035)."""

from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import format_datetime
from xml.etree.ElementTree import Element, SubElement

from chassis.data.store import Database
from chassis.edge.http.pages import Page, PageAnswer, PageRequest
from chassis.errors import NotFound
from services.library import metrics, queries
from services.library.domain.feeds import Feed, FeedUrls, language_of, published_at, sound_of
from services.library.domain.items import Item, Rendition
from services.library.ports import Files
from services.library.store import LibraryStore
from services.library.usecases import feeds
from services.library.usecases.files import key_of
from services.library.xml import add, document

PATH = "/podcast/{token}"
_ITUNES = "http://www.itunes.com/dtds/podcast-1.0.dtd"
_PRIVATE = {"cache-control": "private, no-store"}


class Podcasts:
    """Answers podcast clients."""

    def __init__(self, database: Database[LibraryStore], files: Files, urls: FeedUrls) -> None:
        self._database, self._files, self._urls = database, files, urls

    def pages(self) -> list[Page]:
        """Return the pages: feeds, and the sound of their episodes."""
        return [Page(PATH, self.feed), Page(PATH + "/{item_id}", self.episode)]

    def feed(self, request: PageRequest) -> PageAnswer:
        """Return a feed as RSS. Raises NotFound."""
        store = self._database.reader()
        feed = self._opened(store, request)
        items = queries.episodes(store, feed)
        body = document(rss(feed, items, self._urls, store.now))
        return PageAnswer(body, "application/rss+xml", headers=_PRIVATE)

    def episode(self, request: PageRequest) -> PageAnswer:
        """Return a redirect to an episode's sound. Raises NotFound."""
        store = self._database.reader()
        feed = self._opened(store, request)
        for item, sound in _heard(queries.episodes(store, feed, request.parameters["item_id"])):
            metrics.READS.labels(sound.name).inc()
            url, _ = self._files.read_url(key_of(store, item, sound), sound.media_type)
            return PageAnswer(b"", "text/plain", 302, {"location": url, **_PRIVATE})
        raise NotFound(feeds.NO_FEED)

    def _opened(self, store: LibraryStore, request: PageRequest) -> Feed:
        feed_id = self._urls.feed_id(request.parameters["token"])
        if feed_id is None:
            raise NotFound(feeds.NO_FEED)
        return feeds.opened(store, feed_id)


def rss(feed: Feed, items: list[Item], urls: FeedUrls, now: datetime) -> Element:
    """Return a feed as RSS 2.0, with Apple's elements (podcast-1.0.dtd)."""
    root = Element("rss", {"version": "2.0", "xmlns:itunes": _ITUNES})
    channel = SubElement(root, "channel")
    add(channel, "title", f"Run {feed.run_id}")
    add(channel, "link", urls.of_feed(feed.id))
    add(channel, "description", f"What can be heard of run {feed.run_id}; for one reader only")
    if language := language_of(items):
        add(channel, "language", language)
    add(channel, "itunes:block", "Yes")  # directories must not list it
    for item, sound in _heard(items):
        _add_episode(channel, item, sound, urls.of_episode(feed.id, item.id), now)
    return root


def _add_episode(channel: Element, item: Item, sound: Rendition, url: str, now: datetime) -> None:
    episode = SubElement(channel, "item")
    add(episode, "guid", item.id, {"isPermaLink": "false"})
    add(episode, "title", item.metadata.title)
    add(episode, "description", item.metadata.description)
    published = published_at(item, now)
    add(episode, "pubDate", format_datetime(published.astimezone(UTC), usegmt=True))
    enclosure = {"url": url, "length": str(sound.size), "type": sound.media_type}
    add(episode, "enclosure", "", enclosure)
    if item.seconds:
        add(episode, "itunes:duration", str(round(item.seconds)))


def _heard(items: Iterable[Item]) -> Iterable[tuple[Item, Rendition]]:
    """Yield items with their sound, those that have one."""
    return ((item, sound) for item in items if (sound := sound_of(item)))
