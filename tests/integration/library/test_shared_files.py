"""The same bytes are stored once, and each item keeps rights of its own."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import grpc
import pytest
from tandem.library.v1 import library_pb2

from campus.demo import media
from services.library import cleaning
from services.library.migrations import MIGRATIONS
from services.library.store import COPIES_KEPT
from tests.deep import only_deep
from tests.integration.library.shelves import (
    AVAILABLE,
    FAILED,
    PDF,
    Shelves,
    Through,
    enrolled,
    race,
    refused,
)

OTHER = media.document("Rest")
SHARING = next(step for step in MIGRATIONS if step.number == 9)


class Killed(BaseException):
    """The process ends here."""


def _clean(shelves: Shelves, files: Any = None, after: timedelta = COPIES_KEPT) -> None:
    """Do what the timers do, some time after the last verification."""
    now = datetime.now(UTC)
    cleaning.release_copies(shelves.database, now + after)
    cleaning.sweep(shelves.database, files or shelves.files)


def _verify_and_clean(shelves: Shelves, files: Any = None) -> None:
    """Do what a worker does, until nothing is left to do."""
    shelves.verify(files)
    _clean(shelves, files)


def _stored(shelves: Shelves, *item_ids: str) -> list[str]:
    """Those items whose own file the S3 store has."""
    return [each for each in item_ids if shelves.files.exists(each)]


def _read(shelves: Shelves, item_id: str, reader: str = "") -> bytes:
    """What a reader gets by an item's URL."""
    answer = shelves.http.request("GET", shelves.read_url(item_id, reader).url)
    assert answer.status == 200
    return bytes(answer.data)


def _leftovers(shelves: Shelves) -> int:
    """How many deletions wait."""
    return sum(shelves.database.mongo[name].count_documents({}) for name in ("rubbish", "copies"))


def test_the_same_bytes_are_stored_once(shelves: Shelves) -> None:
    """Both items are read, each by its own learners only; the store has one file, and another file
    of its own for other bytes.
    """
    first = shelves.available(run_ids=["r1"])
    second, other = shelves.available(run_ids=["r2"]), shelves.available(OTHER)
    _clean(shelves)
    assert _stored(shelves, first, second, other) == [first, other]
    shelves.hear(enrolled("ann", "r1"), enrolled("bob", "r2"))
    assert _read(shelves, first, "ann") == _read(shelves, second, "bob") == PDF
    assert not shelves.may_read("ann", second)
    assert not shelves.may_read("bob", first)
    assert _leftovers(shelves) == 0


def test_a_copy_stays_as_long_as_somebody_may_read_it(shelves: Shelves) -> None:
    """An api of the older version reads each item from a file of its own, with URLs for a week."""
    first, second = shelves.available(), shelves.available()
    _clean(shelves, after=COPIES_KEPT - timedelta(hours=1))
    assert _stored(shelves, first, second) == [first, second]
    assert timedelta(days=7) < COPIES_KEPT


def test_workers_that_verify_the_same_bytes_at_once_keep_one_file(shelves: Shelves) -> None:
    """Whichever is first: all items are read from it, and no other stays."""
    items = [shelves.upload(PDF) for _ in range(6)]
    race(lambda _: shelves.verify(), range(3))
    assert {shelves.item(each).state for each in items} == {AVAILABLE}
    _clean(shelves)
    assert len(_stored(shelves, *items)) == 1
    assert {_read(shelves, each) for each in items} == {PDF}


def test_a_hash_alone_gives_nobody_a_file(shelves: Shelves) -> None:
    """Who announces the hash of a file, and uploads other bytes, gets nothing; the file stays."""
    victim = shelves.available()
    thief = shelves.start(PDF)
    shelves.put_all(thief, bytes(len(PDF)))
    shelves.complete(thief)
    shelves.verify()
    _clean(shelves)
    assert shelves.item(thief.item_id).state == FAILED
    code, _ = refused(lambda: shelves.read_url(thief.item_id))
    assert code is grpc.StatusCode.FAILED_PRECONDITION
    assert _stored(shelves, victim, thief.item_id) == [victim]
    assert _read(shelves, victim) == PDF


