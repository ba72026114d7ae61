"""The archive is sealed by keys of people, and an erasure throws a person's key away."""

import gzip
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pika
import pytest
from click.testing import CliRunner
from pymongo.errors import PyMongoError
from tandem.catalog.v1.events_pb2 import PersonUpserted
from tandem.sessions.v1.events_pb2 import QuestionAsked

from campus import connection
from campus.cli import cli
from chassis import ids
from chassis.archive import verifying
from chassis.archive.archive import Archive
from chassis.archive.archiver import Archiver
from chassis.archive.keys import KeyStore
from chassis.archive.layout import Span
from chassis.archive.sealing import sealed_for
from chassis.archive.store import Bucket
from chassis.contracts import events
from chassis.contracts.events import Event
from chassis.data.store import Database
from chassis.jobs.runner import Runner
from chassis.messaging import topology
from chassis.messaging.history import Message
from chassis.privacy.erasing import Request, request
from services.library import privacy
from services.library.store import LibraryStore
from tests.conftest import MakeDatabase
from tests.integration.processes import publish

SECRET, OTHER = "Zebulon", "Hildegunde"
WHOLE = Span(0, 99)


def an_event(data: Any, sequence: int = 1) -> Event[Any]:
    """An event of somebody."""
    subject, key = events.subject_and_key(data)
    type_ = events.event_type(type(data))
    return Event(
        ids.new_id(), type_, "/tandem/x", datetime.now(UTC), subject, key, sequence, "", data
    )


def named(person_id: str, name: str, sequence: int = 1) -> Event[Any]:
    """A person with a name."""
    return an_event(PersonUpserted(person_id=person_id, given_name=name), sequence)


class Sealing:
    """A history, its archive, and the library's database with the keys."""

    def __init__(self, amqp_url: str, database: Database[Any], bucket: Bucket) -> None:
        self.amqp_url, self.database, self.bucket = amqp_url, database, bucket
        self.keys = KeyStore(database.mongo)

    def archive(self, *published: Event[Any]) -> None:
        """Publish events, and archive them."""
        publish(self.amqp_url, *published)
        Archiver(self.amqp_url, self.bucket, self.keys, lambda: None).archive()

    def read(self, keys: KeyStore | None) -> list[Message]:
        """All messages of the archive."""
        found = Archive(self.bucket, keys).messages(WHOLE)
        return [each for each in found if isinstance(each, Message)]

    def has(self, text: str) -> bool:
        """Whether any object of the bucket has a text."""
        contents = (self.bucket.get(each.key) for each in self.bucket.listed(""))
        return any(
            text.encode() in (gzip.decompress(each) if each[:2] == b"\x1f\x8b" else each)
            for each in contents
        )

    def erase(self, person_id: str) -> None:
        """Let the library's worker do its first sweep."""
        asked = Request(person_id, datetime.now(UTC) - timedelta(seconds=5))
        self.database.transact(lambda store: request(store, asked))
        assert Runner(self.database, privacy.jobs()).run_due() == 1


@pytest.fixture
def sealing(vhost: str, make_database: MakeDatabase, bucket: Bucket) -> Sealing:
    """Nothing yet."""
    topology.declare(vhost, [])
    return Sealing(vhost, make_database(LibraryStore), bucket)


def test_an_erased_person_is_unreadable_and_others_are_whole(sealing: Sealing) -> None:
    """Before it, who has the keys reads all; after it, nobody reads what names the person."""
    question = QuestionAsked(
        question_id="q", run_id="r", asker_id="p", instructor_ids=["t"], question=f"{SECRET}?"
    )
    sealing.archive(named("p", SECRET), named("o", OTHER), an_event(question))
    assert not sealing.has(SECRET)
    assert not sealing.has(OTHER)
    bodies = [each.body.decode() for each in sealing.read(sealing.keys)]
    assert (SECRET in bodies[0], OTHER in bodies[1], SECRET in bodies[2]) == (True, True, True)
    assert [sealed_for(each) for each in sealing.read(None)] == [("p",), ("o",), ("p", "t")]
    sealing.erase("p")
    after = sealing.read(sealing.keys)
    assert [sealed_for(each) for each in after] == [("p",), (), ("p", "t")]
    assert json.loads(after[0].body) == {"personId": "p"}
    assert OTHER in after[1].body.decode()
    assert verifying.verify(Archive(sealing.bucket)).faults == []


def test_what_comes_late_of_an_erased_person_is_not_kept(sealing: Sealing) -> None:
    """It makes no new key; the event is there, without the name."""
    sealing.archive(named("p", "A name"))
    sealing.erase("p")
    sealing.archive(named("p", SECRET, sequence=2))
    assert not sealing.has(SECRET)
    assert [json.loads(each.body) for each in sealing.read(sealing.keys)] == [{"personId": "p"}] * 2
    assert sealing.keys.make(["p"]) == {"p": None}


