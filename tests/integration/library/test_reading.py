"""Which items a person may read, and the read URLs."""

from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.library.v1 import library_pb2
from tandem.sessions.v1 import events_pb2 as sessions
from tandem.types.v1 import types_pb2

from tests.integration.library.shelves import (
    PDF,
    RUN,
    TEACHER,
    Shelves,
    enrolled,
    path,
    refused,
)


def test_a_read_url_honours_ranges(shelves: Shelves) -> None:
    """206 with the bytes asked for, the media type, and the whole without a range."""
    item_id = shelves.available()
    link = shelves.read_url(item_id)
    assert (link.media_type, link.size) == ("application/pdf", len(PDF))
    assert link.expires_at.seconds > 0
    part = shelves.http.request("GET", link.url, headers={"Range": "bytes=5-7"})
    assert (part.status, part.data) == (206, PDF[5:8])
    assert part.headers["Content-Range"] == f"bytes 5-7/{len(PDF)}"
    end = shelves.http.request("GET", link.url, headers={"Range": "bytes=-6"})
    assert (end.status, end.data) == (206, PDF[-6:])
    beyond = shelves.http.request("GET", link.url, headers={"Range": "bytes=100000-"})
    assert beyond.status == 416
    whole = shelves.http.request("GET", link.url)
    assert (whole.status, whole.data) == (200, PDF)
    assert whole.headers["Content-Type"] == "application/pdf"


def test_a_read_url_is_for_reading_its_item_only(shelves: Shelves) -> None:
    """It can neither change the item nor name another one."""
    one, other = shelves.available(), shelves.available()
    url = shelves.read_url(one).url
    assert shelves.http.request("PUT", url, body=b"x").status == 403
    assert shelves.http.request("DELETE", url).status == 403
    assert shelves.http.request("GET", url.replace(one, other)).status == 403
    assert shelves.http.request("GET", url.partition("?")[0]).status in (400, 401, 403)


def test_a_learner_reads_what_the_run_s_path_names(shelves: Shelves) -> None:
    """While enrolled, and while the path has it; a mode entitles to nothing and takes nothing."""
    item_id = shelves.available()
    shelves.hear(enrolled("ada"))
    assert not shelves.may_read("ada", item_id)
    shelves.hear(path(item_id))
    assert shelves.may_read("ada", item_id)
    assert not shelves.may_read("bob", item_id)
    mode = types_pb2.ATTENDANCE_MODE_SELF_PACED
    shelves.hear(catalog.EnrolmentModeChanged(run_id=RUN, learner_id="ada", to_mode=mode))
    shelves.hear(catalog.EnrolmentModeChanged(run_id=RUN, learner_id="bob", to_mode=mode))
    assert shelves.may_read("ada", item_id)
    assert not shelves.may_read("bob", item_id)
    shelves.hear(path("another"))
    assert not shelves.may_read("ada", item_id)


def test_a_learner_reads_what_names_the_run(shelves: Shelves) -> None:
    """A recording is for its run's learners even where no path names it."""
    item_id = shelves.available(run_ids=["run-2"])
    shelves.hear(enrolled("ada"), enrolled("bob", "run-2"), path("other", run_id="run-2"))
    assert not shelves.may_read("ada", item_id)
    assert shelves.may_read("bob", item_id)


def test_who_waits_or_withdrew_reads_nothing(shelves: Shelves) -> None:
    """A place in the run is what entitles; promotion gives it, withdrawal takes it."""
    item_id = shelves.available()
    shelves.hear(path(item_id), catalog.EnrolmentWaitlisted(run_id=RUN, learner_id="ada"))
    assert not shelves.may_read("ada", item_id)
    shelves.hear(catalog.EnrolmentPromoted(run_id=RUN, learner_id="ada"))
    assert shelves.may_read("ada", item_id)
    shelves.hear(catalog.EnrolmentWithdrawn(run_id=RUN, learner_id="ada"))
    assert not shelves.may_read("ada", item_id)
    shelves.hear(enrolled("ada"))
    assert shelves.may_read("ada", item_id)


