"""Who sees and reads which items; the table of all RPCs is in test_access.py."""

from datetime import datetime, timedelta
from itertools import product
from typing import Any

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.library.v1 import events_pb2, library_pb2, resources_pb2
from tandem.options.v1 import options_pb2

from services.library.domain.enums import Access, ItemKind, ItemState
from services.library.domain.items import Item, Metadata, Rendition
from tests.integration.library.shelves import PDF, RUN, Shelves, Stub, enrolled, path, refused

DENIED = grpc.StatusCode.PERMISSION_DENIED


def opened(run_id: str, *instructor_ids: str) -> catalog.RunOpened:
    """A run with its teachers."""
    return catalog.RunOpened(run_id=run_id, instructor_ids=instructor_ids)


def as_person(shelves: Shelves, person: str) -> Stub:
    """The API as somebody calls it who teaches at the university."""
    return Stub(shelves.channel_for(person, "instructor"))


def test_staff_see_the_items_of_their_runs(shelves: Shelves) -> None:
    """By run or by path, also while they are verified; nothing of other runs."""
    shelves.hear(opened(RUN, "lise"), opened("run-2", "bohr"))
    verifying = shelves.upload(PDF, run_ids=[RUN])
    named = shelves.upload(PDF)
    other = shelves.upload(PDF, run_ids=["run-2"])
    shelves.hear(path(named))

    def seen(person: str) -> list[str]:
        page = as_person(shelves, person).ListItems(library_pb2.ListItemsRequest())
        return [each.id for each in page.items]

    def got(person: str, item: str) -> str:
        request = library_pb2.GetItemRequest(item_id=item)
        return str(as_person(shelves, person).GetItem(request).id)

    assert seen("lise") == [named, verifying]
    assert seen("bohr") == [other]
    assert got("lise", verifying) == verifying
    assert refused(lambda: got("lise", other))[0] is DENIED


def test_staff_read_the_items_of_their_runs(shelves: Shelves) -> None:
    """With their own name; an instructor of another run is denied."""
    shelves.hear(opened(RUN, "lise"), opened("run-2", "bohr"))
    item_id = shelves.available(run_ids=[RUN])

    def url(person: str) -> str:
        request = library_pb2.GetReadUrlRequest(item_id=item_id, reader_id=person)
        return str(as_person(shelves, person).GetReadUrl(request).url)

    assert url("lise")
    assert refused(lambda: url("bohr"))[0] is DENIED


def test_who_uploads_goes_on_alone(shelves: Shelves) -> None:
    """An assistant's upload for a run: the run's teacher reads the item, and can't abort it."""
    shelves.hear(opened(RUN, "lise", "bohr"))
    lise, bohr = as_person(shelves, "lise"), as_person(shelves, "bohr")
    started = lise.StartUpload(shelves.request(PDF, run_ids=[RUN]))
    abort = library_pb2.AbortUploadRequest(upload_id=started.id)
    assert refused(lambda: bohr.AbortUpload(abort))[0] is DENIED
    shelves.put_all(started, PDF)
    item = lise.CompleteUpload(library_pb2.CompleteUploadRequest(upload_id=started.id))
    assert (item.uploaded_by, list(item.run_ids)) == ("lise", [RUN])
    assert bohr.GetItem(library_pb2.GetItemRequest(item_id=item.id)).id == item.id


def test_an_upload_needs_every_run_that_it_names(shelves: Shelves) -> None:
    """One of two runs is not enough; a run that is unknown here yet may become known."""
    shelves.hear(opened(RUN, "lise"), opened("run-2", "bohr"))
    lise = as_person(shelves, "lise")
    both = shelves.request(PDF, run_ids=[RUN, "run-2"])
    assert refused(lambda: lise.StartUpload(both))[0] is DENIED
    unknown = shelves.request(PDF, run_ids=[RUN, "run-3"])
    code, text = refused(lambda: lise.StartUpload(unknown))
    assert (code, "run-3" in text) == (grpc.StatusCode.UNAVAILABLE, True)
    shelves.hear(opened("run-3", "lise"))
    assert lise.StartUpload(unknown).id


