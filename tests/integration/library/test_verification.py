"""From stored bytes to an item that people may read, or a reason why not."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tandem.library.v1.events_pb2 import ItemAvailable, ItemFailed, ItemUploaded
from tandem.types.v1 import types_pb2

from chassis.jobs.queue import Queue
from chassis.jobs.runner import Runner
from chassis.operations.settings import load
from services.library import cleaning, migrations, store
from services.library.files import S3Files
from services.library.migrations import SMALL
from services.library.ports import FilesAway
from services.library.settings import Settings
from services.library.verifier import verification
from tests.deep import only_deep
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
EDGES = 1  # ranges that are read back of a small file
MILLISECOND = timedelta(milliseconds=1)  # MongoDB cuts off what is finer
VIDEO = {"kind": types_pb2.ITEM_KIND_RECORDING, "media_type": "video/mp4"}


def _failure(shelves: Shelves, item_id: str) -> str:
    """The reason of a FAILED item, published once, with no file left in the store."""
    item = shelves.item(item_id)
    assert item.state == FAILED
    assert [event.reason for event in shelves.published(ItemFailed, item_id)] == [item.failure]
    assert shelves.published(ItemAvailable, item_id) == []
    cleaning.sweep(shelves.database, shelves.files)
    assert not shelves.files.exists(item_id)
    assert shelves.database.reader().pending_deletions() == []
    return item.failure


def published_counts(shelves: Shelves, item_id: str) -> tuple[int, int, int]:
    """The numbers of an item's events: uploaded, available, failed."""
    uploaded = shelves.published(ItemUploaded, item_id)
    available = shelves.published(ItemAvailable, item_id)
    return len(uploaded), len(available), len(shelves.published(ItemFailed, item_id))


def job_of(shelves: Shelves, item_id: str) -> Any:
    """The job of an item."""
    found = shelves.database.mongo["items"].find_one({"_id": item_id})
    assert found is not None
    return found["job"]


def test_a_good_file_becomes_available(shelves: Shelves) -> None:
    """An item is uploaded, then available, with one event each; it has its rendition."""
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


@pytest.mark.parametrize(
    ("announced", "expected"), [(0.0, 2400.0), (2390.0, 2390.0), (60.0, 2400.0)]
)
def test_a_film_tells_its_playing_time(shelves: Shelves, announced: float, expected: float) -> None:
    """The announced time stays if it is nearly right; otherwise the file's time counts."""
    item_id = shelves.available(FILM, seconds=announced, **VIDEO)
    assert shelves.item(item_id).seconds == expected
    assert shelves.published(ItemAvailable, item_id)[0].seconds == expected


def test_a_film_without_its_index_is_refused(shelves: Shelves) -> None:
    """Nobody can play an MP4 file without its box moov, whatever was announced."""
    begin, end = FILM.index(b"moov") - 4, FILM.index(b"mdat") - 4
    item_id = shelves.upload(FILM[:begin] + FILM[end:], seconds=2400.0, **VIDEO)
    shelves.verify()
    assert "it can't be opened as video/mp4" in _failure(shelves, item_id)
    assert published_counts(shelves, item_id) == (1, 0, 1)


