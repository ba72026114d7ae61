"""Who sees and reads which items; the table of all RPCs is in test_access.py."""

import grpc
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.library.v1 import events_pb2, library_pb2, resources_pb2
from tandem.options.v1 import options_pb2

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
