"""Renditions: made by workers, kept in the S3 store, told by events, deleted with their item."""

import hashlib
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from tandem.library.v1 import events_pb2, library_pb2, resources_pb2
from tandem.types.v1 import types_pb2

from chassis.jobs.runner import Runner
from services.library import cleaning, migrations
from services.library import processing as jobs
from services.library.domain.enums import RenditionState
from services.library.domain.items import Rendition
from services.library.domain.renditions import NotMade
from services.library.making import Maker
from services.library.migrations import DOCUMENTS, EARLIER, FILMS
from services.library.ports import FilesAway, NoSuchUpload
from services.library.usecases import processing as use
from tests.deep import only_deep
from tests.integration.library.shelves import (
    PDF,
    RUN,
    Shelves,
    Through,
    enrolled,
    path,
    race,
    refused,
)
from tests.unit.library import examples

LECTURE = examples.lecture(seconds=7, width=320, height=260)
FILM = {"kind": types_pb2.ITEM_KIND_RECORDING, "media_type": "video/mp4", "seconds": 7.0}
MADE, ABSENT = resources_pb2.RENDITION_STATE_MADE, resources_pb2.RENDITION_STATE_ABSENT
FAULT = resources_pb2.RENDITION_STATE_FAILED


def steps(shelves: Shelves, item_id: str) -> dict[str, Any]:
    """The state of each rendition of an item."""
    return {step.name: step.state for step in shelves.processing(item_id).steps}


def got(shelves: Shelves, item_id: str, name: str) -> tuple[bytes, Any]:
    """The bytes of a rendition as its URL gives them, and the answer."""
    told = shelves.read_url(item_id, rendition=name)
    answer = shelves.http.request("GET", told.url)
    assert answer.status == 200
    assert answer.headers["content-type"] == told.media_type
    return answer.data, answer


def test_a_film_gets_its_renditions(shelves: Shelves) -> None:
    """Each is read back, told by an event, and read by its URL; what a film lacks is told."""
    item_id = shelves.available(LECTURE, **FILM)
    waiting = shelves.processing(item_id)
    assert (waiting.state, waiting.share) == (resources_pb2.PROCESSING_STATE_WAITING, 0)
    assert shelves.process() == 1
    done = shelves.processing(item_id)
    assert (done.state, done.share) == (resources_pb2.PROCESSING_STATE_DONE, 1)
    assert done.HasField("ended_at")
    assert {step.name: step.state for step in done.steps} == {
        **dict.fromkeys(("poster", "audio", "240p", "480p"), MADE),
        "720p": ABSENT,
    }
    assert done.steps[-1].reason == "its pictures have 260 lines"
    item = shelves.item(item_id)
    assert [each.name for each in item.renditions] == [
        *("original", "poster", "audio", "240p", "480p")
    ]
    for each in item.renditions:
        content, _ = got(shelves, item_id, each.name)
        assert (len(content), hashlib.sha256(content).hexdigest()) == (each.size, each.sha256)
    told = shelves.published(events_pb2.RenditionAvailable, item_id)
    assert [(each.rendition, each.size) for each in told] == [
        (each.name, each.size) for each in item.renditions[1:]
    ]
    assert shelves.process() == 0


def test_a_document_gets_its_text_cover_and_pages(shelves: Shelves) -> None:
    """A PDF; captions have their text only, and of a dataset nothing is made."""
    pdf = shelves.available()
    captions = shelves.available(
        examples.VTT, kind=types_pb2.ITEM_KIND_CAPTIONS, media_type="text/vtt"
    )
    data = shelves.available(examples.CSV, kind=types_pb2.ITEM_KIND_DATASET, media_type="text/csv")
    assert shelves.process() == 2
    assert got(shelves, pdf, "text")[0] == b"Motion"
    assert got(shelves, pdf, "cover")[0].startswith(b"\xff\xd8")
    assert shelves.item(pdf).pages == 1
    assert list(steps(shelves, captions)) == ["text"]
    assert shelves.processing(data).state == resources_pb2.PROCESSING_STATE_DONE
    assert len(shelves.item(data).renditions) == 1