def test_an_old_event_changes_nothing(shelves: Shelves) -> None:
    """In any order, in one batch or several, the newest event of each aggregate counts."""
    item_id = shelves.available()
    withdrawn = catalog.EnrolmentWithdrawn(run_id=RUN, learner_id="ada")
    shelves.hear(withdrawn, path(item_id), sequences=[9, 12])
    shelves.hear(enrolled("ada"), path("another"), sequences=[3, 4])
    assert not shelves.may_read("ada", item_id)
    shelves.hear(enrolled("bob"), sequences=[20])
    assert shelves.may_read("bob", item_id)
    gone = catalog.EnrolmentWithdrawn(run_id=RUN, learner_id="eve")
    shelves.hear(gone, enrolled("eve"), path(), path(item_id), sequences=[31, 30, 32, 33])
    assert not shelves.may_read("eve", item_id)
    assert shelves.may_read("bob", item_id)


def test_a_learner_is_told_nothing_of_what_is_not_theirs(shelves: Shelves) -> None:
    """An unknown item, one being verified and one of others are denied alike."""
    verifying, other = shelves.upload(PDF), "ghost"
    shelves.hear(enrolled("ada"))
    answers = {
        refused(lambda item=item: shelves.read_url(item, "ada"))  # type: ignore[misc]
        for item in (verifying, other)
    }
    assert len(answers) == 1
    assert answers.pop()[0] is grpc.StatusCode.PERMISSION_DENIED


def test_only_what_is_available_is_read(shelves: Shelves) -> None:
    """FAILED_PRECONDITION says how far it is, to staff and to entitled learners."""
    item_id = shelves.upload(b"no pdf", run_ids=[RUN])
    shelves.hear(enrolled("ada"))
    for reader in ("", "ada"):
        code, text = refused(lambda reader=reader: shelves.read_url(item_id, reader))  # type: ignore[misc]
        assert code is grpc.StatusCode.FAILED_PRECONDITION
        assert "VERIFYING" in text
    shelves.verify()
    assert "FAILED" in refused(lambda: shelves.read_url(item_id))[1]
    assert refused(lambda: shelves.read_url("ghost"))[0] is grpc.StatusCode.NOT_FOUND


def test_a_learner_sees_the_items_that_they_may_read(shelves: Shelves) -> None:
    """By the path, or by the item's own runs, once it is AVAILABLE; staff sees all."""
    named, own, other = shelves.available(), shelves.available(run_ids=[RUN]), shelves.available()
    verifying = shelves.upload(PDF, run_ids=[RUN])
    shelves.hear(enrolled("ada"), enrolled("bob", "run-2"), path(named, verifying))
    mine, everything = library_pb2.ListItemsRequest(), [named, own, other, verifying]
    ada = shelves.learner("ada")
    assert [item.id for item in ada.ListItems(mine).items] == [own, named]
    assert [item.id for item in shelves.staff.ListItems(mine).items] == everything[::-1]
    assert list(shelves.learner("bob").ListItems(mine).items) == []
    assert list(shelves.learner("eve").ListItems(mine).items) == []
    asked = library_pb2.ListItemsRequest(item_ids=everything)
    assert [item.id for item in ada.ListItems(asked).items] == [own, named]


def test_a_learner_gets_the_items_that_they_may_read(shelves: Shelves) -> None:
    """Items of others and unknown items are denied alike; unavailable items say so."""
    item_id, other = shelves.available(), shelves.available()
    verifying = shelves.upload(PDF, run_ids=[RUN])
    shelves.hear(enrolled("ada"), path(item_id))

    def get(item: str) -> str:
        return shelves.learner("ada").GetItem(library_pb2.GetItemRequest(item_id=item)).id

    assert get(item_id) == item_id
    denied = {refused(lambda item=item: get(item)) for item in (other, "ghost")}  # type: ignore[misc]
    assert [code for code, _ in denied] == [grpc.StatusCode.PERMISSION_DENIED]
    assert refused(lambda: get(verifying))[0] is grpc.StatusCode.FAILED_PRECONDITION


