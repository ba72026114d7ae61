"""The demo on servers that the environment gives: only where nothing of Tandem is yet."""

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymongo
import pytest
import structlog
from minio import Minio

from campus import cli
from campus.demo.errors import DemoError
from campus.demo.given import refuse_what_is_used
from chassis.messaging import topology

Mongo = pymongo.MongoClient[dict[str, Any]]


@pytest.fixture
def bucket(stack: dict[str, str]) -> Iterator[tuple[Minio, str]]:
    """A client of the store, and a bucket of the test's own."""
    store = Minio(
        stack["TANDEM_S3_ENDPOINT"].removeprefix("http://"),
        access_key=stack["TANDEM_S3_ACCESS_KEY"],
        secret_key=stack["TANDEM_S3_SECRET_KEY"],
        region=stack["TANDEM_S3_REGION"],
        secure=False,
    )
    store.make_bucket("demo-given")
    yield store, "demo-given"
    for each in store.list_objects("demo-given"):
        store.remove_object("demo-given", str(each.object_name))
    store.remove_bucket("demo-given")


def test_servers_without_anything_of_ours_are_taken(
    stack: dict[str, str], vhost: str, bucket: tuple[Minio, str]
) -> None:
    """Servers that aren't given are also accepted; a missing bucket will be created."""
    refuse_what_is_used({})
    given = {**stack, "TANDEM_AMQP_URL": vhost, "TANDEM_S3_BUCKET": bucket[1]}
    refuse_what_is_used(given)
    refuse_what_is_used({**given, "TANDEM_S3_BUCKET": "not-there-yet"})


def test_whatever_is_there_already_is_named(
    stack: dict[str, str], vhost: str, mongo: Mongo, bucket: tuple[Minio, str]
) -> None:
    """A history, a service's database, an object: all in one sentence."""
    topology.declare(vhost, [])
    mongo["tandem_catalog"]["people"].insert_one({"_id": "ada"})
    bucket[0].put_object(bucket[1], "x", io.BytesIO(b"x"), 1)
    try:
        with pytest.raises(DemoError) as error:
            refuse_what_is_used({**stack, "TANDEM_AMQP_URL": vhost, "TANDEM_S3_BUCKET": bucket[1]})
    finally:
        mongo.drop_database("tandem_catalog")
    for there in ("queue tandem.history", "database tandem_catalog", "bucket demo-given"):
        assert there in str(error.value)


def test_nothing_is_started_or_deleted_before_that(
    stack: dict[str, str],
    vhost: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The command says it in a sentence, and exits with 1."""
    topology.declare(vhost, [])
    monkeypatch.setenv("TANDEM_AMQP_URL", vhost)
    monkeypatch.setattr(sys, "argv", ["tandem", "demo", "--data", str(tmp_path)])
    with pytest.raises(SystemExit) as end:
        cli.main()
    structlog.reset_defaults()  # later tests of this process log as they did
    assert end.value.code == 1
    assert "the demo needs servers without any data of Tandem" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["demo-report.json"]
