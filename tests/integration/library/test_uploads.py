"""Uploads to the real store: announced, resumed, handed over, given up."""

import random
from datetime import timedelta
from typing import Any

import grpc
import pytest
from tandem.library.v1 import library_pb2, resources_pb2
from tandem.library.v1.events_pb2 import ItemFailed
from tandem.types.v1 import types_pb2

from chassis.context.principal import Principal, acting_as
from chassis.errors import FailedPrecondition
from services.library import cleaning, transfers
from services.library.api import LibraryApi
from services.library.usecases import uploads
from services.library.usecases.lookup import get_upload
from tests.integration.library.shelves import (
    FAILED,
    MIB,
    PDF,
    TEACHER,
    UPLOADING,
    VERIFYING,
    Shelves,
    Through,
    race,
    refused,
)

LONG = random.Random(7).randbytes(12 * MIB)
OPEN = resources_pb2.UPLOAD_STATE_OPEN
COMPLETED = resources_pb2.UPLOAD_STATE_COMPLETED
ABORTED = resources_pb2.UPLOAD_STATE_ABORTED
WEEK = timedelta(days=7)


def _multipart(shelves: Shelves, upload: resources_pb2.Upload) -> str:
    return get_upload(shelves.database.reader(), upload.id).multipart


def _multiparts(shelves: Shelves) -> set[str]:
    """All that the store knows of."""
    return {name for _, name in shelves.files.unfinished(shelves.clock.at.replace(year=2100))}


def test_an_upload_is_resumed_where_it_stopped(shelves: Shelves) -> None:
    """The upload's id gives fresh URLs for the missing parts, and only for those."""
    upload = shelves.start(LONG)
    assert [part.size for part in upload.parts] == [5 * MIB, 5 * MIB, 2 * MIB]
    assert shelves.put(upload.parts[1], LONG) == 200
    resumed = shelves.resume(upload)
    assert [part.stored for part in resumed.parts] == [False, True, False]
    assert [bool(part.url) for part in resumed.parts] == [True, False, True]
    assert resumed.urls_expire_at.seconds > 0
    shelves.put_all(resumed, LONG)
    item = shelves.complete(upload)
    assert (item.id, item.state, item.uploaded_by) == (upload.item_id, VERIFYING, TEACHER)
    assert b"".join(shelves.files.chunks(item.id)) == LONG
    assert shelves.resume(upload) == resources_pb2.Upload(
        id=upload.id, item_id=item.id, state=COMPLETED
    )


def test_what_keeps_an_upload_from_being_complete_is_told_at_once(shelves: Shelves) -> None:
    """Missing parts and such of another size, in one answer; put again, they are right."""
    upload = shelves.start(LONG)
    assert shelves.put(upload.parts[0], LONG[: 3 * MIB]) == 200
    code, text = refused(lambda: shelves.complete(upload))
    assert code is grpc.StatusCode.FAILED_PRECONDITION
    assert f"part 1 has {3 * MIB} bytes" in text
    assert "part 2 is missing" in text
    assert "part 3 is missing" in text
    assert shelves.item(upload.item_id).state == UPLOADING
    resumed = shelves.resume(upload)
    assert not resumed.parts[0].stored
    shelves.put_all(resumed, LONG)
    assert shelves.complete(upload).state == VERIFYING


def test_handing_over_again_answers_the_item_as_it_is(shelves: Shelves) -> None:
    """A repeat changes nothing, before and after verification."""
    upload = shelves.start(PDF)
    shelves.put_all(upload, PDF)
    first = shelves.complete(upload)
    assert shelves.complete(upload) == first
    shelves.verify()
    assert shelves.complete(upload) == shelves.item(first.id)


def test_many_who_hand_over_at_once_do_it_once(shelves: Shelves) -> None:
    """Of racing completions, each answers the same item."""
    upload = shelves.start(PDF)
    shelves.put_all(upload, PDF)
    answers = race(lambda _: shelves.complete(upload), range(8))
    assert {answer.id for answer in answers} == {upload.item_id}
    assert {answer.state for answer in answers} == {VERIFYING}