def test_a_person_without_a_key_is_erased_by_a_later_sweep(sealing: Sealing) -> None:
    """The key was made after the first sweep; the next one finds it."""
    sealing.erase("p")
    sealing.archive(named("p", SECRET))
    assert SECRET in sealing.read(sealing.keys)[0].body.decode()
    due = {"$set": {"job.due": datetime.now(UTC) - timedelta(seconds=1)}}
    sealing.database.mongo["erasures"].update_many({}, due)
    assert Runner(sealing.database, privacy.jobs()).run_due() == 1
    assert sealed_for(sealing.read(sealing.keys)[0]) == ("p",)


def test_an_id_that_no_database_stores_stops_no_archiver(sealing: Sealing) -> None:
    """A stranger's event is archived, and so is what comes after it."""
    headers = events.headers_of(named("p", SECRET))
    with pika.BlockingConnection(pika.URLParameters(sealing.amqp_url)) as connected:
        for asker in ("\ud800", "x" * 2**20):
            body = json.dumps({"personId": asker, "givenName": SECRET})
            properties = pika.BasicProperties(content_type=events.CONTENT_TYPE, headers=headers)
            connected.channel().basic_publish("", topology.HISTORY, body, properties)
    sealing.archive(named("o", OTHER))
    assert [sealed_for(each) for each in sealing.read(None)] == [("",), ("",), ("o",)]
    assert not sealing.has(SECRET)
    assert OTHER in sealing.read(sealing.keys)[2].body.decode()


def test_what_lost_its_key_in_a_restore_is_sealed_again_from_the_history(sealing: Sealing) -> None:
    """The operator deletes the objects of the segments that were written since the backup."""
    sealing.archive(named("p", SECRET))
    sealing.database.mongo["archive_keys"].delete_many({})
    sealing.archive(named("p", OTHER, sequence=2))
    assert [sealed_for(each) for each in sealing.read(sealing.keys)] == [("p",), ()]
    for each in list(sealing.bucket.listed("segments/")):
        sealing.bucket.remove(each.key)
    sealing.archive()
    bodies = [each.body.decode() for each in sealing.read(sealing.keys)]
    assert (SECRET in bodies[0], OTHER in bodies[1]) == (True, True)


def test_the_key_of_nobody_is_not_thrown_away(sealing: Sealing) -> None:
    """An event of a stranger may tell of the erasure of nobody; the reasons of classes stay."""
    before = sealing.keys.make(["", "p"])
    sealing.erase("")
    assert sealing.keys.make(["", "p"]) == before


def test_a_key_that_is_not_there_is_not_taken_for_thrown_away(
    sealing: Sealing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise an event would be archived without its personal fields, and nobody would know."""
    monkeypatch.setattr(KeyStore, "find", lambda *_: {})
    with pytest.raises(PyMongoError, match="1 keys"):
        sealing.archive(named("p", SECRET))
    assert list(sealing.bucket.listed("segments/")) == []


def test_who_makes_keys_at_once_gets_the_same(sealing: Sealing) -> None:
    """Eight archivers begin with the same thousands of people."""
    people = [f"p{number}" for number in range(2_500)]
    barrier = threading.Barrier(8)

    def make(_: int) -> Any:
        barrier.wait()
        return KeyStore(sealing.database.mongo).make(people)

    with ThreadPoolExecutor(8) as pool:
        first, *others = pool.map(make, range(8))
    assert all(each == first for each in others)
    assert first.keys() == set(people)
    assert len(set(first.values())) == len(people)


def test_the_command_reads_it_and_marks_what_is_gone(
    sealing: Sealing, stack: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The history is gone; an operator with MongoDB's URL reads names, but not the erased ones."""
    sealing.archive(named("p", SECRET), named("o", OTHER))
    sealing.erase("p")
    with pika.BlockingConnection(pika.URLParameters(sealing.amqp_url)) as connected:
        connected.channel().queue_delete(topology.HISTORY)
    topology.declare(sealing.amqp_url, [])
    monkeypatch.setattr(connection, "LIBRARY", sealing.database.mongo.name)
    settings = {
        **stack,
        "TANDEM_AMQP_URL": sealing.amqp_url,
        "TANDEM_ARCHIVE_BUCKET": sealing.bucket.name,
    }
    command = ["events", "tail", "--since", "1h", "--data", str(tmp_path)]
    told = CliRunner().invoke(cli, [*command, "--json"], env=settings)
    first, second = map(json.loads, told.stdout.splitlines())
    assert (first["sealed"], first["data"]) == (True, {"personId": "p"})
    assert ("sealed" in second, second["data"]["givenName"]) == (False, OTHER)
    told = CliRunner().invoke(cli, command, env=settings)
    assert told.stdout.count("(without names and texts)") == 1