def test_a_file_that_cant_be_processed_fails_alone(shelves: Shelves) -> None:
    """The rendition has its reason, the item stays AVAILABLE, others are made."""
    bad, good = shelves.available(PDF), shelves.available(examples.pdf(2))
    crafted = b"%PDF-1.4 crafted".ljust(len(PDF))

    def read(stored: str, at: int, length: int) -> bytes:
        return (
            crafted[at : at + length] if stored == bad else shelves.files.read(stored, at, length)
        )

    assert shelves.process(Through(shelves.files, read=read)) == 2
    assert steps(shelves, bad) == {"text": FAULT, "cover": FAULT}
    assert shelves.processing(bad).state == resources_pb2.PROCESSING_STATE_FAILED
    (first, second) = shelves.published(events_pb2.ProcessingFailed, bad)
    assert (first.rendition, second.rendition) == ("text", "cover")
    assert first.reason.startswith("it can't be made: ")
    assert shelves.read_url(bad).rendition == "original"
    assert steps(shelves, good) == {"text": ABSENT, "cover": MADE}


def test_a_lost_original_is_told(shelves: Shelves) -> None:
    """Not for ever tried again."""

    def read(*_: object) -> bytes:
        raise NoSuchUpload("gone")

    item_id = shelves.available()
    assert shelves.process(Through(shelves.files, read=read)) == 1
    assert {step.reason for step in shelves.processing(item_id).steps} == {jobs.LOST}


def test_while_the_store_is_away_nothing_fails(shelves: Shelves) -> None:
    """The steps that are done stay done, and the others are made later."""
    item_id, puts = shelves.available(), []

    def put(key: str, *rest: Any) -> None:
        puts.append(key)
        if len(puts) == 2:
            raise FilesAway("away")
        shelves.files.put(key, *rest)

    assert shelves.process(Through(shelves.files, put=put)) == 0
    assert shelves.processing(item_id).state == resources_pb2.PROCESSING_STATE_RUNNING
    assert [each.name for each in shelves.item(item_id).renditions] == ["original", "text"]
    shelves.system.at += timedelta(minutes=5)
    assert shelves.process() == 1
    assert len(puts) == 2
    assert [each.name for each in shelves.item(item_id).renditions] == ["original", "text", "cover"]


def test_a_rendition_that_does_not_read_back_is_not_promised(shelves: Shelves) -> None:
    """The job waits, and nothing is attached."""
    item_id = shelves.available()

    def read(key: str, at: int, length: int) -> bytes:
        piece = shelves.files.read(key, at, length)
        return bytes(len(piece)) if "/" in key else piece

    assert shelves.process(Through(shelves.files, read=read)) == 0
    assert len(shelves.item(item_id).renditions) == 1


