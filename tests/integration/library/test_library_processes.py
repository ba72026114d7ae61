"""The library's processes on real servers: a worker's events and verifications, an api's index."""

import signal
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import pytest
import urllib3
from google.protobuf.message import Message
from tandem.library.v1 import library_pb2, library_pb2_grpc
from tandem.library.v1.events_pb2 import ItemAvailable, RenditionAvailable
from tandem.types.v1 import types_pb2

from campus.identity import IdentityProvider
from chassis.contracts.events import Event, event_type
from chassis.edge.grpc.client import calling_with
from services.library.domain.feeds import Feed, FeedUrls
from tests.deep import only_deep
from tests.integration.library.shelves import (
    AVAILABLE,
    PDF,
    RUN,
    Shelves,
    enrolled,
    path,
    race,
)
from tests.integration.library.test_processing import FILM as LECTURE_FIELDS
from tests.integration.library.test_processing import LECTURE
from tests.integration.processes import RoleProcess, declare, eventually, publish, role

FILM = (Path(__file__).parents[3] / "campus" / "demo" / "recording.mp4").read_bytes()


def stored(shelves: Shelves, item_id: str) -> set[str]:
    """The keys of an item's files in the S3 store."""
    client: Any = shelves.files._quick
    found = client.list_objects(shelves.files._bucket, prefix=item_id, recursive=True)
    return {each.object_name for each in found}


def _event(number: int, data: Message) -> Event[Any]:
    """One of catalog's events of the run."""
    kind, now = event_type(type(data)), datetime.now(UTC)
    return Event(str(uuid.uuid4()), kind, "/tandem/catalog", now, RUN, RUN, number, "", data)


@only_deep
def test_a_worker_verifies_and_knows_who_may_read(
    shelves: Shelves, environment: dict[str, str], vhost: str
) -> None:
    """Two workers verify many documents and a film: one event each; SIGTERM ends both cleanly."""
    declare("library", environment)
    with (
        role("library", "worker", environment) as one,
        role("library", "worker", environment) as other,
    ):
        film = shelves.upload(
            FILM, kind=types_pb2.ITEM_KIND_RECORDING, media_type="video/mp4", run_ids=["run-2"]
        )
        ids = [film, *race(lambda _: shelves.upload(PDF), range(6))]
        publish(vhost, _event(1, enrolled("ada")), _event(2, path(*ids[1:])))
        eventually(lambda: all(shelves.item(each).state == AVAILABLE for each in ids))
        eventually(lambda: shelves.may_read("ada", ids[-1]))
        assert not shelves.may_read("ada", film)
        assert shelves.item(film).seconds == 2400.0
        for process in (one, other):
            process.send_signal(signal.SIGTERM)
        assert [process.wait(120) for process in (one, other)] == [0, 0]
    assert all(len(shelves.published(ItemAvailable, each)) == 1 for each in ids)


@only_deep
def test_what_a_killed_worker_began_another_one_finishes(
    shelves: Shelves, environment: dict[str, str]
) -> None:
    """Renditions that are made stay; each is told once, and no file is left that no item has."""
    declare("library", environment)
    item_id = shelves.available(LECTURE, **LECTURE_FIELDS)
    with role("library", "worker", environment) as first:
        eventually(lambda: len(shelves.item(item_id).renditions) > 1)
        first.kill()
        first.wait()
    made = list(shelves.item(item_id).renditions)
    processings = shelves.database.mongo["processings"]
    # As if the lease of the claim had ended.
    processings.update_one({"job": {"$exists": True}}, {"$set": {"job.due": datetime.now(UTC)}})
    with role("library", "worker", environment):
        eventually(lambda: shelves.processing(item_id).HasField("ended_at"))
    item = shelves.item(item_id)
    assert list(item.renditions[: len(made)]) == made
    names = [each.name for each in item.renditions]
    assert names == ["original", "poster", "audio", "240p", "480p"]
    told = [each.rendition for each in shelves.published(RenditionAvailable, item_id)]
    assert told == names[1:]
    files = {row["key"] for row in shelves.database.mongo["files"].find()}
    waiting = {row["_id"] for row in shelves.database.mongo["rubbish"].find()}
    assert stored(shelves, item_id) <= files | waiting


