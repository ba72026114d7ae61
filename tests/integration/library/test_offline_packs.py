"""Offline packs: asked for by who belongs to a run, made once, served while all may be read."""

import hashlib
import io
import zipfile
from datetime import timedelta
from functools import partial
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.library.v1 import library_pb2, resources_pb2
from tandem.sessions.v1 import events_pb2 as sessions

from chassis.jobs.runner import Runner
from services.library import cleaning, packing
from services.library.domain.packs import FRAME
from services.library.store import LibraryStore
from tests.deep import only_deep
from tests.integration.library.archive import item_of
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
from tests.integration.library.test_processing import FILM, LECTURE
from tests.unit.library import examples

LEARNER = "ada"
WAITING = resources_pb2.OFFLINE_PACK_STATE_WAITING
READY = resources_pb2.OFFLINE_PACK_STATE_READY
UNMADE = resources_pb2.OFFLINE_PACK_STATE_FAILED
DENIED, UNMET = grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.FAILED_PRECONDITION


def build(shelves: Shelves, reader: str = LEARNER, **wish: Any) -> resources_pb2.OfflinePack:
    """The pack that a reader asks for."""
    request = library_pb2.BuildOfflinePackRequest(run_id=RUN, reader_id=reader, **wish)
    stub = shelves.learner(reader) if reader else shelves.staff
    return stub.BuildOfflinePack(request)


def get(shelves: Shelves, pack_id: str, reader: str = LEARNER) -> resources_pb2.OfflinePack:
    """A pack as a reader sees it."""
    request = library_pb2.GetOfflinePackRequest(pack_id=pack_id, reader_id=reader)
    stub = shelves.learner(reader) if reader else shelves.staff
    return stub.GetOfflinePack(request)


def loaded(shelves: Shelves, pack: resources_pb2.OfflinePack) -> zipfile.ZipFile:
    """The ZIP of a pack, by its URL."""
    answer = shelves.http.request("GET", pack.url)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/zip")
    assert len(answer.data) == pack.size
    return zipfile.ZipFile(io.BytesIO(answer.data))


def packed(pack: resources_pb2.OfflinePack) -> list[tuple[str, str]]:
    """The items of a pack with their renditions."""
    return [(each.item_id, each.rendition) for each in pack.items]


def row_of(shelves: Shelves, pack_id: str) -> dict[str, Any]:
    """A pack as MongoDB has it."""
    (row,) = shelves.database.mongo["packs"].find({"_id": pack_id})
    return row


def retire(shelves: Shelves, item_id: str) -> None:
    """Take an item out of use."""
    shelves.staff.RetireItem(library_pb2.RetireItemRequest(item_id=item_id, reason="old"))


def by_weeks(*rows: tuple[str, int]) -> catalog.PathPublished:
    """A path with items that are due in weeks."""
    told = path(*(item_id for item_id, _ in rows))
    for activity, (_, week) in zip(told.activities[1:], rows, strict=True):
        if week:
            activity.deadline.civil.week_day.week = week
    return told


def test_a_pack_has_what_the_learners_of_a_run_read(shelves: Shelves) -> None:
    """In the path's order, then the sessions' and the run's own; each file as it was verified."""
    first, second, third, fourth = (
        shelves.available(examples.pdf(pages), **more)
        for pages, more in [(4, {}), (3, {}), (2, {}), (1, {"run_ids": [RUN]})]
    )
    shelves.available(PDF)  # of no run
    recording = sessions.RecordingAttached(session_id="s", run_id=RUN, item_id=third)
    shelves.hear(enrolled(LEARNER), path(second, first), recording)
    asked = build(shelves)
    assert (asked.state, asked.url, asked.size) == (WAITING, "", 0)
    assert packed(asked) == [(each, "original") for each in (second, first, third, fourth)]
    assert not asked.left_out
    assert shelves.pack() == 1
    ready = get(shelves, asked.id)
    assert ready.state == READY
    archive = loaded(shelves, ready)
    assert archive.namelist()[0] == "index.html"
    for name, item_id in zip(archive.namelist()[1:], [second, first, third, fourth], strict=True):
        digest = hashlib.sha256(archive.read(name)).hexdigest()
        assert digest == shelves.item(item_id).renditions[0].sha256
    assert build(shelves).state == READY
    assert shelves.pack() == 0


