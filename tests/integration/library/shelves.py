"""A library to put files into: the real edge, the real MongoDB, the real S3 store."""

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import grpc
import pytest
import urllib3
from google.protobuf.message import Message
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.catalog.v1 import resources_pb2 as catalog_resources
from tandem.library.v1 import library_pb2, library_pb2_grpc, resources_pb2
from tandem.types.v1 import types_pb2

from campus.demo import media
from chassis.contracts import events
from chassis.data.store import Database
from chassis.jobs.runner import Runner
from chassis.testing import ChannelFor
from services.library.api import LibraryApi
from services.library.files import S3Files
from services.library.packing import packing
from services.library.processing import processing
from services.library.store import LibraryStore
from services.library.verifier import verification
from services.library.worker import subscriptions
from tests.conftest import FakeClock

Stub = library_pb2_grpc.LibraryServiceStub
M = TypeVar("M", bound=Message)
A = TypeVar("A")
T = TypeVar("T")

RUN, TEACHER = "run-1", "curie"
MIB = 2**20
PDF = media.document("Motion")
AVAILABLE, FAILED = resources_pb2.ITEM_STATE_AVAILABLE, resources_pb2.ITEM_STATE_FAILED
UPLOADING, VERIFYING = resources_pb2.ITEM_STATE_UPLOADING, resources_pb2.ITEM_STATE_VERIFYING


