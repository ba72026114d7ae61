"""Copies recordings of meeting servers into the library; each is a job (role `meetings`)."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from tempfile import TemporaryFile
from typing import BinaryIO

import structlog

from chassis.data.store import Database
from chassis.jobs import Away, Batch, Jobs, Work
from services.sessions.domain.meetings import FileKind, RecordedFile
from services.sessions.domain.recording_copies import RecordingCopy, language_of
from services.sessions.jobs_meetings import calling, provider_of
from services.sessions.library_uploads import (
    Announcement,
    GrpcLibrary,
    LibraryAway,
    LibraryRefused,
)
from services.sessions.meeting_pool import MeetingPool
from services.sessions.providers.download import CutShort, Fetched, download
from services.sessions.providers.http import Limits
from services.sessions.providers.port import ProviderRefused
from services.sessions.store import SessionsStore
from services.sessions.store_recording_copies import COPY
from services.sessions.usecases import lookup
from services.sessions.usecases import recording_copies as use

AT_ONCE = 2
"""Recordings that a process copies at once, one of each server."""
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(hours=1)
MOST_ATTEMPTS = 10
"""How often a file is tried that breaks off each time: for about four hours."""
LONGEST_TITLE = 300

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Means:
    """What copying needs."""

    pool: MeetingPool
    library: GrpcLibrary
    limits: Limits
    """Of one file: how long its download may take, and how large it may be."""


def copying(means: Means) -> Jobs[SessionsStore]:
    """Return the jobs that copy recordings into the library."""

    @contextmanager
    def work(database: Database[SessionsStore]) -> Iterator[Work]:
        yield Copying(database, means).do

    return Jobs(
        "sessions.recording_copies",
        "recording_copies",
        {COPY: 1},
        ((COPY,),) * AT_ONCE,
        work,
        per_target=1,
        first_pause=FIRST_PAUSE,
        longest_pause=LONGEST_PAUSE,
    )


class Copying:
    """Copies recordings."""

    def __init__(self, database: Database[SessionsStore], means: Means) -> None:
        self._database, self._means = database, means

    def do(self, batch: Batch) -> int:
        """Copy the files of a batch's recording; return how many are done for good. Raises Away."""
        (copy_id,) = batch.ids
        try:
            return self._copy(batch, copy_id)
        except use.CopyChanged:
            log.info("what is to be copied has changed", copy=copy_id)
            return 0
        except LibraryAway as error:
            raise Away(str(error)) from error

    def _copy(self, batch: Batch, copy_id: str) -> int:
        begin = partial(use.begun, copy_id=copy_id, claim=batch.claim)
        if copy := self._database.transact(begin):
            for place, file in enumerate(copy.files):
                if not file.is_settled:
                    self._copy_file(batch, copy, place)
            finish = partial(use.finish_copying, copy_id=copy_id, claim=batch.claim)
            self._database.transact(finish)
        return 1

    def _copy_file(self, batch: Batch, copy: RecordingCopy, place: int) -> None:
        """Copy a file, or store why it can't be copied. Raises Away, LibraryAway, CutShort."""
        noted = _Notes(self._database, copy.id, batch.claim, place)
        try:
            with TemporaryFile() as spool:
                fetched = self._fetch(copy, place, spool, batch.go_on)
                upload = self._means.library.start(self._announcement(copy, place, fetched))
                noted.item(upload.item_id)
                self._means.library.finish(upload, spool, batch.go_on)
            noted.copied(fetched.size)
        except (ProviderRefused, LibraryRefused) as error:
            noted.refused(str(error))
        except CutShort as error:
            if batch.attempts[copy.id] + 1 < MOST_ATTEMPTS:
                raise
            noted.refused(str(error))

    def _fetch(
        self, copy: RecordingCopy, place: int, spool: BinaryIO, go_on: Callable[[], object]
    ) -> Fetched:
        source, means = copy.files[place].source, self._means
        with calling(copy.server):
            provider = provider_of(means.pool, copy.server)
            return download(provider, source, spool, means.limits, go_on)

    def _announcement(self, copy: RecordingCopy, place: int, fetched: Fetched) -> Announcement:
        source = copy.files[place].source
        session = lookup.session(self._database.reader(), copy.session_id)
        return Announcement(
            request_id=request_id(copy, source, fetched),
            is_text=source.kind in (FileKind.CAPTIONS, FileKind.TRANSCRIPT),
            title=session.title[:LONGEST_TITLE] or session.id,
            language=language_of(source),
            media_type=source.media_type,
            size=fetched.size,
            sha256=fetched.sha256,
        )


@dataclass(frozen=True, slots=True)
class _Notes:
    """Stores how far a file is, each step in a unit of work."""

    database: Database[SessionsStore]
    copy_id: str
    claim: str
    place: int

    def item(self, item_id: str) -> None:
        self.database.transact(
            lambda store: use.note_item(store, self.copy_id, self.claim, self.place, item_id)
        )

    def copied(self, size: int) -> None:
        self.database.transact(
            lambda store: use.note_copied(store, self.copy_id, self.claim, self.place, size)
        )

    def refused(self, reason: str) -> None:
        self.database.transact(
            lambda store: use.note_refused(store, self.copy_id, self.claim, self.place, reason)
        )


def request_id(copy: RecordingCopy, source: RecordedFile, fetched: Fetched) -> str:
    """Return the id of a file's announcement: the same for the same content of the same file, so
    that the library has it once, however often it is copied.
    """
    parts = copy.id, source.kind, language_of(source), fetched.sha256
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