def test_a_week_has_what_is_due_in_it(shelves: Shelves) -> None:
    """A week without items is refused."""
    first, second, third = (shelves.available(examples.pdf(pages)) for pages in (1, 2, 3))
    shelves.hear(enrolled(LEARNER), by_weeks((first, 1), (second, 2), (third, 0)))
    assert packed(build(shelves, week=2)) == [(second, "original")]
    assert len(build(shelves).items) == 3
    code, why = refused(lambda: build(shelves, week=3))
    assert code is UNMET
    assert why == f"no item of week 3 of run '{RUN}' can be read by all its learners now"


def test_a_week_has_what_its_sessions_gave(shelves: Shelves) -> None:
    """Materials, a recording, what replaces a cancelled class: in the week of the activity that the
    session holds, in the order of their ids, in any order of events. An extra class is in no week.
    """
    names = ("book", "film", "slides", "instead", "extra")
    first, film, slides, instead, extra = names
    for each in map(item_of, names):
        shelves.database.transact(partial(LibraryStore.put_item, item=each))
    told = by_weeks((first, 1))
    lecture = told.activities[0]
    lecture.release.civil.week_day.week = 1
    held: dict[str, Any] = {"run_id": RUN, "activity_id": lecture.id}
    shelves.hear(
        sessions.RecordingAttached(session_id="s", item_id=film, **held),
        enrolled(LEARNER),
        sessions.SessionScheduled(session_id="s", material_item_ids=[slides], **held),
        sessions.SessionCancelled(session_id="t", substitute_item_id=instead, **held),
        sessions.RecordingAttached(session_id="u", run_id=RUN, item_id=extra),
        told,
    )
    in_week = [item_id for item_id, _ in packed(build(shelves, week=1))]
    assert in_week == [film, slides, instead, first]
    assert [item_id for item_id, _ in packed(build(shelves))] == [*in_week, extra]
    lecture.release.civil.week_day.week = 2
    shelves.hear(told)
    assert [item_id for item_id, _ in packed(build(shelves, week=2))] == [film, slides, instead]


@only_deep
def test_a_film_is_packed_as_the_budget_allows(shelves: Shelves) -> None:
    """The whole ZIP keeps the budget; what has no room is told, and the least that is enough."""
    film = shelves.available(LECTURE, **FILM)
    pdf = shelves.available()
    shelves.process()
    shelves.hear(enrolled(LEARNER), path(film, pdf))
    sizes = {each.name: each.size for each in shelves.item(film).renditions}
    best = build(shelves)
    assert packed(best) == [(film, "original"), (pdf, "original")]
    smallest = min(size for name, size in sizes.items() if name != "poster")
    small = build(shelves, most_bytes=FRAME + 4 * 1024 + smallest)
    assert small.items[0].size == smallest
    assert list(small.left_out) == [pdf]
    assert small.id != best.id
    assert shelves.pack() == 2
    assert get(shelves, small.id).size <= FRAME + 4 * 1024 + smallest
    code, why = refused(lambda: build(shelves, most_bytes=1000))
    assert code is UNMET
    assert "fits 1000 bytes; the smallest needs" in why


def test_who_does_not_belong_to_the_run_gets_no_pack(shelves: Shelves) -> None:
    """Also nobody learns whether there is one; a learner who withdrew gets it no more."""
    shelves.hear(enrolled(LEARNER), path(shelves.available()))
    pack = build(shelves)
    shelves.pack()
    for call in (
        lambda: build(shelves, "eve"),
        lambda: get(shelves, pack.id, "eve"),
        lambda: get(shelves, "0" * 64, "eve"),
        lambda: shelves.learner("eve").GetOfflinePack(
            library_pb2.GetOfflinePackRequest(pack_id=pack.id, reader_id=LEARNER)
        ),
    ):
        assert refused(call)[0] is DENIED
    assert get(shelves, pack.id, "").state == READY
    assert refused(lambda: get(shelves, "0" * 64, ""))[0] is grpc.StatusCode.NOT_FOUND
    gone = catalog.EnrolmentWithdrawn(enrolment_id="e-ada", run_id=RUN, learner_id=LEARNER)
    shelves.hear(gone)
    assert refused(lambda: get(shelves, pack.id))[0] is DENIED