class Shelves:
    """Uploads, verification and reading as a test wants them."""

    def __init__(
        self,
        database: Database[LibraryStore],
        clock: FakeClock,
        files: S3Files,
        api: LibraryApi,
        channel_for: ChannelFor,
    ) -> None:
        self.database = database
        self.clock = clock
        self.files = files
        # Races call the servicer itself: what they try is the database, not the edge's threads.
        self.api = api
        self.staff = Stub(channel_for(TEACHER, "registrar"))
        self.http = urllib3.PoolManager(retries=False)
        self.channel_for = channel_for
        self._sequence = 0
        # The system's, as far as jobs know it: what is handed over now is due.
        self.system = FakeClock(datetime.now(UTC) + timedelta(hours=1))

    def learner(self, learner_id: str) -> Stub:
        """The API as a learner calls it."""
        return Stub(self.channel_for(learner_id, "learner"))

    def request(self, content: bytes, **changes: Any) -> library_pb2.StartUploadRequest:
        """The announcement of a PDF with `content`; `changes` replaces fields."""
        fields: dict[str, Any] = {
            "kind": types_pb2.ITEM_KIND_PDF,
            "metadata": resources_pb2.Metadata(title="Motion"),
            "media_type": "application/pdf",
            "size": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        return library_pb2.StartUploadRequest(**{**fields, **changes})

    def start(self, content: bytes, **changes: Any) -> resources_pb2.Upload:
        """An upload, open."""
        return self.staff.StartUpload(self.request(content, **changes))

    def put(self, part: resources_pb2.UploadPart, content: bytes) -> int:
        """PUT a part of `content` to its URL; answers the HTTP status."""
        body = content[part.offset : part.offset + part.size]
        return int(self.http.request("PUT", part.url, body=body).status)

    def put_all(self, upload: resources_pb2.Upload, content: bytes) -> None:
        """PUT every part that is missing."""
        for part in upload.parts:
            assert part.stored or self.put(part, content) == 200

    def upload(self, content: bytes, **changes: Any) -> str:
        """A file put and handed over; answers the item's id."""
        started = self.start(content, **changes)
        self.put_all(started, content)
        return self.complete(started).id

    def available(self, content: bytes = PDF, **changes: Any) -> str:
        """A file that may be read; answers the item's id."""
        item_id = self.upload(content, **changes)
        self.verify()
        assert self.item(item_id).state == AVAILABLE
        return item_id

    def complete(self, upload: resources_pb2.Upload) -> resources_pb2.Item:
        """Hand an upload over."""
        return self.staff.CompleteUpload(library_pb2.CompleteUploadRequest(upload_id=upload.id))

    def resume(self, upload: resources_pb2.Upload) -> resources_pb2.Upload:
        """The upload as it is now."""
        return self.staff.GetUpload(library_pb2.GetUploadRequest(upload_id=upload.id))

    def abort(self, upload: resources_pb2.Upload) -> resources_pb2.Upload:
        """The upload, given up."""
        return self.staff.AbortUpload(library_pb2.AbortUploadRequest(upload_id=upload.id))

    def item(self, item_id: str) -> resources_pb2.Item:
        """An item as it is now."""
        return self.staff.GetItem(library_pb2.GetItemRequest(item_id=item_id))

    def verify(self, files: Any = None, lanes: Sequence[str] = ()) -> int:
        """Verify due items as a worker of these lanes does (none: all lanes); returns how many."""
        jobs = verification(files or self.files)
        return Runner(self.database, jobs, self.system).run_due(lanes)

    def process(self, files: Any = None, lanes: Sequence[str] = ()) -> int:
        """Make renditions as a worker of these lanes does (none: all lanes); returns of how many
        items.
        """
        return Runner(self.database, processing(files or self.files), self.system).run_due(lanes)

    def pack(self, files: Any = None) -> int:
        """Make offline packs as a worker does; returns how many."""
        return Runner(self.database, packing(files or self.files), self.system).run_due()

    def processing(self, item_id: str) -> resources_pb2.Processing:
        """How far an item's renditions are."""
        return self.staff.GetProcessing(library_pb2.GetProcessingRequest(item_id=item_id))

    def read_url(
        self, item_id: str, reader: str = "", **wish: Any
    ) -> library_pb2.GetReadUrlResponse:
        """The URL by which `reader` (empty: the registrar) reads an item."""
        request = library_pb2.GetReadUrlRequest(item_id=item_id, reader_id=reader, **wish)
        stub = self.learner(reader) if reader else self.staff
        return stub.GetReadUrl(request)

    def may_read(self, learner: str, item_id: str) -> bool:
        """Whether a learner gets a URL."""
        try:
            return bool(self.read_url(item_id, learner).url)
        except grpc.RpcError as error:
            status: Any = error
            assert status.code() is grpc.StatusCode.PERMISSION_DENIED
            return False

    def hear(self, *data: Message, sequences: Sequence[int] = ()) -> None:
        """Apply a batch of catalog's events, numbered on unless `sequences` says how."""
        subscription, *_ = subscriptions()
        numbers = sequences or [self._sequence + place for place in range(1, len(data) + 1)]
        self._sequence = max(self._sequence, *numbers)
        batch = [
            events.Event(
                str(number), events.event_type(type(each)), "", self.clock.at, "", "", number, "",
                each,
            )
            for each, number in zip(data, numbers, strict=True)
        ]  # fmt: skip
        self.database.transact(lambda store: subscription.handle(store, batch))

    def published(self, cls: type[M], item_id: str) -> list[M]:
        """The events of one type about an item, in order."""
        query = {"type": events.event_type(cls), "key": item_id}
        rows = self.database.mongo["outbox"].find(query).sort("_id")
        found = [events.read(row["headers"], row["body"]).data for row in rows]
        return [data for data in found if isinstance(data, cls)]


class Through:
    """The real store, but for what a test replaces."""

    def __init__(self, files: S3Files, **replaced: Any) -> None:
        self._files, self._replaced = files, replaced

    def __getattr__(self, name: str) -> Any:
        return self._replaced.get(name) or getattr(self._files, name)


def enrolled(learner: str, run_id: str = RUN) -> catalog.EnrolmentCreated:
    """A learner holds a place."""
    return catalog.EnrolmentCreated(enrolment_id=f"e-{learner}", run_id=run_id, learner_id=learner)


def path(*item_ids: str, run_id: str = RUN) -> catalog.PathPublished:
    """A path with items as activities, and one class."""
    activities = [
        catalog_resources.Activity(id=f"a{place}", item_id=item_id)
        for place, item_id in enumerate(["", *item_ids])
    ]
    return catalog.PathPublished(run_id=run_id, activities=activities)


def race(call: Callable[[A], T], arguments: Sequence[A]) -> list[T]:
    """Call with each argument on a thread of its own, all at once."""
    with ThreadPoolExecutor(len(arguments)) as pool:
        return list(pool.map(call, arguments))


def refused(call: Callable[[], object]) -> tuple[grpc.StatusCode, str]:
    """The status and text by which a call is refused."""
    with pytest.raises(grpc.RpcError) as error:
        call()
    status: Any = error.value
    return status.code(), str(status.details())