def _retire(shelves: Shelves, item_id: str) -> None:
    shelves.staff.RetireItem(library_pb2.RetireItemRequest(item_id=item_id, reason="old"))


def test_a_file_stays_for_the_items_that_need_it(shelves: Shelves) -> None:
    """The item with which it came is retired, before or after the other was verified; when the last
    one is retired, the file goes.
    """
    first, second = shelves.available(), shelves.available()
    _retire(shelves, first)
    third = shelves.available()
    shelves.clock.forward(days=60)
    _clean(shelves)
    assert _stored(shelves, first, second, third) == [first]
    assert _read(shelves, second) == _read(shelves, third) == PDF
    _retire(shelves, second)
    _retire(shelves, third)
    _clean(shelves)
    assert _stored(shelves, first, second, third) == [first]  # an operator can still save it
    shelves.clock.forward(days=60)
    _clean(shelves)
    assert _stored(shelves, first, second, third) == []
    assert _leftovers(shelves) == 0


def test_who_comes_after_the_last_one_was_retired_has_a_file_of_its_own(shelves: Shelves) -> None:
    """The old file goes at its time, and the new one stays."""
    first = shelves.available()
    _retire(shelves, first)
    second = shelves.available()
    shelves.clock.forward(days=60)
    _clean(shelves)
    assert _stored(shelves, first, second) == [second]
    assert _read(shelves, second) == PDF


@only_deep
def test_no_file_goes_that_an_item_comes_to_share_at_that_moment(shelves: Shelves) -> None:
    """The last item is retired while another one with the same bytes is verified."""
    for _ in range(6):
        last, new = shelves.available(), shelves.upload(PDF)
        acts: list[Callable[[], object]] = [shelves.verify, partial(_retire, shelves, last)]
        race(lambda act: act(), acts)
        assert shelves.item(new).state == AVAILABLE
        shelves.clock.forward(days=60)
        _clean(shelves)
        assert _read(shelves, new) == PDF
        _retire(shelves, new)


@pytest.mark.parametrize("damage", ["lost", "changed"])
def test_an_upload_heals_a_file_that_the_store_lost(shelves: Shelves, damage: str) -> None:
    """The same bytes, uploaded again, take its place for all items that share it."""
    first = shelves.available()
    shelves.files.remove(first)
    if damage == "changed":
        broken = shelves.files.start(first, "application/pdf")
        shelves.http.request("PUT", shelves.files.part_url(first, broken, 1), body=PDF[:-1] + b"!")
        shelves.files.complete(first, broken, {1: shelves.files.stored(first, broken)[1][1]})
    second, third = shelves.available(), shelves.available()
    _clean(shelves)
    assert _stored(shelves, first, second, third) == [second]
    assert [_read(shelves, each) for each in (first, second, third)] == [PDF] * 3


@pytest.mark.parametrize("when", ["before the result", "before the deletion", "after the deletion"])
def test_a_kill_at_any_step_loses_and_leaves_nothing(shelves: Shelves, when: str) -> None:
    """Whoever comes next finishes what the killed process had begun."""
    first = shelves.available()
    second = shelves.upload(PDF)

    def kill(key: str, *_: Any) -> Any:
        if when == "after the deletion":
            shelves.files.remove(key)
        raise Killed

    killer = Through(shelves.files, **{"read" if when == "before the result" else "remove": kill})
    with pytest.raises(Killed):
        _verify_and_clean(shelves, killer)
    shelves.system.forward(minutes=5)  # the claim of the killed process has ended
    _verify_and_clean(shelves)
    assert _stored(shelves, first, second) == [first]
    assert _read(shelves, first) == _read(shelves, second) == PDF
    assert _leftovers(shelves) == 0


def test_items_of_the_older_version_are_read_and_shared(shelves: Shelves) -> None:
    """The migration deletes nothing, and a repeat changes nothing; new items share the old file."""
    old = [shelves.available() for _ in range(2)]
    for name in ("files", "copies"):  # the older version has neither
        shelves.database.mongo[name].delete_many({})
    assert [_read(shelves, each) for each in old] == [PDF, PDF]
    for _ in range(2):
        SHARING.run(shelves.database.mongo)
    new = shelves.available()
    _clean(shelves)
    assert _stored(shelves, *old, new) == old
    assert _read(shelves, new) == PDF