def test_a_file_made_while_its_upload_was_given_up_is_removed(shelves: Shelves) -> None:
    """Cleaned up before the file was there, it is cleaned up once more."""
    upload = shelves.start(PDF)
    shelves.put_all(upload, PDF)

    def complete(*arguments: Any) -> None:
        reason = "its upload was given up"
        shelves.database.transact(lambda store: uploads.give_up(store, upload.id, reason))
        shelves.database.mongo["rubbish"].delete_many({})
        shelves.files.complete(*arguments)

    files: Any = Through(shelves.files, complete=complete)
    api = LibraryApi(shelves.database, files, 5 * MIB, timedelta(hours=1), timedelta(days=30))
    with (
        acting_as(Principal(TEACHER, frozenset({"instructor"}))),
        pytest.raises(FailedPrecondition),
    ):
        api.CompleteUpload(library_pb2.CompleteUploadRequest(upload_id=upload.id), None)
    assert shelves.files.exists(upload.item_id)
    cleaning.sweep(shelves.database, shelves.files)
    assert not shelves.files.exists(upload.item_id)
    assert shelves.database.reader().pending_deletions() == []


def test_a_crash_after_the_parts_were_put_together_heals(shelves: Shelves) -> None:
    """The object is there and its parts are not: the repeat finds it."""
    upload = shelves.start(LONG)
    shelves.put_all(upload, LONG)
    transfers.put_together(shelves.files, get_upload(shelves.database.reader(), upload.id))
    assert shelves.item(upload.item_id).state == UPLOADING
    assert [part.stored for part in shelves.resume(upload).parts] == [True, True, True]
    assert shelves.complete(upload).state == VERIFYING


def test_a_repeated_announcement_answers_the_first(shelves: Shelves) -> None:
    """The same upload with what is stored of it, and nothing left behind in the store."""
    request = shelves.request(LONG, request_id="again")
    first = shelves.staff.StartUpload(request)
    before = _multiparts(shelves)
    shelves.put(first.parts[0], LONG)
    second = shelves.staff.StartUpload(request)
    assert (second.id, second.item_id) == (first.id, first.item_id)
    assert [part.stored for part in second.parts] == [True, False, False]
    assert _multiparts(shelves) == before


def test_announcements_that_race_are_one(shelves: Shelves) -> None:
    """One item, one upload, one place in the store."""
    before = _multiparts(shelves)
    request = shelves.request(PDF, request_id="at once")
    answers = race(lambda _: shelves.staff.StartUpload(request), range(6))
    assert len({answer.id for answer in answers}) == 1
    assert shelves.database.mongo["items"].count_documents({}) == 1
    assert len(_multiparts(shelves) - before) == 1


def test_an_id_that_named_another_announcement_is_refused(shelves: Shelves) -> None:
    """ALREADY_EXISTS, and nothing stays of it."""
    shelves.start(PDF, request_id="mine")
    before = _multiparts(shelves)
    code, _ = refused(lambda: shelves.start(LONG, request_id="mine"))
    assert code is grpc.StatusCode.ALREADY_EXISTS
    assert _multiparts(shelves) == before


def test_an_upload_that_is_given_up_is_gone(shelves: Shelves) -> None:
    """Its parts and URLs are gone, its item is FAILED once; a repeat is harmless."""
    upload = shelves.start(LONG)
    shelves.put(upload.parts[0], LONG)
    name = _multipart(shelves, upload)
    assert name in _multiparts(shelves)
    assert shelves.abort(upload).state == ABORTED
    assert shelves.abort(upload).state == ABORTED
    assert name not in _multiparts(shelves)
    assert shelves.put(upload.parts[1], LONG) == 404
    item = shelves.item(upload.item_id)
    assert (item.state, item.failure) == (FAILED, "its upload was given up")
    assert len(shelves.published(ItemFailed, item.id)) == 1
    assert refused(lambda: shelves.complete(upload))[0] is grpc.StatusCode.FAILED_PRECONDITION
    assert shelves.database.reader().pending_deletions() == []