def test_material_for_no_run_needs_a_run_of_ones_own(shelves: Shelves) -> None:
    """Staff of any run upload; somebody who is staff nowhere does not, whatever the role."""
    shelves.hear(opened(RUN, "lise"))
    assert as_person(shelves, "lise").StartUpload(shelves.request(PDF)).id
    eve = Stub(shelves.channel_for("eve", "instructor"))
    assert refused(lambda: eve.StartUpload(shelves.request(PDF)))[0] is DENIED


def test_who_corrects_an_item_gives_it_to_runs_of_their_own_only(shelves: Shelves) -> None:
    """Staff add runs in which they are ASSISTANT or more; a run is taken away by who may correct
    the item. Its learners read it from then on, or no longer.
    """
    tutor = catalog.RunOpened(run_id="run-3")
    member = tutor.staff.add(person_id="lise", role=options_pb2.STAFF_ROLE_TEACHER)
    member.group_ids.append("group-a")
    shelves.hear(opened(RUN, "lise"), opened("run-2", "bohr"), opened("run-4", "lise"), tutor)
    shelves.hear(enrolled("ada", "run-4"))
    item_id = shelves.available(run_ids=[RUN])
    metadata = resources_pb2.Metadata(title="Motion")

    def give(person: str, *run_ids: str) -> list[str]:
        request = library_pb2.UpdateItemRequest(
            item_id=item_id, metadata=metadata, runs=library_pb2.RunIds(run_ids=run_ids)
        )
        return list(as_person(shelves, person).UpdateItem(request).run_ids)

    assert not shelves.may_read("ada", item_id)
    for wrong in ("run-2", "run-3"):
        assert refused(lambda wrong=wrong: give("lise", RUN, wrong))[0] is DENIED  # type: ignore[misc]
    unknown = refused(lambda: give("lise", RUN, "unknown"))[0]
    assert unknown is grpc.StatusCode.UNAVAILABLE
    assert give("lise", RUN, "run-4") == [RUN, "run-4"]
    assert shelves.may_read("ada", item_id)
    unchanged = library_pb2.UpdateItemRequest(item_id=item_id, metadata=metadata)
    assert list(as_person(shelves, "lise").UpdateItem(unchanged).run_ids) == [RUN, "run-4"]
    assert give("lise", RUN) == [RUN]
    assert not shelves.may_read("ada", item_id)
    [first, second] = shelves.published(events_pb2.ItemUpdated, item_id)
    assert (list(first.run_ids), list(second.run_ids)) == ([RUN, "run-4"], [RUN])
    assert shelves.staff.UpdateItem(
        library_pb2.UpdateItemRequest(
            item_id=item_id, metadata=metadata, runs=library_pb2.RunIds(run_ids=["run-2"])
        )
    ).run_ids == ["run-2"]


def stamp(instant: datetime) -> Timestamp:
    """The instant as a message."""
    made = Timestamp()
    made.FromDatetime(instant)
    return made


POLICIES = {
    f"{access.lower()} {embargo} {of}": (access, embargo, of)
    for access, embargo, of in product(Access, ("free", "later"), ("run", "path", "nothing"))
}


def put_policies(shelves: Shelves, end: datetime) -> None:
    """Store an available item of each policy: for whom, until when closed, what names it."""
    for item_id, (access, embargo, of) in POLICIES.items():
        file = Rendition(name="original", media_type="application/pdf", size=1, sha256="")
        item = Item(
            id=item_id,
            kind=ItemKind.PDF,
            metadata=Metadata(title="Motion"),
            state=ItemState.AVAILABLE,
            run_ids=(RUN,) if of == "run" else (),
            renditions=(file,),
            uploaded_by="curie",
            created_at=shelves.clock.at,
            access=access,
            not_before=end if embargo == "later" else None,
            promised=file,
        )
        shelves.database.transact(lambda store, item=item: store.put_item(item))  # type: ignore[misc]
    shelves.hear(path(*(item_id for item_id, (_, _, of) in POLICIES.items() if of == "path")))


