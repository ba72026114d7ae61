"""SIGTERM: what is begun is finished, and the process leaves with 0."""

import ctypes
import os
import platform as platform_module
import signal
import subprocess
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from tandem.catalog.v1 import catalog_pb2

from campus.platform import Platform, Role
from campus.services import Services
from campus.stack.process import python_command
from chassis.data.store import connect
from tests.deep import only_deep
from tests.mongo import long_transactions
from tests.system.classes import MakeClass, until

# tgkill(2): a signal for one thread of another process.
TGKILL = {"x86_64": 234, "aarch64": 131}[platform_module.machine()]
_libc = ctypes.CDLL(None)
LEAVING = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,  # a call that had not begun when the server left
)


@only_deep
def test_a_call_in_hand_is_answered(
    whole: Platform, make_class: MakeClass, staff: Services
) -> None:
    """A command that the server works on when SIGTERM comes ends well, and is kept."""
    code = f"{make_class(1).key}-held"
    request = catalog_pb2.CreateCourseRequest(code=code, title="t")
    api = whole.roles["catalog-api"]
    pid = api.process.pid
    assert pid
    url = whole.environment()["TANDEM_MONGO_URL"]
    with connect(url, "test") as client, long_transactions(client):
        before = _lost_races(api)
        with client.start_session() as session:
            # The same code, not committed yet: another writer has to try again.
            session.start_transaction()
            client["tandem_catalog"]["courses"].insert_one(
                {"_id": code, "code": code}, session=session
            )
            call: Any = staff.catalog.CreateCourse
            answer = call.future(request)
            until("the server to work on it", lambda: _lost_races(api) > before)
            os.kill(pid, signal.SIGTERM)
            until("the server to drain", lambda: not api.ready())
            assert api.process.pid == pid
            assert not answer.done()
            session.abort_transaction()
        course = answer.result()
    until("the process to leave", lambda: not api.process.alive)
    whole.up()
    assert course.code == code
    assert code in _codes(staff)


def _lost_races(api: Role) -> float:
    """How many of its units of work lost a race, as one does where another is not committed."""
    with urllib.request.urlopen(f"{api.ops_url}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    counted = [line for line in lines if line.startswith("tandem_transaction_conflicts_total")]
    return sum(float(line.rpartition(" ")[2]) for line in counted)


@only_deep
def test_what_a_draining_api_answered_is_kept(
    whole: Platform, make_class: MakeClass, staff: Services
) -> None:
    """SIGTERM under a stream of commands: whatever was answered is there afterwards."""
    group = make_class(1)
    api = whole.roles["catalog-api"]
    pid = api.process.pid
    assert pid
    stopping = threading.Event()
    done: list[str] = []

    def create(number: int) -> str:
        code = f"{group.key}-{number}"
        if not _created(staff, code, 1 if stopping.is_set() else 10):
            return ""
        done.append(code)
        if len(done) >= 50 and not stopping.is_set():
            stopping.set()
            os.kill(pid, signal.SIGTERM)
        return code

    with ThreadPoolExecutor(4) as pool:
        answered = {code for code in pool.map(create, range(80)) if code}
    assert len(answered) >= 50
    until("the process to leave", lambda: not api.process.alive)
    whole.up()
    assert answered <= _codes(staff)


def _created(staff: Services, code: str, patience: float) -> bool:
    """Whether the course was created; a server that leaves may refuse, in these ways only."""
    request = catalog_pb2.CreateCourseRequest(code=code, title="t")
    try:
        staff.catalog.CreateCourse(request, timeout=patience)
    except grpc.RpcError as error:
        if error.code() in LEAVING:
            return False
        raise
    return True


def _codes(staff: Services) -> set[str]:
    found: set[str] = set()
    token = ""
    while True:
        page = staff.catalog.ListCourses(
            catalog_pb2.ListCoursesRequest(page_size=1000, page_token=token)
        )
        found |= {course.code for course in page.courses}
        token = page.next_page_token
        if not token:
            return found


@pytest.mark.parametrize(
    ("service", "role"),
    [("progress", "api"), ("progress", "worker"), ("progress", "relay"), ("catalog", "api")],
)
def test_sigterm_ends_every_role_with_0(platform: Platform, service: str, role: str) -> None:
    """A second replica of a role starts beside the first, and leaves with 0 on SIGTERM."""
    environment = {**os.environ, **platform.environment()}
    child = subprocess.Popen(
        python_command(f"services.{service}", role),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        _wait_for_start(child)
        child.send_signal(signal.SIGTERM)
        assert child.wait(120) == 0
    finally:
        child.kill()


@pytest.mark.parametrize("role", ["api", "worker", "relay"])
def test_sigterm_is_heard_whichever_thread_takes_it(platform: Platform, role: str) -> None:
    """Linux may give a process' signal to another thread than the main one, which then sleeps on.

    It does where another thread comes by first, one that is just making a third.
    """
    child = subprocess.Popen(
        python_command("services.progress", role),
        env={**os.environ, **platform.environment()},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        _wait_for_start(child)
        # The worker's threads are green: it has one.
        until("a thread to take it", lambda: _is_told(child.pid, role == "worker"))
        assert child.wait(120) == 0
    finally:
        child.kill()


def _is_told(pid: int, may_be_alone: bool) -> bool:
    """Give SIGTERM to a thread that is not the main one; whether it was still there."""
    others = _other_threads(pid) or [pid] * may_be_alone
    return any(_libc.syscall(TGKILL, pid, each, signal.SIGTERM) == 0 for each in others)


def _other_threads(pid: int) -> list[int]:
    """The threads that receive SIGTERM, without the main thread; the last one first."""
    tasks = sorted(map(int, os.listdir(f"/proc/{pid}/task")), reverse=True)
    return [task for task in tasks if task != pid and _hears(f"/proc/{pid}/task/{task}/status")]


def _hears(status: str) -> bool:
    try:
        fields = dict(line.split(":", 1) for line in Path(status).read_text().splitlines())
    except (FileNotFoundError, ProcessLookupError):  # it has ended since it was listed
        return False
    return not int(fields["SigBlk"], 16) & 1 << (signal.SIGTERM - 1)


def _wait_for_start(child: "subprocess.Popen[str]") -> None:
    """Wait until the role logs its port: then it runs, and handles signals."""
    assert child.stdout is not None
    assert any("ops_port" in line for line in iter(child.stdout.readline, ""))
