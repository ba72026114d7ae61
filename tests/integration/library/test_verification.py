"""From stored bytes to an item that people may read, or a reason why not."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tandem.library.v1.events_pb2 import ItemAvailable, ItemFailed, ItemUploaded
from tandem.types.v1 import types_pb2

from chassis.settings import load
from services.library import cleaning
from services.library.files import S3Files
from services.library.ports import FilesAway
from services.library.settings import Settings
from services.library.verifier import verify_waiting
from tests.integration.library.shelves import (
    AVAILABLE,
    FAILED,
    PDF,
    VERIFYING,
    Shelves,
    Through,
    race,
)

FILM = (Path(__file__).parents[3] / "campus" / "demo" / "recording.mp4").read_bytes()
VIDEO = {"kind": types_pb2.ITEM_KIND_RECORDING, "media_type": "video/mp4"}


def _failure(shelves: Shelves, item_id: str) -> str:
    """The reason of an item that is FAILED, told once, with nothing left of it in the store."""
    item = shelves.item(item_id)
    assert item.state == FAILED
    assert [event.reason for event in shelves.published(ItemFailed, item_id)] == [item.failure]
    assert shelves.published(ItemAvailable, item_id) == []
    cleaning.sweep(shelves.database, shelves.files)
    assert not shelves.files.exists(item_id)
    assert shelves.database.reader().rubbish() == []
    return item.failure


def test_a_good_file_becomes_available(shelves: Shelves) -> None:
    """Uploaded, then available, each told once; the item has its rendition."""
    item_id = shelves.upload(PDF, run_ids=["r1"])
    assert shelves.item(item_id).state == VERIFYING
    shelves.clock.forward(minutes=1)
    assert shelves.verify() == 1
    assert shelves.verify() == 0
    item = shelves.item(item_id)
    assert item.state == AVAILABLE
    assert item.available_at.ToDatetime(tzinfo=UTC) == shelves.clock.at
    (rendition,) = item.renditions
    assert (rendition.name, rendition.size) == ("original", len(PDF))
    (uploaded,) = shelves.published(ItemUploaded, item_id)
    assert uploaded.sha256 == rendition.sha256 == hashlib.sha256(PDF).hexdigest()
    (available,) = shelves.published(ItemAvailable, item_id)
    assert list(available.run_ids) == ["r1"]


@pytest.mark.parametrize(("announced", "told"), [(0.0, 2400.0), (2390.0, 2390.0), (60.0, 2400.0)])
def test_a_film_tells_its_playing_time(shelves: Shelves, announced: float, told: float) -> None:
    """What was announced stays where it is nearly right; else the file's own counts."""
    item_id = shelves.available(FILM, seconds=announced, **VIDEO)
    assert shelves.item(item_id).seconds == told
    assert shelves.published(ItemAvailable, item_id)[0].seconds == told


def test_a_film_cut_short_keeps_what_was_announced(shelves: Shelves) -> None:
    """A file that does not tell its playing time is believed its announcement."""
    item_id = shelves.available(FILM[:40], seconds=7.0, **VIDEO)
    assert shelves.item(item_id).seconds == 7.0


def test_wrong_bytes_are_refused(shelves: Shelves) -> None:
    """The same size with another content: the hash tells."""
    upload = shelves.start(PDF)
    shelves.put_all(upload, PDF[:-1] + b"x")
    shelves.complete(upload)
    shelves.verify()
    reason = _failure(shelves, upload.item_id)
    assert "its SHA-256 is" in reason
    assert hashlib.sha256(PDF).hexdigest() in reason
    assert shelves.published(ItemUploaded, upload.item_id) == []


@pytest.mark.parametrize("content", [b"x", b"<html>no</html>", FILM[:5000]])
def test_a_file_of_another_type_is_refused(shelves: Shelves, content: bytes) -> None:
    """However small: its bytes say what it is, or that it is nothing known."""
    item_id = shelves.upload(content)
    shelves.verify()
    assert "application/pdf was announced" in _failure(shelves, item_id)


def test_a_text_of_one_byte_is_a_file(shelves: Shelves) -> None:
    """The smallest that there is."""
    shelves.available(b"x", kind=types_pb2.ITEM_KIND_JOURNAL, media_type="text/plain")


def test_a_file_that_is_lost_is_refused(shelves: Shelves) -> None:
    """Removed behind our back: it says so, and does not wait forever."""
    item_id = shelves.upload(PDF)
    shelves.files.remove(item_id)
    shelves.verify()
    assert "has lost it" in _failure(shelves, item_id)


def test_a_file_that_reads_back_otherwise_is_refused(shelves: Shelves) -> None:
    """Only what a ranged read gives as it was hashed is for people."""
    item_id = shelves.upload(PDF)
    files: Any = Through(shelves.files, read=lambda key, at, length: b"?" * length)
    verify_waiting(shelves.database, files)
    assert "could not be read back" in _failure(shelves, item_id)
    assert len(shelves.published(ItemUploaded, item_id)) == 1


