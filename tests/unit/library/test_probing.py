"""The parent of a probe: whatever the probe does, it gets a verdict, and no process is left."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from services.library import probe
from services.library.child import RUBBISH, CantStart
from services.library.domain import types
from services.library.ports import FilesAway, NoSuchUpload
from services.library.probe import Verdict
from services.library.probing import Prober
from tests.unit.library import bad_probe, examples

CONTENT = bytes(1000)
BAD = bad_probe.__name__


def opened(media_type: str, content: bytes, prober: Prober | None = None) -> Verdict:
    """What a process finds in a file."""
    prober = prober or Prober()
    return prober(media_type, len(content), lambda at, n: content[at : at + n], lambda: None)


def misbehaved(deed: str, longest: float = 60.0) -> str:
    """The reason that is told of a probe that misbehaves."""
    return opened(deed, CONTENT, Prober(BAD, longest)).fault


@pytest.fixture(autouse=True)
def _leaves_no_process() -> Iterator[None]:
    """Every test here waits for the processes that it has started."""
    before = _children()
    yield
    assert _children() <= before


def _children() -> set[str]:
    """The processes that this one has started and not waited for; servers of tests may be among
    them.
    """
    found: set[str] = set()
    for task in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):  # a thread that has just ended: its children are another's now
            found |= set(task.read_text().split())
    return found


def test_a_film_is_measured_by_a_process() -> None:
    """It asks for the ranges that it needs."""
    assert opened("video/mp4", examples.FILM.read_bytes()) == Verdict(examples.FILM_SECONDS)


def test_a_document_is_opened_by_a_process() -> None:
    """A good one has no fault, a bad one has its reason."""
    assert opened(types.PDF, examples.PDF) == Verdict()
    assert opened(types.PDF, examples.pdf(1, owner="secret")) == Verdict()
    assert opened(types.PDF, examples.pdf(0)) == Verdict(fault="it has no pages")
    assert "can't be opened" in opened(types.EPUB, b"").fault


@pytest.mark.parametrize("deed", ["sleep", "ask/sleep", "spin"])
def test_a_probe_that_takes_too_long_is_ended(deed: str) -> None:
    """The reason names the limit."""
    assert misbehaved(deed, longest=0.5) == "opening it takes longer than 0.5 s"


def test_a_probe_that_computes_too_long_is_ended_by_its_own_limit() -> None:
    """Without its parent."""
    assert "s of computing" in misbehaved("spin/limited")


@pytest.mark.parametrize("deed", ["crash", "killed", "eat", "leave", "ask/leave"])
def test_a_probe_that_breaks_off_is_told(deed: str) -> None:
    """The reason names its signal or status."""
    assert misbehaved(deed).startswith("its reader broke off with ")


@pytest.mark.parametrize(
    "deed",
    [
        *("flood", "no/json", "number", "nothing", "both", "text", "nan", "endless"),
        *("before", "behind", "too/much", "none"),
    ],
)
def test_rubbish_is_told(deed: str) -> None:
    """Neither more text nor other ranges than a probe may ask for."""
    assert misbehaved(deed) == RUBBISH


def test_a_line_without_an_end_is_no_verdict() -> None:
    """The process ended within it."""
    assert misbehaved("no/line").startswith("its reader broke off")


def test_a_probe_reads_no_more_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if it ignores its own limit."""
    monkeypatch.setattr(probe, "MOST_READ", 5000)
    assert misbehaved("read/all") == "opening it takes too much of it"


def test_a_probe_that_can_t_start_is_no_fault_of_the_file() -> None:
    """An error, so that the file is looked at again."""
    with pytest.raises(CantStart):
        misbehaved("never/ready")
    with pytest.raises(CantStart):
        opened(types.PDF, CONTENT, Prober("no.such.module"))


@pytest.mark.parametrize("error", [FilesAway("away"), NoSuchUpload("gone")])
def test_an_error_of_the_store_is_raised(error: Exception) -> None:
    """It is not taken for one of the file."""

    def read(at: int, length: int) -> bytes:
        raise error

    with pytest.raises(type(error)):
        Prober()(types.PDF, 1000, read, lambda: None)


def test_a_store_that_answers_too_little_is_away() -> None:
    """The probe does not take a range cut short for the file's end."""
    with pytest.raises(FilesAway):
        Prober()(types.PDF, 1000, lambda at, n: b"", lambda: None)


def test_a_process_that_is_to_end_ends_its_probe() -> None:
    """What `go_on` raises comes out."""

    def go_on() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        Prober()(types.PDF, 1000, lambda at, n: bytes(n), go_on)


def test_a_probe_knows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has neither the environment of its parent, nor its files."""
    monkeypatch.setenv("TANDEM_S3_SECRET_KEY", "secret")
    assert set(misbehaved("environment").split()) <= {"PATH", "PYTHONPATH", "LC_CTYPE"}
    with Path(__file__).open() as file:
        os.set_inheritable(file.fileno(), True)
        assert misbehaved("files").split() == ["0", "1", "2", "3"]  # 3 is the folder that it lists


@pytest.mark.parametrize("deed", ["connect", "execute", "fork"])
def test_a_probe_makes_no_connection_and_no_process(deed: str) -> None:
    """The system refuses both, whatever a file makes its reader do."""
    assert misbehaved(deed) == "Operation not permitted"


def test_a_probe_writes_no_file() -> None:
    """Its limit of a file's size is zero."""
    assert misbehaved("write") == "File too large"


def test_it_runs_under_eventlet() -> None:
    """As in a worker: while probes run, other greenlets do; many files wait for their turn."""
    done = subprocess.run(
        [sys.executable, "-c", UNDER_EVENTLET],
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(examples.ROOT)},
    )
    verdicts, ticks = json.loads(done.stdout.splitlines()[-1])
    assert verdicts == ["", "", "it has no pages", "opening it takes longer than 0.5 s"] * 2
    assert ticks > 10


UNDER_EVENTLET = """
import eventlet
eventlet.monkey_patch()
import json, time
from services.library.probing import Prober
from tests.unit.library import examples

prober, slow = Prober(), Prober("tests.unit.library.bad_probe", 0.5)
film, pdf, empty = examples.FILM.read_bytes(), examples.PDF, examples.pdf(0)
ticks = []
def tick():
    while True:
        ticks.append(1)
        time.sleep(0.01)
eventlet.spawn(tick)
def look(of):
    prober, media_type, content = of
    read = lambda at, n: content[at : at + n]
    return prober(media_type, len(content), read, lambda: time.sleep(0)).fault
files = [
    (prober, "video/mp4", film), (prober, "application/pdf", pdf),
    (prober, "application/pdf", empty), (slow, "sleep", pdf),
]
pool = eventlet.GreenPool()
print(json.dumps([list(pool.imap(look, files * 2)), len(ticks)]))
"""