def readable_by(shelves: Shelves, person: str) -> set[str]:
    """The items that a person lists; each of them can be got and read, and no other."""
    stub = as_person(shelves, person)
    listed = {each.id for each in stub.ListItems(library_pb2.ListItemsRequest()).items}
    for item_id in POLICIES:
        get = library_pb2.GetItemRequest(item_id=item_id)
        url = library_pb2.GetReadUrlRequest(item_id=item_id, reader_id=person)
        if item_id in listed:
            assert stub.GetItem(get).id == item_id
            assert stub.GetReadUrl(url).url
        else:
            assert refused(lambda g=get: stub.GetItem(g))[0] is DENIED  # type: ignore[misc]
            assert refused(lambda u=url: stub.GetReadUrl(u))[0] is DENIED  # type: ignore[misc]
    return listed


def test_lists_items_and_urls_follow_one_rule(shelves: Shelves) -> None:
    """For items of all policies and for everybody, before and after the end of an embargo."""
    end = shelves.clock.at + timedelta(hours=1)
    shelves.hear(opened(RUN, "lise"), opened("run-2", "bohr"), enrolled("ada"))
    put_policies(shelves, end)
    free_to_all = {"all free run", "all free path", "all free nothing"}
    of_run = {"runs free run", "runs free path"}
    later = {each for each in POLICIES if "later" in each}
    assert readable_by(shelves, "ada") == free_to_all | of_run
    assert readable_by(shelves, "bohr") == readable_by(shelves, "eve") == free_to_all
    assert readable_by(shelves, "lise") == free_to_all | of_run | {
        each for each in later if "nothing" not in each
    }
    assert readable_by(shelves, "curie") == set(POLICIES)
    shelves.clock.at = end
    assert readable_by(shelves, "eve") == {each for each in POLICIES if each.startswith("all")}
    of_others = {"runs free nothing", "runs later nothing"}
    assert readable_by(shelves, "ada") == set(POLICIES) - of_others


def test_an_item_for_all_is_shown_when_it_is_available(shelves: Shelves) -> None:
    """Before, only to who looks after it."""
    item_id = shelves.upload(PDF, access=resources_pb2.ACCESS_ALL)
    get, page = library_pb2.GetItemRequest(item_id=item_id), library_pb2.ListItemsRequest()
    eve = as_person(shelves, "eve")
    assert refused(lambda: eve.GetItem(get))[0] is grpc.StatusCode.FAILED_PRECONDITION
    assert list(eve.ListItems(page).items) == []
    shelves.verify()
    assert [each.id for each in eve.ListItems(page).items] == [eve.GetItem(get).id]


def test_the_policy_of_an_item_may_change(shelves: Shelves) -> None:
    """By UpdateItem, which tells it; what the request leaves out stays."""
    item_id = shelves.available()
    end = shelves.clock.at + timedelta(hours=1)
    metadata = resources_pb2.Metadata(title="Motion")

    def change(**more: Any) -> resources_pb2.Item:
        request = library_pb2.UpdateItemRequest(item_id=item_id, metadata=metadata, **more)
        return shelves.staff.UpdateItem(request)

    assert not shelves.may_read("eve", item_id)
    assert change(access=resources_pb2.ACCESS_ALL).access == resources_pb2.ACCESS_ALL
    assert shelves.may_read("eve", item_id)
    after = change(embargo=library_pb2.Embargo(not_before=stamp(end)))
    assert (after.access, after.not_before) == (resources_pb2.ACCESS_ALL, stamp(end))
    assert not shelves.may_read("eve", item_id)
    assert change() == after
    assert not change(embargo=library_pb2.Embargo()).HasField("not_before")
    assert shelves.may_read("eve", item_id)
    change(access=resources_pb2.ACCESS_RUNS)
    assert not shelves.may_read("eve", item_id)
    told = shelves.published(events_pb2.ItemUpdated, item_id)
    assert [each.HasField("not_before") for each in told] == [False, True, False, False]
    assert [each.access for each in told] == [resources_pb2.ACCESS_ALL] * 3 + [
        resources_pb2.ACCESS_RUNS
    ]


def test_what_is_for_all_is_listed_by_an_index(shelves: Shelves) -> None:
    """Items of other runs are not looked at."""
    mongo = shelves.database.mongo["items"]
    mongo.insert_many(
        [{"_id": f"other-{place}", "access": "RUNS", "run_ids": ["run-9"]} for place in range(200)]
    )
    plan: Any = mongo.find({"access": "ALL", "state": "AVAILABLE"}).sort("_id", -1).explain()
    assert plan["executionStats"]["totalDocsExamined"] == 0
