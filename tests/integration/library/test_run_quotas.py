"""The quota of a run: what counts, what is refused, and announcements that race."""

from datetime import timedelta

import grpc
import pytest
from tandem.library.v1 import library_pb2, resources_pb2

from chassis.context.principal import Principal, acting_as
from chassis.data.store import Database
from chassis.errors import FailedPrecondition
from services.library.api import LibraryApi
from services.library.store import LibraryStore
from tests.integration.library.shelves import MIB, PDF, RUN, TEACHER, Shelves, race, refused

OTHER = "run-2"
HOUR = timedelta(hours=1)
SIZE = len(PDF)
FULL = grpc.StatusCode.FAILED_PRECONDITION


def _limit(shelves: Shelves, limit: int, run_id: str = RUN) -> resources_pb2.RunUsage:
    """The run with a quota."""
    return shelves.staff.SetRunQuota(library_pb2.SetRunQuotaRequest(run_id=run_id, bytes=limit))


def _usage(shelves: Shelves, run_id: str = RUN) -> tuple[int, int, int]:
    """Items, bytes, and bytes that are not available yet."""
    found = shelves.staff.GetRunUsage(library_pb2.GetRunUsageRequest(run_id=run_id))
    return found.items, found.used, found.open


def test_what_is_announced_counts_until_it_is_gone(shelves: Shelves) -> None:
    """An open upload, one that is verified, an available item; not what was given up, has failed
    or is retired.
    """
    assert _limit(shelves, 3 * SIZE).limit == 3 * SIZE
    kept, opened = shelves.available(run_ids=[RUN]), shelves.start(PDF, run_ids=[RUN])
    bad = shelves.upload(b"no pdf".ljust(SIZE), run_ids=[RUN])
    assert _usage(shelves) == (3, 3 * SIZE, 2 * SIZE)
    code, text = refused(lambda: shelves.start(PDF, run_ids=[OTHER, RUN]))
    assert code is FULL
    assert f"run_ids[1]: run '{RUN}' uses {3 * SIZE} of its {3 * SIZE} bytes" in text
    shelves.verify()
    shelves.abort(opened)
    assert shelves.item(bad).failure
    assert _usage(shelves) == (1, SIZE, 0)
    shelves.staff.RetireItem(library_pb2.RetireItemRequest(item_id=kept, reason="old"))
    assert _usage(shelves) == (0, 0, 0)


def test_an_item_counts_in_each_of_its_runs(shelves: Shelves) -> None:
    """Also in one that is added later, which must have room for it; every full run is named."""
    item_id = shelves.available(run_ids=[RUN, OTHER])
    assert _usage(shelves)[1] == _usage(shelves, OTHER)[1] == SIZE
    for run_id in (RUN, OTHER):
        _limit(shelves, SIZE, run_id)
    code, text = refused(lambda: shelves.start(PDF, run_ids=[RUN, OTHER]))
    assert code is FULL
    assert RUN in text
    assert OTHER in text
    elsewhere = library_pb2.UpdateItemRequest(
        item_id=shelves.available(),
        metadata=resources_pb2.Metadata(title="Motion"),
        runs=library_pb2.RunIds(run_ids=[RUN]),
    )
    assert refused(lambda: shelves.staff.UpdateItem(elsewhere))[0] is FULL
    elsewhere.item_id = item_id  # which counts there already
    assert shelves.staff.UpdateItem(elsewhere).run_ids == [RUN]
    assert _usage(shelves, OTHER) == (0, 0, 0)


def test_a_run_without_a_quota_has_the_default_one(shelves: Shelves) -> None:
    """Its own counts as soon as it is set, and the default again when it is taken away."""
    api = LibraryApi(shelves.database, shelves.files, 5 * MIB, HOUR, HOUR, SIZE - 1)
    request = shelves.request(PDF, run_ids=[RUN])
    with acting_as(Principal(TEACHER, frozenset({"registrar"}))):
        with pytest.raises(FailedPrecondition):
            api.StartUpload(request, None)
        _limit(shelves, SIZE)
        assert api.StartUpload(request, None).id
        _limit(shelves, 0)
        asked = library_pb2.GetRunUsageRequest(run_id=RUN)
        assert api.GetRunUsage(asked, None).limit == SIZE - 1


@pytest.mark.parametrize("processes", [1, 3])
def test_announcements_at_once_never_exceed_the_quota(shelves: Shelves, processes: int) -> None:
    """In one process or in several: as many are accepted as fit, and the others are refused."""
    _limit(shelves, 3 * SIZE)
    apis = [_process(shelves) for _ in range(processes)]

    def announce(number: int) -> bool:
        request = shelves.request(PDF, run_ids=[RUN], request_id=f"at once {number}")
        with acting_as(Principal(TEACHER, frozenset({"registrar"}))):
            try:
                return bool(apis[number % processes].StartUpload(request, None).id)
            except FailedPrecondition:
                return False

    assert sum(race(announce, range(9))) == 3
    assert _usage(shelves) == (3, 3 * SIZE, 3 * SIZE)


def _process(shelves: Shelves) -> LibraryApi:
    """An api with keyed locks of its own, as in another process."""
    ours = shelves.database
    database = Database(ours.client, ours.mongo.name, LibraryStore, ours.clock)
    return LibraryApi(database, shelves.files, 5 * MIB, HOUR, HOUR)
