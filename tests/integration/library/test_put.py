"""`tandem library put`: uploads that go on after a crash, on another machine, on a broken line."""

import json
import shutil
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tandem.library.v1 import library_pb2, resources_pb2
from urllib3.exceptions import HTTPError

from campus import upload
from campus.library_command import Result, Wish, announce, announcement, put_file
from campus.local_files import LocalFile, describe, reading, sha256_of
from campus.upload import Tell, Transfer, UploadError
from chassis.edge.methods import Servicer
from chassis.edge.server import Server
from chassis.testing import Issuer, settings_for
from services.library import rights
from services.library.domain.enums import ItemKind
from tests.integration.chassis.proxy import Proxy
from tests.integration.library.shelves import MIB, PDF, RUN, Shelves, Stub

WISH = Wish("", None, (RUN,), "en")
TEXT = b"Each body remains in its state of rest.\n" * (12 * MIB // 40)  # three parts


def _quietly(_what: str, _size: int) -> Tell:
    return lambda _: None


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test's line is mended at once."""
    monkeypatch.setattr(upload, "FIRST_PAUSE", 0.02)


@contextmanager
def _worker(shelves: Shelves) -> Iterator[None]:
    """Verify what is handed over."""
    end = threading.Event()

    def work() -> None:
        while not end.wait(0.05):
            shelves.verify()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


def _file(folder: Path, content: bytes, name: str = "motion.txt") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_bytes(content)
    return path


def _announced(shelves: Shelves, path: Path) -> resources_pb2.Upload:
    """The upload of a file, as the command finds it."""
    with reading(path) as read:
        file = describe(path, read, None, lambda _: None)
    return announce(shelves.staff, announcement(path, file, WISH))


def _stored(shelves: Shelves, item_id: str) -> bytes:
    return b"".join(shelves.files.chunks(item_id))


def test_files_are_put_and_what_became_of_each_is_told(shelves: Shelves, tmp_path: Path) -> None:
    """The command itself: two files that are read, one that the library refuses, and one of which
    no item can be made; so it exits with 1. Again, it finds the same items.
    """
    issuer, token = Issuer(), tmp_path / "token"
    token.write_text(issuer.token("curie", ["registrar"]))
    servicer = Servicer(
        shelves.api,
        library_pb2.DESCRIPTOR.services_by_name["LibraryService"],
        partial(rights.relation, shelves.database),
    )
    settings = settings_for(issuer.write_jwks(tmp_path / "jwks.json"))
    server = Server(settings, "tests", shelves.database, [servicer])
    server.start()
    paths = [
        _file(tmp_path, PDF, "motion.pdf"),
        _file(tmp_path, "Größe".encode(), "größe.md"),
        _file(tmp_path, b"%PDF-1.7\n%%EOF\n", "broken.pdf"),
        _file(tmp_path, bytes(100), "zeros.pdf"),
    ]
    options = ["--run", RUN, "--target", f"127.0.0.1:{server.port}", "--token-file", str(token)]

    def put(*files: Path) -> tuple[int, list[Result]]:
        command = [sys.executable, "-c", "from campus.cli import main; main()", "library", "put"]
        done = subprocess.run(
            [*command, *map(str, files), *options, "--json"], stdout=subprocess.PIPE, check=False
        )
        return done.returncode, [Result(**row) for row in json.loads(done.stdout)]

    try:
        with _worker(shelves):
            code, (motion, text, broken, zeros) = put(*paths)
            assert put(*paths[:2]) == (0, [motion, text])
    finally:
        server.drain(settings.drain)
    assert code == 1
    assert (motion.state, motion.type, text.state, text.type) == (
        "AVAILABLE",
        "application/pdf",
        "AVAILABLE",
        "text/plain",
    )
    assert broken.state == "FAILED"
    assert broken.reason == shelves.item(broken.item).failure
    assert (zeros.state, zeros.item) == ("UNFINISHED", "")
    assert "its bytes are of no known type" in zeros.reason
    item = shelves.item(motion.item)
    assert (item.metadata.title, list(item.run_ids)) == ("motion", [RUN])


def test_an_upload_goes_on_after_a_crash_on_another_machine(
    shelves: Shelves, tmp_path: Path
) -> None:
    """The same file in another folder: the same item, and only the missing parts are sent."""
    path = _file(tmp_path, TEXT)

    def crash(done: int) -> None:
        if done > 7 * MIB:
            raise KeyboardInterrupt

    first = _announced(shelves, path)
    with reading(path) as read, pytest.raises(KeyboardInterrupt):
        Transfer(shelves.staff, read, crash, at_once=1).finish(first)
    told: list[int] = []
    (tmp_path / "elsewhere").mkdir()
    copy = Path(shutil.copy(path, tmp_path / "elsewhere"))
    second = _announced(shelves, copy)
    assert second.item_id == first.item_id
    with reading(copy) as read:
        Transfer(shelves.staff, read, told.append).finish(second)
    assert (told[0], told[-1]) == (5 * MIB, len(TEXT))
    assert _stored(shelves, first.item_id) == TEXT


def test_a_file_that_failed_is_uploaded_anew(shelves: Shelves, tmp_path: Path) -> None:
    """As is one whose upload was given up; one that is there stays as it is."""
    path = _file(tmp_path, b"%PDF-1.7\n%%EOF\n", "broken.pdf")
    first = _announced(shelves, path)
    shelves.abort(first)
    with _worker(shelves):
        second = put_file(shelves.staff, path, WISH, _quietly)
        third = put_file(shelves.staff, path, WISH, _quietly)
    assert (second.state, third.state) == ("FAILED", "FAILED")
    assert len({first.item_id, second.item, third.item}) == 3


class Mender:
    """The library, to which a line to the S3 store belongs: after each cut, it is mended when the
    upload is looked at for the second time.
    """

    def __init__(self, library: Stub, line: Proxy) -> None:
        self._library, self._line, self._looks = library, line, 0

    def cut(self) -> None:
        """Break the line."""
        self._looks = 2
        self._line.cut()

    def GetUpload(self, request: library_pb2.GetUploadRequest) -> resources_pb2.Upload:
        self._looks -= 1
        if not self._looks:
            self._line.open()
        return self._library.GetUpload(request)

    def __getattr__(self, name: str) -> object:
        return getattr(self._library, name)


def test_a_broken_line_is_waited_for(
    shelves: Shelves, stack: dict[str, str], tmp_path: Path
) -> None:
    """The line to the S3 store breaks in the middle of a part: what is missing is sent again."""
    path, line = _file(tmp_path, TEXT), Proxy(stack["TANDEM_S3_ENDPOINT"])
    line.open()
    mender = Mender(shelves.staff, line)
    breaks = iter([3 * MIB, 8 * MIB])
    next_break = next(breaks)

    def tell(done: int) -> None:
        nonlocal next_break
        if done > next_break:
            next_break = next(breaks, 2**40)
            mender.cut()

    found = _announced(shelves, path)
    with reading(path) as read:
        store = f"http://{urlsplit(line.url).netloc}"
        library: Any = mender
        Transfer(library, read, tell, at_once=2, store=store).finish(found)
    line.cut()
    assert next_break == 2**40
    assert _stored(shelves, found.item_id) == TEXT


def test_a_line_that_stays_broken_ends_the_upload(
    shelves: Shelves, stack: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the error; what is stored waits for the next attempt."""
    monkeypatch.setattr(upload, "FIRST_PAUSE", 0.001)
    line = Proxy(stack["TANDEM_S3_ENDPOINT"])
    started = shelves.start(PDF)
    transfer = Transfer(
        shelves.staff,
        lambda offset, length: PDF[offset : offset + length],
        store=f"http://{urlsplit(line.url).netloc}",
    )
    with pytest.raises(HTTPError):
        transfer.finish(started)
    assert shelves.resume(started).state == resources_pb2.UPLOAD_STATE_OPEN


def test_a_file_that_becomes_shorter_is_an_error(shelves: Shelves) -> None:
    """The upload waits for the right file, and is not completed."""
    started = shelves.start(PDF)
    with pytest.raises(UploadError, match="shorter"):
        Transfer(shelves.staff, lambda offset, length: PDF[offset : offset + length - 1]).finish(
            started
        )
    assert shelves.resume(started).state == resources_pb2.UPLOAD_STATE_OPEN


def test_a_large_file_needs_no_more_memory_than_a_small_one(
    shelves: Shelves, tmp_path: Path
) -> None:
    """Neither in the command nor in the api, which run in one process here: no bytes of the file
    pass through the api, and the command holds a few chunks.
    """
    small, large = (_peak(shelves, tmp_path, size * MIB) for size in (8, 64))
    assert large < small + 2 * MIB
    assert large < 16 * MIB


def _peak(shelves: Shelves, folder: Path, size: int) -> int:
    """The most bytes that Python had allocated at once during the upload of a sparse file."""
    path = folder / f"{size}.pdf"
    with path.open("wb") as file:
        file.truncate(size)
    with reading(path) as read:
        tracemalloc.start()
        sha256 = sha256_of(read, size, lambda _: None)
        request = announcement(path, LocalFile(size, sha256, "application/pdf", ItemKind.PDF), WISH)
        Transfer(shelves.staff, read).finish(announce(shelves.staff, request))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return peak
