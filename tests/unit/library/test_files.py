"""The adapter's reading of a store's answers, and its signed URLs; no server is called."""

import io
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import urllib3
from minio.error import S3Error

from chassis.operations.settings import load
from chassis.testing import figure
from services.library.files import CHUNK, S3Files, open_files
from services.library.ports import FilesAway, NoSuchUpload
from services.library.settings import Settings
from tests.unit.library.test_library_settings import WORKER

LONG = random.Random(7).randbytes(4 * CHUNK)


class Answers:
    """A connection pool that gives the same answer to everybody, and keeps what was asked."""

    def __init__(self, status: int, body: str, kind: str = "application/xml") -> None:
        self.status, self.body, self.kind = status, body, kind
        self.asked: list[tuple[str, str]] = []

    def urlopen(self, method: str, url: str, **_: Any) -> urllib3.HTTPResponse:
        self.asked.append((method, url))
        headers = {"content-type": self.kind}
        return urllib3.HTTPResponse(self.body.encode(), headers, self.status)

    def clear(self) -> None:
        """Like minio at its end."""


def error(code: str) -> str:
    """An error in S3's format."""
    return f"<Error><Code>{code}</Code><Message>no</Message></Error>"


away = partial(figure, "tandem_library_s3_calls_total", outcome="away")


def files(answers: Any, **settings: str) -> S3Files:
    """The adapter with a store that gives these answers."""
    made = S3Files(load(Settings, WORKER | settings, "worker"))
    made._quick._http = made._patient._http = answers
    return made


class Stream(Answers):
    """A store whose streams of a file break off after a number of bytes."""

    def __init__(self, content: bytes, *lengths: int) -> None:
        super().__init__(200, "")
        self.content, self.lengths = content, list(lengths)
        self.ranges: list[str] = []

    def urlopen(self, method: str, url: str, **more: Any) -> urllib3.HTTPResponse:
        wanted = more["headers"].get("Range", "")
        self.ranges.append(wanted)
        first = wanted.removeprefix("bytes=").partition("-")[0]
        rest = self.content[int(first or 0) :]
        sent = rest[: self.lengths.pop(0)] if self.lengths else rest
        return urllib3.HTTPResponse(
            io.BytesIO(sent),
            {"content-length": str(len(rest))},
            206 if wanted else 200,
            preload_content=False,
        )


def test_a_stream_that_breaks_off_goes_on_where_it_was() -> None:
    """Each byte comes once, for as long as every stream brings some."""
    stream = Stream(LONG, 2 * CHUNK, CHUNK + 5)
    assert b"".join(files(stream).chunks("key")) == LONG
    assert stream.ranges == ["", f"bytes={2 * CHUNK}-", f"bytes={3 * CHUNK}-"]


def test_a_stream_that_brings_nothing_ends_it() -> None:
    """The store is away; it is not asked again and again."""
    stream = Stream(LONG, 2 * CHUNK, 0)
    with pytest.raises(FilesAway):
        list(files(stream).chunks("key"))
    assert len(stream.ranges) == 2


def test_a_store_that_ignores_a_range_is_not_read() -> None:
    """Its whole file must not be taken for the piece that was asked for."""
    with pytest.raises(FilesAway, match="206"):
        files(Answers(200, "the whole file")).read("key", 4, 2)


def test_no_more_is_read_than_one_byte_beyond_a_range() -> None:
    """Enough to see that the store sends too much."""
    assert files(Stream(b"0123456789")).read("key", 2, 4) == b"23456"


def test_small_questions_are_not_waited_for_as_files_are() -> None:
    """Two tries of a question fit a call's 10 seconds; putting a file together may take longer."""
    made = S3Files(load(Settings, WORKER, "worker"))
    small, large = (
        client._http.connection_pool_kw["timeout"] for client in (made._quick, made._patient)
    )
    assert 2 * small.read_timeout < 10 < large.read_timeout


class Pages(Answers):
    """A store that lists its parts, or its uploads, in pages of a thousand."""

    def __init__(self, entries: int, page: Callable[[range, bool], str], marker: str) -> None:
        super().__init__(200, "")
        self.entries, self.page, self.marker = entries, page, marker

    def urlopen(self, method: str, url: str, **more: Any) -> urllib3.HTTPResponse:
        after = int(parse_qs(urlsplit(url).query).get(self.marker, ["0"])[0])
        numbers = range(after + 1, min(after + 1000, self.entries) + 1)
        self.body = self.page(numbers, numbers[-1] < self.entries)
        return super().urlopen(method, url, **more)


def parts_page(numbers: range, more: bool) -> str:
    rows = "".join(
        f'<Part><PartNumber>{n}</PartNumber><Size>{n}</Size><ETag>"t{n}"</ETag></Part>'
        for n in numbers
    )
    return (
        f"<ListPartsResult><IsTruncated>{str(more).lower()}</IsTruncated>"
        f"<NextPartNumberMarker>{numbers[-1]}</NextPartNumberMarker>{rows}</ListPartsResult>"
    )