def test_a_film_cut_short_is_refused(shelves: Shelves) -> None:
    """Its header tells of more than there is."""
    item_id = shelves.upload(FILM[: len(FILM) // 2], **VIDEO)
    shelves.verify()
    assert "its header tells 2400.0 s" in _failure(shelves, item_id)


def test_a_document_that_nobody_can_read_is_refused(shelves: Shelves) -> None:
    """It has the signature of a PDF, and nothing else of one."""
    item_id = shelves.upload(b"%PDF-1.7\n%%EOF\n")
    shelves.verify()
    assert "it can't be opened as application/pdf" in _failure(shelves, item_id)


def test_a_store_that_goes_away_from_a_probe_is_waited_for(shelves: Shelves) -> None:
    """The file's bytes and edges were read; the probe's ranges are the first that fail."""
    reads = list[int]()

    def read(key: str, offset: int, length: int) -> bytes:
        reads.append(offset)
        if len(reads) > EDGES:
            raise FilesAway("away")
        return shelves.files.read(key, offset, length)

    item_id = shelves.upload(PDF)
    assert shelves.verify(Through(shelves.files, read=read)) == 0
    assert len(reads) > EDGES
    assert shelves.item(item_id).state == VERIFYING
    shelves.system.forward(seconds=1)
    assert shelves.verify() == 1
    assert shelves.item(item_id).state == AVAILABLE


def test_wrong_bytes_are_refused(shelves: Shelves) -> None:
    """The same size with other content has another hash."""
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
    """Of any size: its bytes show its type, or that the type is unknown."""
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
    assert "has lost the file" in _failure(shelves, item_id)


def test_a_file_that_reads_back_otherwise_is_refused(shelves: Shelves) -> None:
    """An item is available only if a ranged read gives the same hash."""
    item_id = shelves.upload(PDF)
    shelves.verify(Through(shelves.files, read=lambda key, at, length: b"?" * length))
    assert "the bytes read back" in _failure(shelves, item_id)
    assert len(shelves.published(ItemUploaded, item_id)) == 1


@pytest.mark.parametrize("part", ["chunks", "read"])
def test_a_store_that_is_away_is_waited_for(shelves: Shelves, part: str) -> None:
    """Nothing is wrong with the file: it is verified when the store is back, and has not failed."""

    def away(*_: object) -> bytes:
        raise FilesAway("away")

    item_id = shelves.upload(PDF)
    assert shelves.verify(Through(shelves.files, **{part: away})) == 0
    assert shelves.item(item_id).state == VERIFYING
    assert shelves.verify() == 0  # there is no second attempt at once
    assert job_of(shelves, item_id)["attempts"] == 0
    shelves.system.forward(seconds=1)
    assert shelves.verify() == 1
    assert shelves.item(item_id).state == AVAILABLE


def test_an_item_that_can_t_be_looked_at_keeps_no_other(shelves: Shelves) -> None:
    """It waits, longer after each attempt, and publishes nothing; others are verified."""
    odd = shelves.upload(PDF)
    others = [shelves.upload(PDF) for _ in range(3)]

    def chunks(key: str) -> Any:
        if key == odd:
            raise RuntimeError("odd")
        return shelves.files.chunks(key)

    files: Any = Through(shelves.files, chunks=chunks)
    assert shelves.verify(files) == 3
    assert {shelves.item(item_id).state for item_id in others} == {AVAILABLE}
    for failures in range(1, 10):
        assert shelves.item(odd).state == VERIFYING
        job = job_of(shelves, odd)
        assert job["attempts"] == failures
        waits = job["due"] - shelves.system.now()
        longest = timedelta(seconds=min(2 ** (failures - 1), 60))
        assert longest / 2 - MILLISECOND < waits <= longest
        shelves.system.at = job["due"]
        assert shelves.verify(files) == 0
    shelves.system.forward(minutes=1)
    assert shelves.verify() == 1
    assert shelves.item(odd).state == AVAILABLE


def test_rubbish_that_the_store_refuses_keeps_no_other(shelves: Shelves) -> None:
    """Other files are deleted, and this one is tried again; an unavailable store is reported."""
    odd, other = shelves.upload(b"no pdf"), shelves.upload(b"no pdf")
    shelves.verify()

    def remove(key: str) -> None:
        if key == odd:
            raise RuntimeError("odd")
        shelves.files.remove(key)

    cleaning.sweep(shelves.database, Through(shelves.files, remove=remove))
    assert [deletion.id for deletion in shelves.database.reader().pending_deletions()] == [odd]
    assert not shelves.files.exists(other)

    def away(_: str) -> None:
        raise FilesAway("away")

    with pytest.raises(FilesAway):
        cleaning.sweep(shelves.database, Through(shelves.files, remove=away))


def test_a_store_that_nobody_answers_at_is_away(shelves: Shelves, stack: dict[str, str]) -> None:
    """A refused connection is not an error of the file, and fails no upload."""
    settings = load(Settings, {**stack, "TANDEM_S3_ENDPOINT": "http://127.0.0.1:1"}, "worker")
    item_id = shelves.upload(PDF)
    assert shelves.verify(S3Files(settings)) == 0
    assert shelves.item(item_id).state == VERIFYING


@only_deep
def test_verifiers_that_race_judge_each_item_once(shelves: Shelves) -> None:
    """Workers side by side share the work; each item has one set of events."""
    good, bad = [shelves.upload(PDF) for _ in range(6)], [shelves.upload(b"no pdf")]
    judged = race(lambda _: shelves.verify(), range(4))
    assert sum(judged) == len(good) + len(bad)
    for item_id in good:
        assert shelves.item(item_id).state == AVAILABLE
        assert published_counts(shelves, item_id) == (1, 1, 0)
    for item_id in bad:
        assert shelves.item(item_id).state == FAILED
        assert published_counts(shelves, item_id) == (0, 0, 1)


def test_verifiers_of_one_item_judge_it_once(shelves: Shelves) -> None:
    """Even if the claim ended during the verification, there is one set of events."""
    item_id = shelves.upload(PDF)

    def slowly(key: str) -> Any:
        over = {"$set": {"job.due": shelves.system.now()}}
        shelves.database.mongo["items"].update_one({"_id": key}, over)
        yield from shelves.files.chunks(key)

    files: Any = Through(shelves.files, chunks=slowly)
    race(lambda _: shelves.verify(files), range(4))
    assert shelves.item(item_id).state == AVAILABLE
    assert published_counts(shelves, item_id) == (1, 1, 0)


def test_a_dead_worker_keeps_no_item(shelves: Shelves) -> None:
    """Its claim ends, and another verifies; before that nobody does."""
    item_id = shelves.upload(PDF)
    jobs = verification(shelves.files)
    dead = Queue(shelves.database, jobs, shelves.system).claim(tuple(jobs.lanes))
    assert dead is not None
    assert dead.ids == (item_id,)
    assert shelves.verify() == 0
    shelves.system.at += jobs.lease
    assert shelves.verify() == 1


def test_a_lane_for_small_files_leaves_large_ones_alone(
    shelves: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So documents don't wait for a film."""
    monkeypatch.setattr(store, "LARGEST_SMALL", 1000)
    large, small = shelves.upload(FILM, **VIDEO), shelves.upload(PDF)
    assert shelves.verify(lanes=[SMALL]) == 1
    assert shelves.item(large).state == VERIFYING
    assert shelves.item(small).state == AVAILABLE


def test_a_film_is_given_back_by_who_is_to_end(
    shelves: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not keep a process from its end: another looks at it at once, and nothing failed."""
    monkeypatch.setattr(store, "LARGEST_SMALL", 1000)
    item_id = shelves.upload(FILM, **VIDEO)

    def chunks(key: str) -> Any:
        runner.stop()
        yield from shelves.files.chunks(key)

    files: Any = Through(shelves.files, chunks=chunks)
    runner = Runner(shelves.database, verification(files), shelves.system)
    assert runner.run_due() == 0
    assert job_of(shelves, item_id)["attempts"] == 0
    assert shelves.verify() == 1
    assert shelves.item(item_id).state == AVAILABLE


def test_what_the_version_before_handed_over_is_verified(shelves: Shelves) -> None:
    """An item that waits without a job gets one, in the lane of its size."""
    item_id = shelves.upload(PDF)
    shelves.database.mongo["items"].update_one(
        {"_id": item_id}, {"$unset": {"job": "", "changed_at": ""}}
    )
    assert shelves.verify() == 0
    for _ in range(2):
        migrations.adopt(shelves.database.mongo)
    (stored,) = shelves.database.mongo["items"].find({"_id": item_id})
    assert datetime.now(UTC) - stored["changed_at"] < timedelta(hours=1)
    assert job_of(shelves, item_id)["lane"] == SMALL
    assert shelves.verify() == 1
    assert shelves.item(item_id).state == AVAILABLE


def test_captions_that_a_player_would_not_show_fail_alone(shelves: Shelves) -> None:
    """The reason names the line; captions and data beside them become AVAILABLE."""
    captions = {"kind": types_pb2.ITEM_KIND_CAPTIONS, "media_type": "text/vtt"}
    data = {"kind": types_pb2.ITEM_KIND_DATASET, "media_type": "text/csv"}
    good = b"WEBVTT\n\n00:01.000 --> 00:04.000\nWhat is motion?\n"
    cut, whole = shelves.upload(good[:-25], **captions), shelves.upload(good, **captions)
    table = shelves.upload(b"learner,mark\nada,1\n", **data)
    shelves.verify()
    assert _failure(shelves, cut) == "line 3 has no timings, such as 00:01.000 --> 00:04.000"
    assert shelves.item(whole).state == shelves.item(table).state == AVAILABLE
