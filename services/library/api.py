"""The gRPC service LibraryService. It calls the S3 store outside of transactions."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tandem.library.v1 import library_pb2, library_pb2_grpc, resources_pb2
from tandem.types.v1 import types_pb2

from chassis.context import principal
from chassis.contracts.mapping import from_message, to_message
from chassis.data.commands import execute
from chassis.data.pages import page_of
from chassis.data.store import Database
from chassis.errors import DomainError, FailedPrecondition, Unavailable
from chassis.privacy.rpcs import PersonalDataRpcs
from chassis.resync.rpcs import ResyncRpcs
from services.library import cleaning, metrics, queries, rights, transfers
from services.library.copies import COPIES
from services.library.domain.enums import PackState, UploadState
from services.library.domain.feeds import CreateFeed, FeedUrls
from services.library.domain.items import Item, PendingDeletion, Upload
from services.library.domain.items import StartUpload as Announcement
from services.library.domain.metadata import as_told
from services.library.domain.parts import Part, plan
from services.library.domain.renditions import Wish
from services.library.domain.search import Found, SearchQuery
from services.library.domain.types import ZIP
from services.library.hls import Playlists
from services.library.originals import ORIGINALS
from services.library.ports import Files
from services.library.privacy import HOLDINGS
from services.library.queries import Wanted
from services.library.searching import Ask, search_page
from services.library.sources import SOURCES
from services.library.store import LibraryStore
from services.library.usecases import (
    feeds,
    items,
    packs,
    processing,
    quotas,
    reading,
    uploads,
    versions,
)
from services.library.usecases.files import key_of
from services.library.usecases.items import RetireItem, UpdateItem
from services.library.usecases.lookup import get_upload
from services.library.usecases.packs import BuildOfflinePack
from services.library.usecases.quotas import SetRunQuota
from services.library.usecases.search import SearchItems
from services.library.usecases.uploads import UploadTarget

# The contract's values by the domain's names.
KINDS = {name.removeprefix("ITEM_KIND_"): number for name, number in types_pb2.ItemKind.items()}

PAGES_OFF = "playlists and podcasts are off: TANDEM_PAGES_URL is not set"


def no_index(_query: SearchQuery) -> Found:
    """Refuse a search, where there is no index. Raises Unavailable."""
    raise Unavailable("this replica has no search index; try again")


class LibraryApi(ResyncRpcs, PersonalDataRpcs, library_pb2_grpc.LibraryServiceServicer):
    """Calls a use case for each request, and turns its result into a response."""

    _database: Database[LibraryStore]
    _holdings = HOLDINGS
    _sources, _digested = SOURCES, {**ORIGINALS, **COPIES}

    def __init__(
        self,
        database: Database[LibraryStore],
        files: Files,
        part_size: int,
        url_lifetime: timedelta,
        keep_retired: timedelta,
        run_quota: int = 0,
        ask: Ask = no_index,
        playlists: Playlists | None = None,
        feed_urls: FeedUrls | None = None,
    ) -> None:
        """`ask`: asks the search index; `playlists`: None if players don't reach this service."""
        self._database, self._files = database, files
        self._part_size, self._url_lifetime = part_size, url_lifetime
        self._keep_retired, self._run_quota = keep_retired, run_quota
        self._ask = ask
        self.playlists = playlists
        self._feed_urls = feed_urls

    def StartUpload(
        self, request: library_pb2.StartUploadRequest, _context: Any
    ) -> resources_pb2.Upload:
        command = from_message(request, Announcement)
        uploads.check_start(command)
        target = transfers.open_target(self._files, command, self._part_size)
        upload_id = self._start(request, command, target)
        if (
            upload_id != target.upload_id
        ):  # a repeat: the upload has the target of the first request
            transfers.close_target(self._files, target)
        return self._describe(get_upload(self._database.reader(), upload_id))

    def _start(
        self, request: library_pb2.StartUploadRequest, command: Announcement, target: UploadTarget
    ) -> str:
        """Return the upload's id: the target's, or for a repeat the first upload's."""
        uploader = principal.current().subject

        def work(store: LibraryStore) -> Upload:
            rights.check_replaces(store, command.replaces_item_id)
            return uploads.start(store, command, target, uploader, self._run_quota)

        try:
            return execute(
                self._database,
                request,
                resources_pb2.Upload,
                work,
            ).id
        except DomainError:
            # Only these errors free the target: after any other, the upload may exist nevertheless.
            transfers.close_target(self._files, target)
            raise

    def GetUpload(
        self, request: library_pb2.GetUploadRequest, _context: Any
    ) -> resources_pb2.Upload:
        return self._describe(get_upload(self._database.reader(), request.upload_id))

    def CompleteUpload(
        self, request: library_pb2.CompleteUploadRequest, _context: Any
    ) -> resources_pb2.Item:
        upload = get_upload(self._database.reader(), request.upload_id)
        if upload.state is UploadState.OPEN:
            transfers.put_together(self._files, upload)
            # If the upload was given up meanwhile, its deletion may have missed the file.
            self._database.transact(lambda store: uploads.discard_late(store, upload.id))
        return execute(
            self._database,
            request,
            resources_pb2.Item,
            lambda store: _told(uploads.hand_over(store, upload.id)),
        )

    def AbortUpload(
        self, request: library_pb2.AbortUploadRequest, _context: Any
    ) -> resources_pb2.Upload:
        upload = self._database.transact(
            lambda store: uploads.give_up(store, request.upload_id, "its upload was given up")
        )
        pending_deletion = PendingDeletion(id=upload.item_id, multipart=upload.multipart)
        with transfers.answering():
            cleaning.remove(self._database, self._files, pending_deletion)
        return self._describe(upload)

    def GetItem(self, request: library_pb2.GetItemRequest, _context: Any) -> resources_pb2.Item:
        store = self._database.reader()
        item = reading.visible(store, request.item_id, _reader())
        return _told(item, newest_id=versions.newest_id(store, item))

    def ListItems(
        self, request: library_pb2.ListItemsRequest, _context: Any
    ) -> library_pb2.ListItemsResponse:
        rows, token = queries.items_page(
            self._database.reader(),
            Wanted(tuple(request.item_ids), request.identifier),
            _reader(),
            page_of(request),
        )
        return library_pb2.ListItemsResponse(items=map(_told, rows), next_page_token=token)

    def SearchItems(
        self, request: library_pb2.SearchItemsRequest, _context: Any
    ) -> library_pb2.SearchItemsResponse:
        page = search_page(
            self._database.reader(),
            self._ask,
            from_message(request, SearchItems),
            _reader(),
            request.page_size,
            request.page_token,
        )
        answer = library_pb2.SearchItemsResponse(next_page_token=page.token)
        for item, hit in page.rows:
            answer.hits.add(item=_told(item), score=hit.score)
        for facet in page.found.kinds:
            answer.kinds.add(kind=KINDS[facet.value], count=facet.count)
        for facet in page.found.languages:
            answer.languages.add(language=facet.value, count=facet.count)
        return answer

    def UpdateItem(
        self, request: library_pb2.UpdateItemRequest, _context: Any
    ) -> resources_pb2.Item:
        run_ids = tuple(request.runs.run_ids) if request.HasField("runs") else None
        command = from_message(request, UpdateItem, run_ids=run_ids)

        def work(store: LibraryStore) -> resources_pb2.Item:
            rights.check_runs(store, command.item_id, run_ids or ())
            return _told(items.update_item(store, command, self._run_quota))

        return execute(self._database, request, resources_pb2.Item, work)

    def RetireItem(
        self, request: library_pb2.RetireItemRequest, _context: Any
    ) -> resources_pb2.Item:
        command = from_message(request, RetireItem)
        return execute(
            self._database,
            request,
            resources_pb2.Item,
            lambda store: _told(items.retire_item(store, command, self._keep_retired)),
        )

    def GetProcessing(
        self, request: library_pb2.GetProcessingRequest, _context: Any
    ) -> resources_pb2.Processing:
        store = self._database.reader()
        item = reading.visible(store, request.item_id, _reader())
        return to_message(processing.status(store, item), resources_pb2.Processing)

    def GetReadUrl(
        self, request: library_pb2.GetReadUrlRequest, _context: Any
    ) -> library_pb2.GetReadUrlResponse:
        store = self._database.reader()
        item = reading.readable(store, request.item_id, _reader(request.reader_id))
        file = reading.choose(item, from_message(request, Wish))
        url, ends = self._files.read_url(key_of(store, item, file), file.media_type)
        metrics.READS.labels(file.name).inc()
        answer = library_pb2.GetReadUrlResponse(
            url=url, media_type=file.media_type, size=file.size, rendition=file.name
        )
        answer.expires_at.FromDatetime(ends)
        return answer

    def GetPlaylistUrl(
        self, request: library_pb2.GetPlaylistUrlRequest, _context: Any
    ) -> library_pb2.GetPlaylistUrlResponse:
        reader_id = _reader(request.reader_id)
        item = reading.readable(self._database.reader(), request.item_id, reader_id)
        if self.playlists is None:
            raise FailedPrecondition(PAGES_OFF)
        url, ends = self.playlists.url_of(item, reader_id)
        answer = library_pb2.GetPlaylistUrlResponse(url=url)
        answer.expires_at.FromDatetime(ends)
        return answer

    def BuildOfflinePack(
        self, request: library_pb2.BuildOfflinePackRequest, _context: Any
    ) -> resources_pb2.OfflinePack:
        command, reader_id = from_message(request, BuildOfflinePack), _reader(request.reader_id)
        return execute(
            self._database,
            request,
            resources_pb2.OfflinePack,
            lambda store: packs.build(store, command, reader_id),
        )

    def GetOfflinePack(
        self, request: library_pb2.GetOfflinePackRequest, _context: Any
    ) -> resources_pb2.OfflinePack:
        reader_id = _reader(request.reader_id)
        pack = packs.readable(self._database.reader(), request.pack_id, reader_id)
        answer = to_message(pack, resources_pb2.OfflinePack)
        if pack.state is PackState.READY:
            answer.url, ends = self._files.read_url(pack.key, ZIP)
            answer.expires_at.FromDatetime(ends)
        return answer

    def SetRunQuota(
        self, request: library_pb2.SetRunQuotaRequest, _context: Any
    ) -> resources_pb2.RunUsage:
        command = from_message(request, SetRunQuota)
        return execute(
            self._database,
            request,
            resources_pb2.RunUsage,
            lambda store: quotas.set_quota(store, command, self._run_quota),
        )

    def GetRunUsage(
        self, request: library_pb2.GetRunUsageRequest, _context: Any
    ) -> resources_pb2.RunUsage:
        usage = quotas.usage(self._database.reader(), request.run_id, self._run_quota)
        return to_message(usage, resources_pb2.RunUsage)

    def CreateFeed(
        self, request: library_pb2.CreateFeedRequest, _context: Any
    ) -> resources_pb2.Feed:
        if self._feed_urls is None:
            raise FailedPrecondition(PAGES_OFF)
        command = from_message(request, CreateFeed)
        feed = execute(
            self._database, request, resources_pb2.Feed, lambda store: feeds.create(store, command)
        )
        # Added here, because `execute` stores what it answers.
        feed.url = self._feed_urls.of_feed(feed.id)
        return feed

    def RevokeFeed(
        self, request: library_pb2.RevokeFeedRequest, _context: Any
    ) -> resources_pb2.Feed:
        feed = self._database.transact(lambda store: feeds.revoke(store, request.feed_id))
        return to_message(feed, resources_pb2.Feed)

    def ListFeeds(
        self, request: library_pb2.ListFeedsRequest, _context: Any
    ) -> library_pb2.ListFeedsResponse:
        rows, token = queries.feeds_page(
            self._database.reader(), request.reader_id, page_of(request)
        )
        told = (to_message(row, resources_pb2.Feed) for row in rows)
        return library_pb2.ListFeedsResponse(feeds=told, next_page_token=token)

    def _describe(self, upload: Upload) -> resources_pb2.Upload:
        """Return the upload with its parts, and new URLs for the missing ones."""
        answer = to_message(upload, resources_pb2.Upload)
        if upload.state is UploadState.OPEN:
            answer.urls_expire_at.FromDatetime(self._urls_end())
            stored = transfers.stored_sizes(self._files, upload)
            for part in plan(upload.size, upload.part_size):
                answer.parts.append(self._part(upload, part, stored.get(part.number) == part.size))
        return answer

    def _part(self, upload: Upload, part: Part, stored: bool) -> resources_pb2.UploadPart:
        url = "" if stored else self._files.part_url(upload.item_id, upload.multipart, part.number)
        return to_message(part, resources_pb2.UploadPart, stored=stored, url=url)

    def _urls_end(self) -> datetime:
        """Return when new URLs expire, by the S3 store's clock: the system's, not the steered one.

        A signature has its time in whole seconds, rounded down, so the URLs may expire earlier.
        """
        return datetime.now(UTC) + self._url_lifetime - timedelta(seconds=1)


def _told(item: Item, **more: str) -> resources_pb2.Item:
    """Return an item as callers see it, with what its description lacks and its type tells, and
    with `more` fields.
    """
    metadata = as_told(item.metadata, item.kind, item.promised.media_type)
    return to_message(item, resources_pb2.Item, metadata=metadata, **more)


def _reader(named: str = "") -> str:
    """Return the id of the person whose rights count: the one who is named, or the caller.

    It is "" for a caller who reads everything by a role, and names nobody else.
    """
    who = principal.current()
    reads_everything = who.is_office and named in ("", who.subject)
    return "" if reads_everything else named or who.subject