def uploads_page(numbers: range, more: bool) -> str:
    rows = "".join(
        f"<Upload><Key>{n:04}</Key><UploadId>u{n}</UploadId>"
        "<Initiated>2026-03-02T08:00:00.000Z</Initiated></Upload>"
        for n in numbers
    )
    return (
        f"<ListMultipartUploadsResult><IsTruncated>{str(more).lower()}</IsTruncated>"
        f"<NextKeyMarker>{numbers[-1]:04}</NextKeyMarker>{rows}</ListMultipartUploadsResult>"
    )


def test_all_parts_are_listed_however_many() -> None:
    """A page holds a thousand of them."""
    answers = Pages(2500, parts_page, "part-number-marker")
    assert files(answers).stored("key", "name") == {n: (n, f"t{n}") for n in range(1, 2501)}
    assert len(answers.asked) == 3


def test_all_unfinished_uploads_are_listed_however_many() -> None:
    """A page holds a thousand of them; those begun later than asked for are left out."""
    answers = Pages(2500, uploads_page, "key-marker")
    begun = datetime(2026, 3, 2, 8, tzinfo=UTC)
    found = list(files(answers).unfinished(begun + timedelta(seconds=1)))
    assert found == [(f"{n:04}", f"u{n}") for n in range(1, 2501)]
    assert list(files(answers).unfinished(begun)) == []


@pytest.mark.parametrize("code", ["NoSuchUpload", "NoSuchKey", "BrokenMPU"])
def test_what_is_gone_is_gone(code: str) -> None:
    """The port's word for it."""
    with pytest.raises(NoSuchUpload):
        files(Answers(404, error(code))).stored("key", "name")


@pytest.mark.parametrize(
    "answers",
    [
        Answers(503, error("SlowDown")),
        Answers(500, error("InternalError")),
        Answers(400, error("InvalidPart")),
        Answers(502, "<html>Bad Gateway</html>", "text/html"),
        Answers(200, "<not-xml"),
        Answers(200, error("InternalError")),
    ],
)
def test_a_store_that_fails_is_away(answers: Answers) -> None:
    """Also if the status is 200 and the body has the error; it is tried again later."""
    before = away()
    with pytest.raises(FilesAway):
        files(answers).complete("key", "name", {1: "tag"})
    assert away() == before + 1


def test_a_store_that_refuses_us_is_no_outage() -> None:
    """Wrong keys are an operator's error, which must not look like one that heals."""
    before = away()
    with pytest.raises(S3Error):
        files(Answers(403, error("InvalidAccessKeyId"))).read("key", 0, 1)
    assert away() == before


def test_the_bucket_is_made_where_it_is_missing() -> None:
    """Asked for, made, and the upload begun again: whoever emptied the store meanwhile."""
    answers = Answers(404, error("NoSuchBucket"))
    with pytest.raises(S3Error):
        files(answers).start("key", "video/mp4")
    assert [method for method, _ in answers.asked] == ["POST", "HEAD", "PUT"]


@pytest.mark.parametrize("code", ["BucketAlreadyOwnedByYou", "BucketAlreadyExists"])
def test_a_bucket_that_another_made_meanwhile_is_fine(code: str) -> None:
    """Processes that start side by side all go on."""

    class Made(Answers):
        def urlopen(self, method: str, url: str, **more: Any) -> urllib3.HTTPResponse:
            head = method == "HEAD"
            self.status, self.body = (404, "") if head else (409, error(code))
            return super().urlopen(method, url, **more)

    files(Made(409, "")).prepare()


def test_without_the_store_there_are_files_all_the_same() -> None:
    """Nothing listens at the address: the process starts, and says UNAVAILABLE later."""
    made = open_files(load(Settings, WORKER, "worker"))
    with pytest.raises(FilesAway):
        made.start("key", "video/mp4")


def test_urls_are_signed_for_their_readers() -> None:
    """With the public name if there is one, for the set time, with the media type; caches may keep
    what they read for as long as all readers get the same URL.
    """
    made = files(Answers(200, ""), TANDEM_S3_PUBLIC_ENDPOINT="https://files.example.edu")
    before = datetime.now(UTC).replace(microsecond=0)
    url, ends = made.read_url("key", "text/plain")
    assert before + timedelta(minutes=30) <= ends <= datetime.now(UTC) + timedelta(hours=1)
    read = urlsplit(url)
    assert (read.scheme, read.netloc, read.path) == ("https", "files.example.edu", "/tandem/key")
    query = parse_qs(read.query)
    assert query["X-Amz-Expires"] == ["3600"]
    assert query["response-content-type"] == ["text/plain"]
    assert query["response-cache-control"] == ["public, max-age=1800, immutable"]
    part = parse_qs(urlsplit(made.part_url("key", "name", 7)).query)
    assert (part["uploadId"], part["partNumber"]) == (["name"], ["7"])
