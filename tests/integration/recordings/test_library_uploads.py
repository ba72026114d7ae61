"""The client by which recordings come into the library."""

import hashlib
from dataclasses import replace
from io import BytesIO

import pytest
from tandem.library.v1 import resources_pb2

from services.sessions.library_uploads import Announcement, GrpcLibrary, LibraryAway, LibraryRefused
from tests.integration.library.shelves import MIB, Shelves

CONTENT = b"film" * (3 * MIB // 2)
FILM = Announcement(
    request_id="1",
    is_text=False,
    title="Motion",
    language="en",
    media_type="video/mp4",
    size=len(CONTENT),
    sha256=hashlib.sha256(CONTENT).hexdigest(),
)


@pytest.fixture
def library(shelves: Shelves) -> GrpcLibrary:
    """The library, as sessions calls it."""
    return GrpcLibrary(shelves.channel_for("sessions", "service"))


def test_an_upload_goes_on_where_it_ended(library: GrpcLibrary, shelves: Shelves) -> None:
    """The same announcement is the same upload; only parts that are missing are sent."""
    upload = library.start(FILM)
    assert shelves.put(upload.parts[0], CONTENT) == 200
    again = library.start(FILM)
    assert again.item_id == upload.item_id
    sent: list[int] = []
    library.finish(again, BytesIO(CONTENT), lambda: sent.append(1))
    assert len(sent) == len(upload.parts) - 1
    done = library.start(FILM)
    assert done.state == resources_pb2.UPLOAD_STATE_COMPLETED
    library.finish(done, BytesIO(), lambda: None)


def test_what_the_library_refuses_is_told(library: GrpcLibrary, shelves: Shelves) -> None:
    """With its words: a wrong type, an id that is another file's, an upload that was given up."""
    with pytest.raises(LibraryRefused, match="text/plain is not a type for RECORDING"):
        library.start(replace(FILM, media_type="text/plain"))
    upload = library.start(FILM)
    with pytest.raises(LibraryRefused, match="ALREADY_EXISTS"):
        library.start(replace(FILM, title="Another one"))
    shelves.abort(upload)
    with pytest.raises(LibraryRefused, match="given up"):
        library.finish(library.start(FILM), BytesIO(CONTENT), lambda: None)


def test_a_library_that_lets_nobody_in_is_away(shelves: Shelves) -> None:
    """A token that has ended, or has the wrong role, is the operators' matter, and no refusal."""
    for roles in ((), ("learner",)):
        with pytest.raises(LibraryAway, match=r"UNAUTHENTICATED|PERMISSION_DENIED"):
            GrpcLibrary(shelves.channel_for("sessions" if roles else "", *roles)).start(FILM)


def test_a_store_that_refuses_a_part_is_away(library: GrpcLibrary) -> None:
    """Such as one whose URL has ended; the next attempt gets new URLs."""
    upload = library.start(FILM)
    upload.parts[0].url = upload.parts[0].url.replace("Signature=", "Signature=0")
    with pytest.raises(LibraryAway, match="the S3 store answered 403"):
        library.finish(upload, BytesIO(CONTENT), lambda: None)