@pytest.mark.parametrize(
    ("settings", "status"),
    [
        ({}, 404),
        ({"TANDEM_OAI_URL": "https://h.example/oai", "TANDEM_OAI_ADMIN_EMAIL": "a@h.example"}, 200),
    ],
)
def test_the_api_answers_harvesters_if_it_is_told_to(
    environment: dict[str, str], settings: dict[str, str], status: int
) -> None:
    """/oai is there just if its settings are."""
    api = RoleProcess(["-m", "services.library", "api"], environment | settings)
    try:
        answer = urllib3.request("GET", f"{api.url()}/oai?verb=Identify", retries=False)
        assert answer.status == status
        assert (b"<adminEmail>a@h.example</adminEmail>" in answer.data) == (status == 200)
    finally:
        api.kill()


def test_the_api_has_podcasts_if_it_is_told_to(
    environment: dict[str, str], shelves: Shelves
) -> None:
    """A feed's URL is answered by a replica with the same settings, and unknown to one without."""
    on = {"TANDEM_PAGES_URL": "https://h.example", "TANDEM_PAGES_KEY": "k" * 32}
    shelves.hear(enrolled("ada"))
    feed = Feed(id="f1", run_id=RUN, reader_id="ada", created_at=shelves.clock.at)
    shelves.database.transact(lambda store: store.put_feed(feed))
    url = FeedUrls(on["TANDEM_PAGES_URL"], on["TANDEM_PAGES_KEY"]).of_feed("f1")
    for settings, status in ((on, 200), ({}, 404)):
        api = RoleProcess(["-m", "services.library", "api"], environment | settings)
        try:
            here = url.replace("https://h.example", api.url())
            assert urllib3.request("GET", here, retries=False).status == status
        finally:
            api.kill()


def test_the_api_starts_while_the_store_is_away(environment: dict[str, str]) -> None:
    """Calls that need no files are answered; the first upload creates the bucket."""
    away = {**environment, "TANDEM_S3_ENDPOINT": "http://127.0.0.1:1"}
    api = RoleProcess(["-m", "services.library", "api"], away)
    try:
        api.listening()
        assert api.stop() == 0
    finally:
        api.kill()
    assert api.logged("the S3 store does not answer yet")


def test_an_api_process_keeps_its_index(
    shelves: Shelves, environment: dict[str, str], tmp_path: Path
) -> None:
    """An api process builds its index beside its requests; after SIGKILL the next one answers from
    the same folder, and SIGTERM ends it cleanly.
    """
    item_id = shelves.available(PDF)
    settings = {**environment, "TANDEM_SEARCH_FOLDER": str(tmp_path / "index")}
    token = IdentityProvider(tmp_path).mint("office", ["registrar"])
    request = library_pb2.SearchItemsRequest(query="motion")

    def finds(process: RoleProcess) -> list[str]:
        with process.channel() as channel:
            stub = library_pb2_grpc.LibraryServiceStub(calling_with(channel, lambda: token))
            try:
                return [hit.item.id for hit in stub.SearchItems(request).hits]
            except grpc.RpcError as error:
                status: Any = error
                assert status.code() is grpc.StatusCode.UNAVAILABLE, status
                return []

    one = RoleProcess(["-m", "services.library", "api"], settings)
    try:
        eventually(lambda: finds(one) == [item_id])
    finally:
        one.kill()
    other = RoleProcess(["-m", "services.library", "api"], settings)
    try:
        assert finds(other) == [item_id]
    finally:
        code = other.stop()
    assert code == 0