@pytest.mark.parametrize("reader", ["", "bob"])
def test_a_learner_reads_for_nobody_else(shelves: Shelves, reader: str) -> None:
    """A learner can't read in the name of another learner, or of all."""
    item_id = shelves.available(run_ids=[RUN])
    shelves.hear(enrolled("ada"), enrolled("bob"))
    request = library_pb2.GetReadUrlRequest(item_id=item_id, reader_id=reader)
    code, _ = refused(lambda: shelves.learner("ada").GetReadUrl(request))
    assert code is grpc.StatusCode.PERMISSION_DENIED


def test_staff_reads_all_and_for_learners_what_they_may(shelves: Shelves) -> None:
    """Staff reads with or without a learner's name; a name applies that learner's entitlement."""
    item_id = shelves.available()
    for reader in ("", TEACHER):
        request = library_pb2.GetReadUrlRequest(item_id=item_id, reader_id=reader)
        assert shelves.staff.GetReadUrl(request).url
    as_ada = library_pb2.GetReadUrlRequest(item_id=item_id, reader_id="ada")
    code, _ = refused(lambda: shelves.staff.GetReadUrl(as_ada))
    assert code is grpc.StatusCode.PERMISSION_DENIED
    shelves.hear(enrolled("ada"), path(item_id))
    assert shelves.staff.GetReadUrl(as_ada).url


@pytest.mark.parametrize("given_by", ["materials", "recording", "substitute"])
def test_what_a_session_gives_to_study_may_be_read(shelves: Shelves, given_by: str) -> None:
    """By the learners of its run, whether the enrolment or the session is told first."""
    item_id, other = shelves.available(), shelves.available()
    happened: dict[str, Message] = {
        "materials": sessions.SessionScheduled(
            session_id="s1", run_id=RUN, material_item_ids=[item_id]
        ),
        "recording": sessions.RecordingAttached(session_id="s1", run_id=RUN, item_id=item_id),
        "substitute": sessions.SessionCancelled(
            session_id="s1", run_id=RUN, substitute_item_id=item_id
        ),
    }
    shelves.hear(enrolled("ada"), happened[given_by], happened[given_by])
    shelves.hear(enrolled("bob"), enrolled("eve", "run-2"))
    assert [shelves.may_read(each, item_id) for each in ("ada", "bob", "eve")] == [
        True,
        True,
        False,
    ]
    assert not shelves.may_read("ada", other)
    listed = shelves.learner("ada").ListItems(library_pb2.ListItemsRequest()).items
    assert [each.id for each in listed] == [item_id]


def test_a_session_that_gives_nothing_opens_nothing(shelves: Shelves) -> None:
    """No substitute is no item."""
    item_id = shelves.available()
    shelves.hear(enrolled("ada"), sessions.SessionCancelled(session_id="s1", run_id=RUN))
    assert shelves.database.mongo["shelves"].count_documents({}) == 0
    assert not shelves.may_read("ada", item_id)


def test_entitlement_is_looked_up_by_the_learner_s_runs(shelves: Shelves) -> None:
    """Thousands of runs that name an item cost a reader nothing: each look-up is by an index."""
    item_id = shelves.available()
    paths = [path(item_id, "other", run_id=f"run-{number}") for number in range(2_000)]
    for first in range(0, len(paths), 500):
        shelves.hear(*paths[first : first + 500])
    shelves.hear(*(enrolled("ada", f"run-{number}") for number in range(20)))
    assert shelves.may_read("ada", item_id)
    assert not shelves.may_read("bob", item_id)
    runs = shelves.database.reader().runs_of("ada")
    assert len(runs) == 20
    mongo = shelves.database.mongo
    enrolments = {"learner_id": "ada", "state": "ENROLLED"}
    own = mongo["enrolments"].find(enrolments, {"_id": 0, "run_id": 1}).explain()
    assert looked_at(own) == (20, 0)
    among = {"$in": runs}
    named = {"item_ids": {"$in": [item_id]}, "$or": [{"_id": among}, {"run_id": among}]}
    keys, documents = looked_at(mongo["shelves"].find(named).limit(1).explain())
    assert keys <= 2 * (len(runs) + 1)
    assert documents <= 1


def looked_at(plan: Any) -> tuple[int, int]:
    """How many keys and documents a query examined."""
    found = plan["executionStats"]
    return found["totalKeysExamined"], found["totalDocsExamined"]
