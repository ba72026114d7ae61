"""Podcast feeds: given to readers, revoked, and opened by their clients."""

from dataclasses import replace

from chassis.errors import FailedPrecondition, NotFound, PermissionDenied
from services.library.domain.feeds import MOST_FEEDS, CreateFeed, Feed, has_place, has_room
from services.library.ports import Store
from services.library.usecases import reading
from services.library.usecases.lookup import get_feed

NO_FEED = "there is no such feed, or it has no such episode"


def create(store: Store, command: CreateFeed) -> Feed:
    """Give a reader a feed of a run. Raises PermissionDenied if the reader has no place there, also
    if there is no such run; FailedPrecondition if the reader has as many feeds as one may have.
    """
    if not has_place(reading.reader(store, command.reader_id), command.run_id):
        raise PermissionDenied("only learners with a place in the run, and its staff, have a feed")
    _check_room(store, command.reader_id)
    feed = Feed(
        id=store.new_id(),
        run_id=command.run_id,
        reader_id=command.reader_id,
        created_at=store.now,
    )
    store.put_feed(feed)
    return feed


def _check_room(store: Store, reader_id: str) -> None:
    store.take_turn(f"feeds:{reader_id}")
    if not has_room(store.open_feeds(reader_id)):
        raise FailedPrecondition(
            f"reader {reader_id!r} has {MOST_FEEDS} feeds, and nobody may have more; revoke one"
            " that is not needed with RevokeFeed, ListFeeds tells them"
        )


def revoke(store: Store, feed_id: str) -> Feed:
    """Close a feed for ever. A feed that is revoked stays as it is. Raises NotFound."""
    feed = get_feed(store, feed_id)
    if feed.revoked_at is None:
        feed = replace(feed, revoked_at=store.now)
        store.put_feed(feed)
    return feed


def opened(store: Store, feed_id: str) -> Feed:
    """Return a feed that its client may have. Raises NotFound, also if it is revoked."""
    feed = store.feed(feed_id)
    if feed is None or feed.revoked_at is not None:
        raise NotFound(NO_FEED)
    return feed