def test_a_part_s_url_is_dead_once_the_upload_is_completed(shelves: Shelves) -> None:
    """A verified file can't be changed: the PUT is refused, and the bytes are the first ones."""
    upload = shelves.start(PDF)
    shelves.put_all(upload, PDF)
    shelves.complete(upload)
    assert shelves.put(upload.parts[0], b"!" * len(PDF)) == 404
    shelves.verify()
    assert shelves.put(upload.parts[0], b"!" * len(PDF)) == 404
    assert shelves.http.request("GET", shelves.read_url(upload.item_id).url).data == PDF


def test_a_completed_upload_is_not_given_up(shelves: Shelves) -> None:
    """FAILED_PRECONDITION, and the item stays."""
    upload = shelves.start(PDF)
    shelves.put_all(upload, PDF)
    shelves.complete(upload)
    assert refused(lambda: shelves.abort(upload))[0] is grpc.StatusCode.FAILED_PRECONDITION
    shelves.verify()
    assert shelves.read_url(upload.item_id).url


def test_uploads_that_nobody_completes_expire(shelves: Shelves) -> None:
    """They expire after the set time, and not before; completed uploads stay."""
    done = shelves.available()
    upload = shelves.start(LONG)
    shelves.put(upload.parts[0], LONG)
    name = _multipart(shelves, upload)
    shelves.clock.forward(days=6.9)
    cleaning.expire(shelves.database, shelves.files, WEEK)
    assert shelves.resume(upload).state == OPEN
    shelves.clock.forward(days=0.2)
    cleaning.expire(shelves.database, shelves.files, WEEK)
    cleaning.sweep(shelves.database, shelves.files)
    assert shelves.resume(upload).state == ABORTED
    assert "not completed within 7 days" in shelves.item(upload.item_id).failure
    assert name not in _multiparts(shelves)
    assert shelves.files.exists(done)


def test_a_file_whose_hand_over_was_never_committed_expires(shelves: Shelves) -> None:
    """A file that a crash left in the store is removed as well."""
    upload = shelves.start(PDF)
    shelves.put_all(upload, PDF)
    transfers.put_together(shelves.files, get_upload(shelves.database.reader(), upload.id))
    shelves.clock.forward(days=8)
    cleaning.expire(shelves.database, shelves.files, WEEK)
    cleaning.sweep(shelves.database, shelves.files)
    assert not shelves.files.exists(upload.item_id)


def test_a_place_that_no_upload_has_is_freed(shelves: Shelves) -> None:
    """Parts begun by a process that ended before its commit; an open upload's are kept."""
    upload = shelves.start(PDF)
    lost = shelves.files.start("nobodys", "application/pdf")
    assert lost in _multiparts(shelves)
    shelves.clock.forward(days=-1)  # the store of files goes by the system's clock, not by this
    cleaning.expire(shelves.database, shelves.files, -timedelta(minutes=1))
    assert lost not in _multiparts(shelves)
    assert _multipart(shelves, upload) in _multiparts(shelves)
    assert shelves.resume(upload).state == OPEN


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"size": 0}, "size"),
        ({"size": 2**40 + 1}, "size"),
        ({"sha256": "AB" * 32}, "sha256"),
        ({"sha256": "ab"}, "sha256"),
        ({"media_type": "application/pdf; charset=x"}, "media_type"),
        ({"media_type": "application/pdf\r\nX-Evil: 1"}, "media_type"),
        ({"media_type": "image/png"}, "media_type"),
        ({"kind": 0}, "kind"),
        ({"metadata": None}, "metadata"),
        ({"metadata": resources_pb2.Metadata()}, "metadata.title"),
        ({"metadata": resources_pb2.Metadata(title="a\0b")}, "metadata.title"),
        ({"metadata": resources_pb2.Metadata(title="x" * 301)}, "metadata.title"),
        (
            {"metadata": resources_pb2.Metadata(title="x", creators=["x"] * 101)},
            "metadata.creators",
        ),
        ({"run_ids": ["r"] * 101}, "run_ids"),
        ({"run_ids": ["r" * 65]}, "run_ids[0]"),
        ({"seconds": float("nan")}, "seconds"),
        ({"seconds": -1.0}, "seconds"),
        ({"request_id": "x" * 65}, "request_id"),
    ],
)
def test_a_bad_announcement_leaves_no_trace(
    shelves: Shelves, changes: dict[str, object], field: str
) -> None:
    """INVALID_ARGUMENT names the field; database and store are unchanged."""
    before = _multiparts(shelves)
    code, text = refused(lambda: shelves.start(PDF, **changes))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert field in text
    assert shelves.database.mongo["items"].count_documents({}) == 0
    assert _multiparts(shelves) == before