def test_the_same_bytes_are_processed_once(
    shelves: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another item gets the renditions of the first, with the same files."""
    first = shelves.available()
    assert shelves.process() == 1
    second = shelves.available(run_ids=[RUN])
    monkeypatch.setattr(Maker, "making", None)
    assert shelves.process() == 1
    one, two = shelves.item(first), shelves.item(second)
    assert list(one.renditions) == list(two.renditions)
    assert (two.pages, steps(shelves, second)) == (1, steps(shelves, first))
    assert len(shelves.published(events_pb2.RenditionAvailable, second)) == 2


def test_files_are_deleted_with_the_last_item_that_needs_them(shelves: Shelves) -> None:
    """After the time that files of retired items are kept."""
    first, second = shelves.available(), shelves.available()
    assert shelves.process() == 2
    files = shelves.database.mongo["files"]
    keys = {row["key"] for row in files.find()}
    assert len(keys) == 3
    for item_id in (first, second):
        assert all(map(shelves.files.exists, keys))
        shelves.staff.RetireItem(library_pb2.RetireItemRequest(item_id=item_id, reason="old"))
        shelves.clock.at += timedelta(days=31)
        cleaning.sweep(shelves.database, shelves.files)
    assert not any(map(shelves.files.exists, keys))
    assert files.count_documents({}) == 0
    assert shelves.processing(first).state == resources_pb2.PROCESSING_STATE_DONE


def test_an_item_that_is_retired_meanwhile_is_left(shelves: Shelves) -> None:
    """What was made of it is deleted."""
    item_id = shelves.available()

    def put(key: str, *rest: Any) -> None:
        shelves.files.put(key, *rest)
        shelves.staff.RetireItem(library_pb2.RetireItemRequest(item_id=item_id, reason="old"))

    assert shelves.process(Through(shelves.files, put=put)) == 1
    assert shelves.database.mongo["processings"].count_documents({}) == 0
    (row,) = shelves.database.mongo["rubbish"].find({"_id": {"$regex": "/"}})
    shelves.clock.at += timedelta(days=2)
    cleaning.sweep(shelves.database, shelves.files)
    assert not shelves.files.exists(row["_id"])


def test_a_file_that_nobody_attached_is_deleted_and_not_attached_later(shelves: Shelves) -> None:
    """As after a kill between the S3 store and the database; the worker makes it anew."""
    item_id = shelves.available()

    def put(key: str, *rest: Any) -> None:
        shelves.files.put(key, *rest)
        shelves.clock.at += timedelta(days=2)
        cleaning.sweep(shelves.database, shelves.files)

    assert shelves.process(Through(shelves.files, put=put, read=shelves.files.read)) == 0
    assert len(shelves.item(item_id).renditions) == 1
    shelves.system.at += timedelta(minutes=5)
    assert shelves.process() == 1
    assert len(shelves.item(item_id).renditions) == 3


@only_deep
def test_workers_that_race_make_each_rendition_once(shelves: Shelves) -> None:
    """Every replica claims."""
    items = [shelves.available(examples.pdf(pages)) for pages in range(1, 5)]
    runners = [
        Runner(shelves.database, jobs.processing(shelves.files), shelves.system) for _ in range(3)
    ]
    assert sum(race(lambda runner: runner.run_due(), runners)) == len(items)
    for item_id in items:
        assert len(shelves.published(events_pb2.RenditionAvailable, item_id)) == 1
        assert [each.name for each in shelves.item(item_id).renditions] == ["original", "cover"]


def test_a_worker_that_lost_its_claim_changes_nothing(shelves: Shelves) -> None:
    """What it made too late is deleted, and what it gives up is made already."""
    item_id = shelves.available()
    assert shelves.process() == 1
    before = shelves.item(item_id)
    late = Rendition(name="text", media_type="text/plain", size=1, sha256="0" * 64)
    shelves.database.transact(lambda store: use.announce(store, item_id, late))
    shelves.database.transact(lambda store: use.attach(store, item_id, late, 0, ""))
    why = NotMade(reason="late", is_fault=True)
    shelves.database.transact(lambda store: use.give_up(store, item_id, "cover", why))
    assert shelves.item(item_id) == before
    assert shelves.database.mongo["rubbish"].count_documents({}) == 1


@only_deep
def test_a_film_is_given_back_when_the_process_is_to_end(shelves: Shelves) -> None:
    """Another worker goes on with the steps that are missing."""
    item_id = shelves.available(LECTURE, **FILM)
    stopped: Any = []

    def put(key: str, *rest: Any) -> None:
        shelves.files.put(key, *rest)
        stopped.append(key)
        runner.stop()

    files: Any = Through(shelves.files, put=put)
    runner = Runner(shelves.database, jobs.processing(files), shelves.system)
    assert runner.run_due() == 0
    (document,) = shelves.database.mongo["processings"].find()
    assert (document["job"]["claim"], document["job"]["attempts"]) == ("", 0)
    assert shelves.process() == 1
    assert len(shelves.item(item_id).renditions) == 5
    assert len(stopped) == 1


def test_progress_is_stored_with_an_estimate(
    shelves: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a step goes on, GetProcessing tells how far it is."""
    monkeypatch.setattr(jobs, "TELL_EVERY", 0.0)
    item_id = shelves.available(LECTURE, **FILM)
    seen = []

    def read(key: str, at: int, length: int) -> bytes:
        seen.append(shelves.processing(item_id))
        return shelves.files.read(key, at, length)

    assert shelves.process(Through(shelves.files, read=read)) == 1
    running = [each for each in seen if each.state == resources_pb2.PROCESSING_STATE_RUNNING]
    assert [each.share for each in seen] == sorted(each.share for each in seen)
    assert any(each.seconds_left > 0 for each in running)


def test_items_of_an_earlier_release_are_processed_after_newer_ones(shelves: Shelves) -> None:
    """They have a lane of their own, which films come before."""
    old = shelves.available()
    new = shelves.available(LECTURE, **FILM)
    mongo = shelves.database.mongo
    mongo["processings"].delete_one({"_id": old})
    mongo["items"].update_one({"_id": old}, {"$unset": {"changed_at": ""}})
    for _ in range(2):
        migrations.adopt(mongo)
    lanes = {row["_id"]: row["job"]["lane"] for row in mongo["processings"].find()}
    assert lanes == {old: EARLIER, new: FILMS}
    assert jobs.SLOTS[-1] == (FILMS, EARLIER)
    assert shelves.process(lanes=[EARLIER]) == 1
    assert set(steps(shelves, old).values()) == {MADE}
    assert shelves.process(lanes=[DOCUMENTS]) == 0


def test_a_reader_gets_the_best_that_fits(shelves: Shelves) -> None:
    """By bytes, by the line, by name; and a refusal tells what there is."""
    item_id = shelves.available(LECTURE, **FILM)
    shelves.process()
    sizes = {each.name: each for each in shelves.item(item_id).renditions}
    assert shelves.read_url(item_id).rendition == "original"
    small = min(sizes["240p"].size, sizes["480p"].size, sizes["original"].size)
    best = [name for name in ("240p", "480p", "original") if sizes[name].size == small]
    assert shelves.read_url(item_id, most_bytes=small).rendition in best
    slow = sizes["audio"].bits_per_second
    assert shelves.read_url(item_id, bits_per_second=slow).rendition in ("audio", "240p", "480p")
    _, why = refused(lambda: shelves.read_url(item_id, most_bytes=1))
    assert "audio" in why
    _, why = refused(lambda: shelves.read_url(item_id, rendition="1080p"))
    assert "has no rendition like this" in why


def test_only_who_sees_an_item_sees_its_processing(shelves: Shelves) -> None:
    """As GetItem does."""
    item_id = shelves.available()
    request = library_pb2.GetProcessingRequest(item_id=item_id)
    code, _ = refused(lambda: shelves.learner("ada").GetProcessing(request))
    assert code.name == "PERMISSION_DENIED"
    shelves.hear(enrolled("ada"), path(item_id))
    assert shelves.learner("ada").GetProcessing(request).item_id == item_id


def test_a_url_serves_ranges_and_caches(shelves: Shelves, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ranges, entity tags and freshness as RFC 9110 and RFC 9111 have them; one URL for all."""
    item_id, now = shelves.available(), time.time()
    # The next half of an hour has another URL, and may begin at any moment.
    monkeypatch.setattr("services.library.files.time", SimpleNamespace(time=lambda: now))
    told = shelves.read_url(item_id)
    assert told.url == shelves.read_url(item_id).url
    assert told.expires_at.ToDatetime(UTC) > datetime.now(UTC) + timedelta(minutes=25)
    whole = shelves.http.request("GET", told.url)
    tag = whole.headers["etag"]
    assert whole.headers["cache-control"] == "public, max-age=1800, immutable"
    assert shelves.http.request("GET", told.url, headers={"If-None-Match": tag}).status == 304
    part = shelves.http.request("GET", told.url, headers={"Range": "bytes=5-9", "If-Range": tag})
    assert (part.status, part.data) == (206, PDF[5:10])
    assert part.headers["content-range"] == f"bytes 5-9/{len(PDF)}"
    assert shelves.http.request("GET", told.url, headers={"Range": "bytes=999999-"}).status == 416


def test_states_have_the_contracts_names() -> None:
    """As in the proto, without the prefix."""
    names = resources_pb2.RenditionState.DESCRIPTOR.values_by_name
    states = [name.removeprefix("RENDITION_STATE_") for name in names]
    assert states[1:] == list(RenditionState)