def test_the_staff_of_a_run_gets_what_its_learners_get(shelves: Shelves) -> None:
    """Also what only the staff may read during an embargo stays out of the pack."""
    facts = catalog.RunFacts(run_id=RUN, instructor_ids=["grace"])
    later = Timestamp()
    later.FromDatetime(shelves.clock.at + timedelta(days=1))
    closed = shelves.available(examples.pdf(2), not_before=later)
    shelves.hear(catalog.RunStaffChanged(run_id=RUN, run=facts), path(closed, shelves.available()))
    assert shelves.may_read("grace", closed)
    assert closed not in [item_id for item_id, _ in packed(build(shelves, "grace"))]


@pytest.mark.parametrize("how", ["retired", "not named", "embargo"])
def test_a_pack_is_not_served_when_learners_may_not_read_all_of_it(
    shelves: Shelves, how: str
) -> None:
    """A new one has what is left."""
    gone, stays = shelves.available(), shelves.available(examples.pdf(2))
    shelves.hear(enrolled(LEARNER), path(gone, stays))
    pack = build(shelves)
    shelves.pack()
    if how == "retired":
        retire(shelves, gone)
    elif how == "not named":
        shelves.hear(path(stays))
    else:
        later = Timestamp()
        later.FromDatetime(shelves.clock.at + timedelta(days=1))
        shelves.staff.UpdateItem(
            library_pb2.UpdateItemRequest(
                item_id=gone,
                metadata=shelves.item(gone).metadata,
                embargo=library_pb2.Embargo(not_before=later),
            )
        )
    code, why = refused(lambda: get(shelves, pack.id))
    assert code is UNMET
    assert gone in why
    assert stays not in why
    again = build(shelves)
    assert packed(again) == [(stays, "original")]
    shelves.pack()
    assert get(shelves, again.id).state == READY


def test_a_new_version_takes_the_place_of_the_old_one(shelves: Shelves) -> None:
    """A path need not change for it."""
    old = shelves.available()
    shelves.hear(enrolled(LEARNER), path(old))
    new = shelves.available(examples.pdf(2), replaces_item_id=old)
    pack = build(shelves)
    assert packed(pack) == [(new, "original")]
    shelves.pack()
    assert get(shelves, pack.id).state == READY


def test_a_new_version_for_others_is_not_packed(shelves: Shelves) -> None:
    """The old one, which is for the run's learners, stays in the pack."""
    old = shelves.available(run_ids=[RUN])
    shelves.hear(enrolled(LEARNER))
    new = shelves.available(examples.pdf(2), replaces_item_id=old)
    assert not shelves.may_read(LEARNER, new)
    pack = build(shelves)
    assert packed(pack) == [(old, "original")]
    shelves.pack()
    assert get(shelves, pack.id).state == READY


def test_an_item_that_is_retired_before_the_pack_is_made_fails_it(shelves: Shelves) -> None:
    """The pack tells why, and its job is done."""
    item_id = shelves.available()
    shelves.hear(enrolled(LEARNER), path(item_id))
    pack = build(shelves)
    retire(shelves, item_id)
    assert shelves.pack() == 1
    row = row_of(shelves, pack.id)
    assert row["state"] == "FAILED"
    assert row["failure"] == f"item '{item_id}' can't be read by learners any more"
    assert "job" not in row


