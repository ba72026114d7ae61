"""What the use cases of calendar feeds need of the store."""

from collections.abc import Collection
from typing import Protocol

from services.sessions.domain.feeds import Feed, Reader


class FeedStore(Protocol):
    """Calendars and their feeds."""

    def touch_calendars(self, names: Collection[str]) -> None:
        """Give calendars (kind:id) their next version, so that clients read them again."""

    def feed_by_id(self, feed_id: str) -> Feed | None:
        """Return a feed, also one that is revoked; None if there is none."""

    def open_feeds(self, like: Feed) -> int:
        """Return how many feeds that are not revoked the owner of a feed has."""

    def put_feed(self, feed: Feed) -> None:
        """Store a feed, new or changed."""

    def reader(self, person_id: str) -> Reader:
        """Return what a person is in runs; one who is unknown is nothing."""
