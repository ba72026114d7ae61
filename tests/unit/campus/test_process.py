"""A process is found again, ended with all its children, and never mistaken for another."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from campus.stack.errors import StackError
from campus.stack.process import Process, ensure
from campus.waiting import wait_until

SLEEP = ["sleep", "60"]
# Python's `-c` so that a signal handler can be set; says `ready` in its log once it is.
STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); print('ready'); time.sleep(60)"


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    process = Process("part", tmp_path)
    yield process
    process.kill()


def state_file(folder: Path) -> Path:
    return folder / "run" / "part.json"


def ended(pid: int) -> bool:
    """Whether it ended, or is a zombie until its parent (for an orphan: init) notices."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def python(script: str) -> list[str]:
    return [sys.executable, "-u", "-c", script]


def test_a_started_process_is_seen_by_another_object(process: Process, tmp_path: Path) -> None:
    """The state is in the folder, not in the object."""
    pid = process.start(SLEEP)
    assert Process("part", tmp_path).pid == pid
    assert os.getsid(pid) == pid  # a session of its own: our terminal's end is not its end


def test_nothing_runs_before_the_start(process: Process) -> None:
    """A process that never ran is dead, and can be stopped without harm."""
    assert not process.alive
    process.stop()


def test_stop_ends_it_and_leaves_no_zombie(process: Process) -> None:
    """After stop the pid is free again, even if we are the parent."""
    pid = process.start(SLEEP)
    process.stop()
    assert not process.alive
    assert not psutil.pid_exists(pid)


def test_stop_loses_patience(process: Process) -> None:
    """A process that ignores SIGTERM is killed after the grace."""
    process.start(python(STUBBORN))
    assert wait_until(lambda: "ready" in process.log_tail(), 60)
    process.stop(grace=0.1)
    assert not process.alive


def test_children_that_left_the_session_are_ended_too(process: Process) -> None:
    """The process's children end with it, in any session."""
    process.start(["sh", "-c", "setsid sleep 60 & echo $!; wait"])
    assert wait_until(lambda: process.log_tail().strip().isdigit(), 60)
    child = int(process.log_tail())
    process.stop()
    assert ended(child)


def test_a_lost_state_file_loses_no_process(process: Process, tmp_path: Path) -> None:
    """A process without its state file is found by its mark and ended before the next start."""
    first = process.start(SLEEP)
    state_file(tmp_path).unlink()
    assert not process.alive
    second = process.start(SLEEP)
    assert ended(first)
    assert process.pid == second


@pytest.mark.parametrize("spoilt", ["", "{", "[]", "{}", '{"pid": "x", "began": 0}'])
def test_a_spoilt_state_file_is_no_obstacle(process: Process, tmp_path: Path, spoilt: str) -> None:
    """A damaged state file after a crash neither counts as alive nor stops a start."""
    process.start(SLEEP)
    state_file(tmp_path).write_text(spoilt)
    assert not process.alive
    process.start(SLEEP)
    assert process.alive


def test_a_recycled_pid_is_left_alone(process: Process, tmp_path: Path) -> None:
    """Another process with the pid of our dead one is neither ours nor gets a signal."""
    process.start(SLEEP)
    state = json.loads(state_file(tmp_path).read_text())
    process.kill()
    with subprocess.Popen(SLEEP) as stranger:
        state_file(tmp_path).write_text(json.dumps({**state, "pid": stranger.pid, "began": 1.0}))
        assert not process.alive
        process.stop()
        assert stranger.poll() is None
        stranger.kill()


def test_a_moved_clock_does_not_disown_a_process(process: Process, tmp_path: Path) -> None:
    """A start time that reads otherwise is outweighed by the mark."""
    pid = process.start(SLEEP)
    # Empty for a moment, while the process begins to execute.
    assert wait_until(lambda: bool(psutil.Process(pid).environ()), 60)
    state = json.loads(state_file(tmp_path).read_text())
    state_file(tmp_path).write_text(json.dumps({**state, "began": state["began"] - 3600}))
    assert process.pid == pid


def test_another_folder_is_another_process(process: Process, tmp_path: Path) -> None:
    """The same name in another folder has nothing to do with it."""
    process.start(SLEEP)
    other = Process("part", tmp_path / "other")
    other.stop()
    assert not other.alive
    assert process.alive


def test_signals_that_we_ignore_are_not_ignored_by_the_child(process: Process) -> None:
    """A child doesn't inherit Python's ignored SIGPIPE."""
    assert signal.getsignal(signal.SIGPIPE) == signal.SIG_IGN
    process.start(["sh", "-c", "grep SigIgn /proc/self/status; sleep 60"])
    assert wait_until(lambda: "SigIgn" in process.log_tail(), 60)
    ignored = int(process.log_tail().split()[1], 16)
    assert not ignored & 1 << (signal.SIGPIPE - 1)


def test_the_log_is_kept_over_a_restart(process: Process) -> None:
    """A second run's output follows the first's."""
    for word in ("one", "two"):
        process.start(["echo", word])
        assert wait_until(lambda word=word: word in process.log_tail(), 60)  # type: ignore[misc]
    assert process.log_tail() == "one\ntwo"


def test_a_command_that_is_not_there_is_named(process: Process) -> None:
    """The error names the command."""
    with pytest.raises(StackError, match="part: can't execute /no/such/file: No such file"):
        process.start(["/no/such/file"])


def test_ensure_leaves_a_healthy_process_alone(process: Process) -> None:
    """A process that runs and answers isn't started again."""
    ensure(process, lambda: process.start(SLEEP), lambda: True)
    pid = process.pid
    ensure(process, lambda: pytest.fail("launched again"), lambda: True)
    assert process.pid == pid


def test_ensure_needs_one_answer(process: Process) -> None:
    """A process that answered once is up, even if a busy machine makes its next answer late."""
    answers = iter([False, True])
    ensure(process, lambda: process.start(SLEEP), lambda: next(answers, False))
    assert process.alive


def test_ensure_replaces_a_process_that_does_not_answer(process: Process) -> None:
    """A process that doesn't answer in time is ended and started again."""
    first = process.start(SLEEP)
    ensure(process, lambda: process.start(SLEEP), lambda: process.pid != first, settle=0.1)
    assert process.alive
    assert process.pid != first


def test_ensure_reports_the_end_of_the_log(process: Process) -> None:
    """A process that ends at once is reported with its last words, without waiting."""
    script = python("raise SystemExit('no room left')")
    with pytest.raises(StackError, match=r"(?s)part did not stay up.*no room left"):
        ensure(process, lambda: process.start(script), lambda: False, patience=60)


def test_ensure_gives_up_and_cleans_up(process: Process) -> None:
    """A process that never answers is reported and not left running."""
    with pytest.raises(StackError, match="part did not answer within 0 s"):
        ensure(process, lambda: process.start(SLEEP), lambda: False, patience=0.1)
    assert not process.alive
