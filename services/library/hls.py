"""The pages /hls: playlists for players, which have no token of ours but the one in the path."""

import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime, timedelta

from chassis.clock import SystemClock
from chassis.data.store import Database
from chassis.edge.http.pages import Page, PageAnswer, PageRequest
from chassis.errors import DomainError, FailedPrecondition, NotFound
from services.library import metrics
from services.library.domain.files import content_id
from services.library.domain.items import Item
from services.library.domain.streaming import (
    MASTER,
    MEDIA_TYPE,
    Pass,
    master,
    pass_of,
    qualities,
    signed_playlist,
    token_of,
)
from services.library.ports import Files
from services.library.store import LibraryStore
from services.library.usecases import reading
from services.library.usecases.files import key_of

PATH = "/hls/{token}/{name}.m3u8"
_system = SystemClock()
HEADERS = {"cache-control": "private, no-store"}
# Whoever pauses needs longer than the film; and nobody needs a URL for longer than S3 signs one.
PAUSES = 2
LONGEST = timedelta(days=3)


class Playlists:
    """Tells the address of an item's playlists, and answers players."""

    def __init__(
        self,
        database: Database[LibraryStore],
        files: Files,
        url: str,
        secret: str,
        lifetime: timedelta,
        now: Callable[[], datetime] = _system.now,
    ) -> None:
        """`url`: this service's HTTP server as players reach it; `secret`: the key of their tokens
        is made of it; `lifetime`: of a URL, at least.
        """
        self._database, self._files, self._now = database, files, now
        self.url, self._lifetime = url.rstrip("/"), lifetime
        self._key = hmac.digest(secret.encode(), b"tandem/hls", hashlib.sha256)

    def page(self) -> Page:
        """Return the page."""
        return Page(PATH, self.answer)

    def url_of(self, item: Item, reader_id: str) -> tuple[str, datetime]:
        """Return the URL of an item's master playlist, and until when it is valid.

        Raises FailedPrecondition if no quality of the item is made.
        """
        if not qualities(item.renditions):
            raise FailedPrecondition(
                f"item {item.id!r} has no playlist: none of its qualities is made yet;"
                " GetProcessing tells how far they are"
            )
        ends = self._now() + self._enough(item)
        given = Pass(item_id=item.id, reader_id=reader_id, ends=int(ends.timestamp()))
        return f"{self.url}/hls/{token_of(given, self._key)}/{MASTER}.m3u8", ends

    def answer(self, request: PageRequest) -> PageAnswer:
        """Return a playlist. Raises NotFound, also if the reader may not read the item any more."""
        token, name = request.parameters["token"], request.parameters["name"]
        given = pass_of(token, self._key, self._now())
        if given is None:
            raise NotFound("there is no such playlist, or its address has ended")
        store = self._database.reader()
        try:
            item = reading.readable(store, given.item_id, given.reader_id)
        except DomainError as error:
            raise NotFound("the item can't be read") from error
        text = master(item.renditions) if name == MASTER else self._quality(store, item, name)
        return PageAnswer(text.encode(), MEDIA_TYPE, headers=HEADERS)

    def _quality(self, store: LibraryStore, item: Item, name: str) -> str:
        """Return a quality's playlist, whose segments stay signed for longer than it plays."""
        for file in qualities(item.renditions):
            if file.name == name:
                metrics.READS.labels(file.name).inc()
                key = key_of(store, item, file)
                url, _ = self._files.read_url(key, file.media_type, self._enough(item))
                return signed_playlist(store.playlist(content_id(file)), url)
        raise NotFound(f"there is no quality {name!r}")

    def _enough(self, item: Item) -> timedelta:
        return max(self._lifetime, min(LONGEST, PAUSES * timedelta(seconds=item.seconds)))
