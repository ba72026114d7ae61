"""The local stack, with real servers: it heals, it keeps its data, and it goes without a trace."""

import io
import os
import signal
import smtplib
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pika
import psutil
import pymongo
import pytest
import urllib3
from minio.datatypes import Part

from campus.stack.process import MARK
from campus.stack.smtp import read_mail
from campus.stack.stack import ALL, Stack, State
from campus.stack.swift import BUCKET
from campus.waiting import wait_until
from tests.deep import only_deep

STANDARD_PORTS = (4369, 5672, 15672, 15692, 25672, 5552, 27017, 8080, 6200, 6201, 6202, 8025)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("campus")


@pytest.fixture(scope="module")
def here(folder: Path) -> Iterator[Stack]:
    """A whole stack, started while strangers hold all the ports that its servers usually take."""
    with ExitStack() as ending:
        for port in STANDARD_PORTS:
            with suppress(OSError):  # held by another process, which is fine
                ending.enter_context(socket.create_server(("127.0.0.1", port)))
        local = Stack(folder, {})
        ending.callback(kill_all, local)
        local.up()
        declare(local.rabbitmq.address, "kept", "quorum")
        assert wait_until(lambda: is_registered(folder, "kept"), 60)
        yield local


def is_registered(folder: Path, queue: str) -> bool:
    """Whether RabbitMQ has it in its register on disk: before, a kill loses it (RabbitMQ.kill)."""
    registers = folder.glob("rabbitmq/data/*/quorum/*/names.dets")
    return any(f"_{queue}".encode() in register.read_bytes() for register in registers)


def kill_all(local: Stack) -> None:
    for part in local.parts.values():
        part.kill()


