"""Calendar feeds: given to readers and rooms, revoked, and opened by their clients."""

from chassis.errors import FailedPrecondition, NotFound, PermissionDenied, check, check_state
from services.sessions.domain.feeds import (
    MOST_FEEDS,
    CreateFeed,
    Feed,
    feed_violations,
    has_room,
    may_read_run,
    revoked,
)
from services.sessions.domain.planning import room_unknown
from services.sessions.ports import Store
from services.sessions.usecases import lookup

NO_FEED = "there is no such calendar"


def create(store: Store, command: CreateFeed) -> Feed:
    """Give a reader a feed, or make one of a room.

    Raises Invalid; PermissionDenied if the reader has no place in the run, also if there is no such
    run; FailedPrecondition if the room is unknown, or has as many feeds as it may, or the reader.
    """
    check(feed_violations(command))
    _check_rights(store, command)
    feed = Feed(
        id=store.new_id(),
        reader_id=command.reader_id,
        run_id=command.run_id,
        room_id=command.room_id,
        created_at=store.now,
    )
    _check_number(store, feed)
    store.put_feed(feed)
    return feed


def revoke(store: Store, feed_id: str) -> Feed:
    """Close a feed for ever. A feed that is revoked stays as it is. Raises NotFound."""
    feed = revoked(lookup.feed(store, feed_id), store.now)
    store.put_feed(feed)
    return feed


def opened(store: Store, feed_id: str) -> Feed:
    """Return a feed that its client may have. Raises NotFound, also if it is revoked."""
    feed = store.feed_by_id(feed_id)
    if feed is None or feed.revoked_at is not None:
        raise NotFound(NO_FEED)
    return feed


def _check_rights(store: Store, command: CreateFeed) -> None:
    if command.room_id and store.room(command.room_id) is None:
        check_state("the feed can't be made", [room_unknown(command.room_id)])
    if command.run_id and not may_read_run(store.reader(command.reader_id), command.run_id):
        raise PermissionDenied("only learners of the run, and its staff, have a feed of it")


def _check_number(store: Store, feed: Feed) -> None:
    store.lock(f"feeds:{feed.owner}")
    if not has_room(store.open_feeds(feed)):
        raise FailedPrecondition(
            f"{feed.owner} has {MOST_FEEDS} feeds, and nothing may have more; revoke one that is"
            " not needed with RevokeFeed, ListFeeds tells them"
        )