@pytest.mark.parametrize("part", ["chunks", "read"])
def test_a_store_that_is_away_is_waited_for(shelves: Shelves, part: str) -> None:
    """Nothing is wrong with the file: it is verified at once when the store is back."""

    def away(*_: object) -> bytes:
        raise FilesAway("away")

    item_id = shelves.upload(PDF)
    files: Any = Through(shelves.files, **{part: away})
    with pytest.raises(FilesAway):
        verify_waiting(shelves.database, files)
    assert shelves.item(item_id).state == VERIFYING
    assert shelves.verify() == 1
    assert shelves.item(item_id).state == AVAILABLE


def test_an_item_that_can_t_be_looked_at_keeps_no_other(shelves: Shelves) -> None:
    """It waits, longer with each try, and the rest is verified; nothing is told of it."""
    odd = shelves.upload(PDF)
    others = [shelves.upload(PDF) for _ in range(3)]

    def chunks(key: str) -> Any:
        if key == odd:
            raise RuntimeError("odd")
        return shelves.files.chunks(key)

    files: Any = Through(shelves.files, chunks=chunks)
    for _ in range(2):  # the second try comes at once, the third does not
        with pytest.raises(RuntimeError, match="odd"):
            verify_waiting(shelves.database, files)
    assert verify_waiting(shelves.database, files) == 0
    assert {shelves.item(item_id).state for item_id in others} == {AVAILABLE}
    assert shelves.item(odd).state == VERIFYING
    found = shelves.database.mongo["items"].find_one({"_id": odd})
    assert found is not None
    assert found["tries"] == 2


def test_rubbish_that_the_store_refuses_keeps_no_other(shelves: Shelves) -> None:
    """What can be removed is, the rest is there the next time; a store that is away is told."""
    odd, other = shelves.upload(b"no pdf"), shelves.upload(b"no pdf")
    shelves.verify()

    def remove(key: str) -> None:
        if key == odd:
            raise RuntimeError("odd")
        shelves.files.remove(key)

    cleaning.sweep(shelves.database, Through(shelves.files, remove=remove))
    assert [rubbish.id for rubbish in shelves.database.reader().rubbish()] == [odd]
    assert not shelves.files.exists(other)

    def away(_: str) -> None:
        raise FilesAway("away")

    with pytest.raises(FilesAway):
        cleaning.sweep(shelves.database, Through(shelves.files, remove=away))


def test_a_store_that_nobody_answers_at_is_away(shelves: Shelves, stack: dict[str, str]) -> None:
    """A refused connection is no fault of a file, nor a reason for an upload to be lost."""
    settings = load(Settings, {**stack, "TANDEM_S3_ENDPOINT": "http://127.0.0.1:1"}, "worker")
    item_id = shelves.upload(PDF)
    with pytest.raises(FilesAway):
        verify_waiting(shelves.database, S3Files(settings))
    assert shelves.item(item_id).state == VERIFYING


def test_verifiers_that_race_judge_each_item_once(shelves: Shelves) -> None:
    """Workers side by side share the work; each item has one set of events."""
    ids = [shelves.upload(PDF) for _ in range(6)] + [shelves.upload(b"no pdf")]
    judged = race(lambda _: shelves.verify(), range(4))
    assert sum(judged) == len(ids)
    for item_id in ids:
        item = shelves.item(item_id)
        good = item.state == AVAILABLE
        assert good or item.state == FAILED
        assert len(shelves.published(ItemUploaded, item_id)) == good
        assert len(shelves.published(ItemAvailable, item_id)) == good
        assert len(shelves.published(ItemFailed, item_id)) == (not good)


def test_verifiers_of_one_item_judge_it_once(shelves: Shelves) -> None:
    """Even where the claim ended while it was looked at, there is one set of events."""
    item_id = shelves.upload(PDF)

    def slowly(key: str) -> Any:
        shelves.database.mongo["items"].update_one({"_id": key}, {"$unset": {"claimed_until": 1}})
        yield from shelves.files.chunks(key)

    files: Any = Through(shelves.files, chunks=slowly)
    race(lambda _: verify_waiting(shelves.database, files), range(4))
    assert shelves.item(item_id).state == AVAILABLE
    assert len(shelves.published(ItemUploaded, item_id)) == 1
    assert len(shelves.published(ItemAvailable, item_id)) == 1


def test_a_dead_worker_keeps_no_item(shelves: Shelves) -> None:
    """Its claim ends, and another verifies; before that nobody does."""
    item_id = shelves.upload(PDF)
    reader = shelves.database.reader()
    claimed = reader.claim(timedelta(minutes=1))
    assert claimed is not None
    assert claimed.id == item_id
    assert shelves.verify() == 0
    past = datetime.now(UTC) - timedelta(seconds=1)
    shelves.database.mongo["items"].update_one({"_id": item_id}, {"$set": {"claimed_until": past}})
    assert shelves.verify() == 1


def test_a_lane_for_small_files_leaves_large_ones_alone(shelves: Shelves) -> None:
    """So that documents don't wait for a film."""
    large, small = shelves.upload(FILM, **VIDEO), shelves.upload(PDF)
    assert verify_waiting(shelves.database, shelves.files, up_to=1000) == 1
    assert shelves.item(large).state == VERIFYING
    assert shelves.item(small).state == AVAILABLE