def processes_of(folder: Path) -> list[psutil.Process]:
    """Every process that was started for the folder, by whomever."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.environ().get(MARK, "").startswith(f"{folder}:"):
                found.append(process)
    return found


def pids(local: Stack) -> dict[str, int | None]:
    return {part.name: part.pid for part in local.status()}


def documents(local: Stack) -> "pymongo.MongoClient[dict[str, Any]]":
    return pymongo.MongoClient(local.mongodb.address, serverSelectionTimeoutMS=5000)


# What each part keeps -----------------------------------------------------------------------


def publish(url: str, body: bytes) -> None:
    """Put a persistent message into a quorum queue, and see it confirmed."""
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.basic_publish("", "kept", body, pika.BasicProperties(delivery_mode=2))


def declare(url: str, queue: str, kind: str) -> None:
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        arguments = {"x-queue-type": kind}
        connection.channel().queue_declare(queue, durable=True, arguments=arguments)


def consume(url: str) -> bytes | None:
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        method, _, body = connection.channel().basic_get("kept", auto_ack=True)
        return body if method else None


def fill(local: Stack, word: str) -> None:
    """Give every part something to keep."""
    publish(local.rabbitmq.address, word.encode())
    with documents(local) as client, client.start_session() as session, session.start_transaction():
        client.test.kept.insert_one({"_id": word}, session=session)
    local.s3.client().put_object(BUCKET, word, io.BytesIO(b"object"), 6)
    send(local, subject=word)


def kept(local: Stack, word: str) -> dict[str, bool]:
    """Which parts still have it."""
    with documents(local) as client:
        document = client.test.kept.find_one({"_id": word})
    listing = [item.object_name for item in local.s3.client().list_objects(BUCKET)]
    subjects = [mail["Subject"] for mail in read_mail(local.smtp.mail)]
    return {
        "rabbitmq": consume(local.rabbitmq.address) == word.encode(),
        "mongodb": document is not None,
        "s3": word in listing,
        "smtp": word in subjects,
    }


def send(local: Stack, subject: str) -> None:
    host, _, port = local.smtp.address.removeprefix("smtp://").partition(":")
    with smtplib.SMTP(host, int(port)) as client:
        client.sendmail("bounce@x.org", ["ada@x.org"], f"Subject: {subject}\r\n\r\nTändem".encode())


# The whole stack ----------------------------------------------------------------------------


@only_deep
def test_everything_runs_beside_strangers_on_the_standard_ports(here: Stack) -> None:
    """All parts answer although every standard port is taken."""
    assert {part.name: part.state for part in here.status()} == dict.fromkeys(ALL, State.RUNNING)


def test_the_environment_has_just_the_names_that_services_read(here: Stack) -> None:
    """`up` answers the ten agreed variables."""
    assert set(here.up().environment()) == {
        *("TANDEM_AMQP_URL", "TANDEM_AMQP_MANAGEMENT_URL", "TANDEM_MONGO_URL"),
        *("TANDEM_S3_ENDPOINT", "TANDEM_S3_ACCESS_KEY", "TANDEM_S3_SECRET_KEY"),
        *("TANDEM_S3_BUCKET", "TANDEM_S3_REGION", "TANDEM_SMTP_URL", "TANDEM_MAIL_FOLDER"),
    }


def test_a_second_up_reuses_everything(here: Stack, folder: Path) -> None:
    """Another `up` on the folder starts nothing and answers the same."""
    before, endpoints = pids(here), here.up()
    assert Stack(folder, {}).up() == endpoints
    assert pids(here) == before


def test_nothing_listens_beyond_this_machine(here: Stack, folder: Path) -> None:
    """Every listening socket of every process is bound to a loopback address."""
    listening = {
        ip_address(connection.laddr.ip)
        for process in processes_of(folder)
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening
    assert all(address.is_loopback for address in listening)


@pytest.mark.parametrize("name", ALL)
def test_a_killed_part_comes_back_with_its_data(here: Stack, name: str) -> None:
    """After kill -9 of one part, `up` starts it again at the same address, and nothing is lost."""
    word, endpoints = f"killed-{name}", here.up()
    fill(here, word)
    before = pids(here)
    pid = before[name]
    assert pid
    os.kill(pid, signal.SIGKILL)
    process = here.parts[name].process
    assert wait_until(lambda: not process.alive, 60)
    assert here.up() == endpoints
    after = pids(here)
    assert {part for part in ALL if after[part] != before[part]} == {name}
    assert kept(here, word) == dict.fromkeys(ALL, True)


@only_deep
def test_down_leaves_no_process_and_up_finds_the_data(here: Stack, folder: Path) -> None:
    """After `down` nothing runs; the next `up` has the same addresses and all the data."""
    fill(here, "down")
    endpoints = here.up()
    here.down()
    assert processes_of(folder) == []
    assert {part.state for part in here.status()} == {State.STOPPED}
    assert here.up() == endpoints
    assert kept(here, "down") == dict.fromkeys(ALL, True)


# What the services need of each part --------------------------------------------------------


def test_a_vhost_of_ones_own(here: Stack) -> None:
    """A new virtual host takes messages until it is deleted."""
    url = here.rabbitmq.create_vhost("test/1")
    declare(url, "kept", "quorum")
    publish(url, b"hello")
    assert consume(url) == b"hello"
    here.rabbitmq.delete_vhost("test/1")
    with pytest.raises(pika.exceptions.AMQPError):
        publish(url, b"hello")


def test_a_stream_queue_can_be_declared(here: Stack) -> None:
    """The stream plugin is on, so `tandem.history` can be a stream."""
    declare(here.rabbitmq.address, "history", "stream")


@only_deep
def test_the_broker_can_be_stopped_and_started(here: Stack) -> None:
    """A test may take the broker away and give it back: same address, messages kept."""
    publish(here.rabbitmq.address, b"kept")
    here.rabbitmq.kill()
    assert not here.rabbitmq.ready()
    here.rabbitmq.start()
    assert consume(here.rabbitmq.address) == b"kept"


def test_an_object_is_listed_as_soon_as_it_is_there(here: Stack) -> None:
    """Put, list, ranged get and delete agree at once."""
    client = here.s3.client()
    client.put_object(BUCKET, "a/ranged", io.BytesIO(b"0123456789"), 10, "text/plain")
    assert [item.object_name for item in client.list_objects(BUCKET, "a/")] == ["a/ranged"]
    answer = client.get_object(BUCKET, "a/ranged", offset=2, length=3)
    assert answer.status == 206
    assert answer.headers["Content-Range"] == "bytes 2-4/10"
    assert answer.read() == b"234"
    answer.release_conn()
    client.remove_object(BUCKET, "a/ranged")
    assert list(client.list_objects(BUCKET, "a/")) == []


def test_presigned_urls_need_no_keys(here: Stack) -> None:
    """A stranger with a presigned URL can put and get that one object, and no other."""
    client, http = here.s3.client(), urllib3.PoolManager()
    put = http.request("PUT", client.presigned_put_object(BUCKET, "signed"), body=b"by URL")
    assert put.status == 200
    url = client.presigned_get_object(BUCKET, "signed")
    part = http.request("GET", url, headers={"Range": "bytes=3-"})
    assert (part.status, part.data) == (206, b"URL")
    assert http.request("GET", url.replace("signed", "other", 1)).status == 403
    assert http.request("GET", url.partition("?")[0]).status == 400  # no signature at all


def part_url(here: Stack, upload: str, number: int) -> str:
    query: dict[str, str | list[str] | tuple[str]] = {"uploadId": upload}
    query["partNumber"] = str(number)
    return here.s3.client().get_presigned_url("PUT", BUCKET, "whole", extra_query_params=query)


def test_parts_by_presigned_urls_become_one_object(here: Stack) -> None:
    """A multipart upload whose parts were put by URL, in any order, is whole once completed."""
    client, http = here.s3.client(), urllib3.PoolManager()
    upload = client._create_multipart_upload(BUCKET, "whole", {"Content-Type": "video/mp4"})
    etags = {}
    for number, body in ((2, b"B" * 70_000), (1, b"A" * 70_000), (3, b"C")):
        url = part_url(here, upload, number)
        etags[number] = http.request("PUT", url, body=body).headers["ETag"].strip('"')
    listed = client._list_parts(BUCKET, "whole", upload).parts
    assert [part.size for part in listed] == [70_000, 70_000, 1]
    parts = [Part(number, etag) for number, etag in sorted(etags.items())]
    client._complete_multipart_upload(BUCKET, "whole", upload, parts)
    assert client.stat_object(BUCKET, "whole").size == 140_001
    answer = client.get_object(BUCKET, "whole", offset=69_999, length=70_002)
    assert answer.read() == b"A" + b"B" * 70_000 + b"C"
    answer.release_conn()


def test_a_mail_is_kept_with_its_envelope(here: Stack) -> None:
    """A mail can be read back, with the addresses that only its envelope has."""
    send(here, "Hello")
    mail = read_mail(here.smtp.mail)[-1]
    assert mail["Subject"] == "Hello"
    assert mail["X-Envelope-From"] == "bounce@x.org"
    assert mail["X-Envelope-To"] == "ada@x.org"
    assert mail.get_payload(decode=True).strip().decode() == "Tändem"  # type: ignore[union-attr]