def test_learners_who_ask_at_once_share_one_pack(shelves: Shelves) -> None:
    """Three workers make it once, and one file is stored."""
    shelves.hear(*(enrolled(f"l{number}") for number in range(12)), path(shelves.available()))
    packs = race(lambda number: build(shelves, f"l{number}"), range(12))
    assert len({pack.id for pack in packs}) == 1
    assert shelves.database.mongo["packs"].count_documents({}) == 1
    runners = [
        Runner(shelves.database, packing.packing(shelves.files), shelves.system) for _ in range(3)
    ]
    assert sum(race(lambda runner: runner.run_due(), runners)) == 1
    urls = {get(shelves, packs[0].id, f"l{number}").url.partition("?")[0] for number in range(12)}
    assert len(urls) == 1
    assert shelves.database.mongo["rubbish"].count_documents({}) == 0


def test_a_kill_between_the_store_and_the_database_leaves_nothing(shelves: Shelves) -> None:
    """Another worker makes the pack anew, and the file that nobody attached is deleted."""
    shelves.hear(enrolled(LEARNER), path(shelves.available()))
    pack = build(shelves)
    stored: list[str] = []

    def put(key: str, *rest: Any) -> None:
        shelves.files.put(key, *rest)
        stored.append(key)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shelves.pack(Through(shelves.files, put=put))
    assert get(shelves, pack.id).state == WAITING
    shelves.system.at += timedelta(minutes=5)
    assert shelves.pack() == 1
    assert loaded(shelves, get(shelves, pack.id)).testzip() is None
    shelves.clock.at += timedelta(days=2)
    cleaning.sweep(shelves.database, shelves.files)
    assert not shelves.files.exists(stored[0])
    row = row_of(shelves, pack.id)
    assert shelves.files.exists(row["key"])


def test_a_worker_that_lost_its_claim_leaves_the_pack_of_the_other(shelves: Shelves) -> None:
    """Its file is deleted."""
    shelves.hear(enrolled(LEARNER), path(shelves.available()))
    pack = build(shelves)

    def put(key: str, *rest: Any) -> None:
        shelves.files.put(key, *rest)
        shelves.system.at += timedelta(minutes=5)
        assert shelves.pack() == 1

    shelves.pack(Through(shelves.files, put=put))
    row = row_of(shelves, pack.id)
    (late,) = shelves.database.mongo["rubbish"].find()
    assert late["_id"] != row["key"]
    assert loaded(shelves, get(shelves, pack.id)).testzip() is None


def test_other_bytes_in_the_store_make_no_pack(shelves: Shelves) -> None:
    """The pack waits, and is made when the store gives what was verified."""
    shelves.hear(enrolled(LEARNER), path(shelves.available()))
    pack = build(shelves)
    other: Any = Through(shelves.files, chunks=lambda _: iter([b"x" * len(PDF)]))
    assert shelves.pack(other) == 0
    assert get(shelves, pack.id).state == WAITING
    shelves.system.at += timedelta(minutes=5)
    assert shelves.pack() == 1
    assert get(shelves, pack.id).state == READY


def test_a_pack_for_which_nobody_asks_is_deleted(shelves: Shelves) -> None:
    """After 30 days; who asks meanwhile keeps it."""
    shelves.hear(enrolled(LEARNER), path(shelves.available()))
    pack = build(shelves)
    shelves.pack()
    key = row_of(shelves, pack.id)["key"]
    shelves.clock.at += timedelta(days=20)
    assert get(shelves, pack.id).state == READY
    shelves.clock.at += timedelta(days=20)
    cleaning.expire_packs(shelves.database)
    assert get(shelves, pack.id).state == READY
    shelves.clock.at += timedelta(days=31)
    cleaning.expire_packs(shelves.database)
    assert refused(lambda: get(shelves, pack.id))[0] is DENIED
    shelves.clock.at += timedelta(days=8)
    cleaning.sweep(shelves.database, shelves.files)
    assert not shelves.files.exists(key)
    assert build(shelves).state == WAITING


def test_a_request_that_is_repeated_gets_the_first_answer(shelves: Shelves) -> None:
    """By its request id."""
    shelves.hear(enrolled(LEARNER), path(shelves.available()))
    first = build(shelves, request_id="r1")
    shelves.pack()
    assert build(shelves, request_id="r1") == first
    assert build(shelves, request_id="r2").state == READY
