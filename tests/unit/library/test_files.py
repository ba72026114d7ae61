"""What the adapter makes of a store's answers, and which URLs it signs; nobody is asked."""

from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import urllib3
from minio.error import S3Error

from chassis.settings import load
from chassis.testing import figure
from services.library.files import S3Files, open_files
from services.library.ports import FilesAway, NoSuchUpload
from services.library.settings import Settings
from tests.unit.library.test_library_settings import WORKER


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
        """As minio does at its end."""


def error(code: str) -> str:
    """An error as S3 tells it."""
    return f"<Error><Code>{code}</Code><Message>no</Message></Error>"


away = partial(figure, "tandem_library_s3_calls_total", outcome="away")


def files(answers: Any, **settings: str) -> S3Files:
    """The adapter with a store that gives these answers."""
    made = S3Files(load(Settings, WORKER | settings, "worker"))
    made._client._http = answers
    return made


@pytest.mark.parametrize("code", ["NoSuchUpload", "NoSuchKey"])
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
    """Also where it says 200 first and the error in the body; it is tried again later."""
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
    """With the public name where there is one, for as long as is set, with the media type."""
    made = files(Answers(200, ""), TANDEM_S3_PUBLIC_ENDPOINT="https://files.example.edu")
    read = urlsplit(made.read_url("key", "text/plain"))
    assert (read.scheme, read.netloc, read.path) == ("https", "files.example.edu", "/tandem/key")
    query = parse_qs(read.query)
    assert query["X-Amz-Expires"] == ["3600"]
    assert query["response-content-type"] == ["text/plain"]
    part = parse_qs(urlsplit(made.part_url("key", "name", 7)).query)
    assert (part["uploadId"], part["partNumber"]) == (["name"], ["7"])