def test_hostile_metadata_is_only_text(shelves: Shelves) -> None:
    """Operators, markup, paths, odd letters: stored and returned unchanged, at their largest."""
    evil = ['{"$gt": ""}', "../../etc/passwd", "<script>alert(1)</script>", "\u202e\x01\U0001f600"]
    metadata = resources_pb2.Metadata(
        title="\U0001f600" * 300,
        creators=evil * 25,
        subjects=["\x01" * 1000] * 100,
        description="\x02" * 10_000,
        types=evil,
        formats=["\x01" * 300] * 20,
        relations=evil * 5,
    )
    item_id = shelves.available(PDF, metadata=metadata, run_ids=["\U0001f600" * 64] * 100)
    assert shelves.item(item_id).metadata == metadata


def test_what_nobody_knows_is_not_found(shelves: Shelves) -> None:
    """Uploads and items."""
    ghost = resources_pb2.Upload(id="ghost")
    for call in (shelves.resume, shelves.complete, shelves.abort):
        assert refused(lambda call=call: call(ghost))[0] is grpc.StatusCode.NOT_FOUND  # type: ignore[misc]
    assert refused(lambda: shelves.item("ghost"))[0] is grpc.StatusCode.NOT_FOUND


def test_items_are_listed_by_id_or_newest_first(shelves: Shelves) -> None:
    """Unknown ids are left out; pages hold every item once."""
    ids = [shelves.start(PDF).item_id for _ in range(5)]
    wanted = library_pb2.ListItemsRequest(item_ids=[ids[3], "ghost", ids[1], '{"$ne": 1}'])
    assert {item.id for item in shelves.staff.ListItems(wanted).items} == {ids[1], ids[3]}
    found, token = [], ""
    while True:
        page = shelves.staff.ListItems(library_pb2.ListItemsRequest(page_size=2, page_token=token))
        found += [item.id for item in page.items]
        token = page.next_page_token
        if not token:
            break
    assert found == ids[::-1]


def test_a_page_of_large_items_ends_early(shelves: Shelves) -> None:
    """So each page fits into a gRPC message; together the pages contain every item once."""
    large = resources_pb2.Metadata(
        title="x", description="\u20ac" * 10_000, creators=["x" * 900] * 100
    )
    ids = [shelves.start(PDF, metadata=large).item_id for _ in range(40)]
    found: list[list[str]] = []
    request = library_pb2.ListItemsRequest(page_size=1000, item_ids=ids)
    while not found or request.page_token:
        page = shelves.staff.ListItems(request)
        found.append([item.id for item in page.items])
        request.page_token = page.next_page_token
    assert [each for page in found for each in page] == ids[::-1]
    assert len(found) == 3


def test_a_caller_is_remembered_as_the_uploader(shelves: Shelves) -> None:
    """Called on the servicer itself, as the races do."""
    with acting_as(Principal("bohr", frozenset({"registrar"}))):
        upload = shelves.api.StartUpload(
            shelves.request(PDF, kind=types_pb2.ITEM_KIND_JOURNAL), None
        )
    assert shelves.item(upload.item_id).uploaded_by == "bohr"


def test_the_largest_file_has_an_answer_that_every_client_accepts(shelves: Shelves) -> None:
    """A tebibyte in up to 5,000 parts, with the URL of each: gRPC clients accept 4 MiB."""
    upload = shelves.start(PDF, size=2**40)
    assert sum(part.size for part in upload.parts) == 2**40
    assert 4_900 < len(upload.parts) <= 5_000
    assert upload.ByteSize() < 4 * MIB
