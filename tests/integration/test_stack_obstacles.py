"""What stands in the way of the local stack."""

import os
import socketserver
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from campus.stack import rabbitmq
from campus.stack.errors import StackError
from campus.stack.mongodb import find_mongod
from campus.stack.stack import Stack, State
from tests.deep import only_deep
from tests.integration.test_stack import documents, kill_all, pids, processes_of

LIGHT = ("mongodb", "smtp")  # parts that start in a moment


@pytest.fixture
def light(tmp_path: Path) -> Iterator[Stack]:
    """A stack of its own for a test that does mischief; nothing of it runs yet."""
    local = Stack(tmp_path, {})
    yield local
    kill_all(local)


@only_deep
def test_two_ups_at_once_start_each_part_once(light: Stack, tmp_path: Path) -> None:
    """Two programs that start the same folder end up with the same processes."""
    script = (
        "import sys; from pathlib import Path; from campus.stack.stack import Stack;"
        "print(Stack(Path(sys.argv[1]), {}).up(('mongodb', 'smtp')).environment())"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    rivals = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
    answers = [rival.communicate()[0] for rival in rivals]
    assert answers[0] == answers[1]
    assert answers[0]
    assert {process.pid for process in processes_of(tmp_path)} == {
        pid for pid in pids(light).values() if pid
    }


@only_deep
def test_what_a_crash_left_behind_is_no_obstacle(light: Stack, tmp_path: Path) -> None:
    """Spoilt state files, spoilt port files and a stale mongod.lock do not stop an `up`."""
    light.up(LIGHT)
    kill_all(light)
    for name in LIGHT:
        (tmp_path / "run" / f"{name}.json").write_text('{"pid": ')
        (tmp_path / name / "ports.json").write_text("")
    (tmp_path / "mongodb" / "data" / "mongod.lock").write_text(f"{os.getpid()}\n")
    light.up(LIGHT)
    assert light.mongodb.ready()
    assert light.smtp.ready()


class Stranger(socketserver.TCPServer):
    """Takes connections and hangs up."""

    allow_reuse_address = True


@contextmanager
def stranger_on(port: int) -> Iterator[None]:
    with Stranger(("127.0.0.1", port), socketserver.BaseRequestHandler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield
        server.shutdown()
        thread.join()


def test_a_port_that_a_stranger_took_is_replaced(light: Stack) -> None:
    """MongoDB moves to another port, replica set and data included."""
    light.up(LIGHT)
    before = light.mongodb.address
    with documents(light) as client:
        client.test.kept.insert_one({"_id": "moved"})
    light.mongodb.kill()
    port = int(before.split(":")[2].split("/")[0])
    with stranger_on(port):
        light.up(LIGHT)
    assert light.mongodb.address != before
    with documents(light) as client, client.test.kept.watch() as stream:
        assert client.test.kept.find_one() == {"_id": "moved"}
        client.test.kept.insert_one({"_id": "seen"})
        assert stream.next()["documentKey"] == {"_id": "seen"}


def test_a_deleted_data_folder_is_no_obstacle(light: Stack, tmp_path: Path) -> None:
    """If the folder was deleted under running servers, `up` ends those and starts afresh."""
    light.up(("smtp",))
    old = processes_of(tmp_path)
    for path in sorted(tmp_path.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    light.up(("smtp",))
    assert not any(process.is_running() for process in old)
    assert light.smtp.ready()


def test_a_given_part_is_not_started(tmp_path: Path) -> None:
    """A part that the environment gives is used from there."""
    given = {"TANDEM_MONGO_URL": "mongodb://db.example.org/?replicaSet=rs0"}
    local = Stack(tmp_path, given)
    assert local.up(("mongodb",)).environment() == given
    assert processes_of(tmp_path) == []
    assert local.status()[1].state is State.GIVEN


def test_every_part_that_cannot_be_had_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One message says of each missing part what to do."""

    def no_xattrs(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(rabbitmq, "SERVER", tmp_path / "nowhere")
    monkeypatch.setattr(os, "setxattr", no_xattrs)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StackError) as error:
        Stack(tmp_path, {}).up(("rabbitmq", "s3"))
    text = str(error.value)
    assert "sudo apt-get install -y --no-install-recommends rabbitmq-server" in text
    assert "TANDEM_AMQP_URL" in text
    assert "no user xattrs (Operation not supported)" in text


def test_a_missing_mongod_is_explained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without the wheel and without a mongod on the PATH, the message says what would help."""
    monkeypatch.setattr("campus.stack.mongodb.find_spec", lambda _: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StackError, match="set TANDEM_MONGO_URL to a replica set that runs"):
        find_mongod()


def test_a_half_given_store_stops_up(tmp_path: Path) -> None:
    """A store given by halves is an error before anything is started."""
    with pytest.raises(StackError, match="TANDEM_S3_SECRET_KEY"):
        Stack(tmp_path, {"TANDEM_S3_ENDPOINT": "https://s3.example.org"}).up()
    assert processes_of(tmp_path) == []
