"""The RPCs of calendar feeds."""

from typing import Any

from tandem.sessions.v1 import resources_pb2, sessions_pb2

from chassis.capabilities import CapabilityUrls
from chassis.contracts.mapping import from_message, to_message
from chassis.data.pages import page_of
from chassis.errors import FailedPrecondition, check
from services.sessions import queries_feeds
from services.sessions.api_part import ApiPart
from services.sessions.domain.feeds import CreateFeed, owner_violations
from services.sessions.pages_calendars import SUFFIX
from services.sessions.usecases import feeds

CALENDARS_OFF = "calendars are off: TANDEM_PAGES_URL is not set"


class CalendarsApi(ApiPart):
    """Calendar feeds."""

    _feed_urls: CapabilityUrls | None

    def CreateFeed(
        self, request: sessions_pb2.CreateFeedRequest, _context: Any
    ) -> resources_pb2.Feed:
        if self._feed_urls is None:
            raise FailedPrecondition(CALENDARS_OFF)
        command = from_message(request, CreateFeed)
        feed = self._execute(
            request, resources_pb2.Feed, lambda store: feeds.create(store, command)
        )
        # Not within the unit of work: what opens the feed is not stored as the request's answer.
        feed.url = f"{self._feed_urls.url_of(feed.id)}{SUFFIX}"
        return feed

    def RevokeFeed(
        self, request: sessions_pb2.RevokeFeedRequest, _context: Any
    ) -> resources_pb2.Feed:
        feed = self._database.transact(lambda store: feeds.revoke(store, request.feed_id))
        return to_message(feed, resources_pb2.Feed)

    def ListFeeds(
        self, request: sessions_pb2.ListFeedsRequest, _context: Any
    ) -> sessions_pb2.ListFeedsResponse:
        check(owner_violations(request.reader_id, request.room_id))
        rows, token = queries_feeds.feeds_page(
            self._database.reader(), request.reader_id, request.room_id, page_of(request)
        )
        told = (to_message(row, resources_pb2.Feed) for row in rows)
        return sessions_pb2.ListFeedsResponse(feeds=told, next_page_token=token)
