"""What a large upload costs: real processes, the real S3 store, the library's own uploader."""

import hashlib
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tandem.library.v1 import library_pb2, library_pb2_grpc, resources_pb2
from tandem.types.v1 import types_pb2

from campus.identity import IdentityProvider
from campus.upload import CHUNK, Transfer
from chassis.edge.grpc.client import calling_with
from tests.deep import only_deep
from tests.integration.library.shelves import AVAILABLE, VERIFYING, Shelves
from tests.integration.processes import RoleProcess, declare, role
from tests.unit.library import examples

Stub = library_pb2_grpc.LibraryServiceStub
SECONDS = 3
MEGABYTE, GIGABYTE = 10**6, 10**9
ROOM = 64 * MEGABYTE
"""By how much a process may have grown more, whatever the upload was: an allocator's leeway."""


class Padded:
    """A film that is as large as one wants: a box `free` (ISO/IEC 14496-12, section 8.1.2) of zeros
    follows it, which is never in memory.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        film = examples.lecture(SECONDS, width=128, height=96)
        self._head = film + struct.pack(">I4s", size - len(film), b"free")

    def read(self, offset: int, length: int) -> bytes:
        """The bytes from `offset`."""
        return self._head[offset : offset + length].ljust(min(length, self.size - offset), b"\0")

    def sha256(self) -> str:
        """The hash of all of it."""
        digest = hashlib.sha256()
        for offset in range(0, self.size, CHUNK):
            digest.update(self.read(offset, CHUNK))
        return digest.hexdigest()


def peak(pid: int) -> int:
    """The most bytes of memory that a process ever had (proc(5), VmHWM)."""
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def put(library: Stub, film: Padded) -> str:
    """Upload a film, and wait until its renditions are made; answers the item's id."""
    upload = library.StartUpload(
        library_pb2.StartUploadRequest(
            kind=types_pb2.ITEM_KIND_RECORDING,
            media_type="video/mp4",
            seconds=SECONDS,
            metadata=resources_pb2.Metadata(title="Large"),
            size=film.size,
            sha256=film.sha256(),
        )
    )
    Transfer(library, film.read).finish(upload)
    item = library_pb2.GetItemRequest(item_id=upload.item_id)
    ended(lambda: library.GetItem(item).state != VERIFYING)
    assert library.GetItem(item).state == AVAILABLE
    made = library_pb2.GetProcessingRequest(item_id=upload.item_id)
    ended(lambda: library.GetProcessing(made).HasField("ended_at"))
    return upload.item_id


def ended(holds: Callable[[], bool]) -> None:
    """Wait for as long as the test may take: nobody knows how busy the machine is."""
    while not holds():
        time.sleep(0.2)


@pytest.fixture
def library(environment: dict[str, str], tmp_path: Path) -> Iterator[tuple[Stub, list[int]]]:
    """The API of an api process, and the ids of this and of a worker."""
    declare("library", environment)
    identity = IdentityProvider(tmp_path)
    api = RoleProcess(["-m", "services.library", "api"], environment)
    try:
        with role("library", "worker", environment) as worker, api.channel() as channel:
            stub = Stub(calling_with(channel, lambda: identity.mint("office", ["registrar"])))
            yield stub, [api.process.pid, worker.pid]
    finally:
        api.kill()


@only_deep
@pytest.mark.timeout(1800)
def test_two_gigabytes_cost_no_more_memory_than_two_megabytes(
    library: tuple[Stub, list[int]], shelves: Shelves
) -> None:
    """A film is uploaded, verified and made smaller: the peaks of api and worker are the same, but
    for what an allocator keeps. (The processes that read its file have limits.)
    """
    stub, pids = library
    items, peaks = [], []
    for size in (2 * MEGABYTE, 2 * GIGABYTE):
        items.append(put(stub, Padded(size)))
        peaks.append([peak(pid) for pid in pids])
    for item_id in items:
        shelves.files.remove(item_id)
    for small, large in zip(*peaks, strict=True):
        assert large < small + ROOM
