"""Podcast feeds: whose they are, their secret URLs, and what is an episode."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from chassis.capabilities import CapabilityUrls
from services.library.domain.entitlements import Reader
from services.library.domain.items import Item, Rendition
from services.library.domain.renditions import AUDIO

MOST_EPISODES = 100
MOST_FEEDS = 100
"""That one reader has at once: many runs, and some devices for each."""
LONGEST_DESCRIPTION = 4000
"""Characters of an episode's description; directories of podcasts take no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateFeed:
    """Give a reader a feed of a run."""

    run_id: str
    reader_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """The private podcast of a run for one reader. Its id is no secret, its URL is."""

    id: str
    run_id: str
    reader_id: str
    created_at: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class FeedUrls:
    """The capability URLs of feeds. `base`: this service's HTTP server as podcast clients reach it;
    `key`: a secret.
    """

    base: str
    key: str

    def of_feed(self, feed_id: str) -> str:
        """Return the secret URL of a feed."""
        return self._capabilities.url_of(feed_id)

    def of_episode(self, feed_id: str, item_id: str) -> str:
        """Return the secret URL of an episode's sound."""
        return f"{self.of_feed(feed_id)}/{item_id}"

    def feed_id(self, token: str) -> str | None:
        """Return the id of the feed that a token opens; None if it is not one of ours."""
        return self._capabilities.id_of(token)

    @property
    def _capabilities(self) -> CapabilityUrls:
        return CapabilityUrls(self.base, self.key, "podcast")


def has_place(reader: Reader, run_id: str) -> bool:
    """Return whether a reader learns in a run, or is staff of it: others have no feed of it."""
    return run_id in reader.learns_in or run_id in reader.staff_of


def has_room(open_feeds: int) -> bool:
    """Return whether a reader with so many feeds that are not revoked may have one more."""
    return open_feeds < MOST_FEEDS


def sound_of(item: Item) -> Rendition | None:
    """Return the file that is an item's episode: the sound that was made of it, else an original
    that is sound; None if it has neither.
    """
    made = next((file for file in item.renditions if file.name == AUDIO), None)
    originals = (file for file in item.renditions[:1] if file.media_type.startswith("audio/"))
    return made or next(originals, None)


def published_at(item: Item, now: datetime) -> datetime:
    """Return when an item became an episode: AVAILABLE, or later, when its embargo had ended."""
    available = item.available_at or item.created_at
    embargo = item.not_before
    return embargo if embargo is not None and available < embargo <= now else available


def language_of(items: Iterable[Item]) -> str:
    """Return the language of a feed: that of the first item which tells one; "" if none does."""
    return next((item.metadata.language for item in items if item.metadata.language), "")
