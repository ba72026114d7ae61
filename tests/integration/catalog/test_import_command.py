"""`tandem import oneroster`: the command against a real api, with a worker beside it."""

import csv
import json
import random
import shlex
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest
import structlog
from tandem.catalog.v1 import catalog_pb2, imports_pb2

from campus import upload
from campus.cli import cli
from campus.oneroster.command import bring, oneroster, request_of
from campus.oneroster.export import zipped
from campus.oneroster.importer import Importer
from chassis.edge.methods import Servicer
from chassis.edge.server import Server
from chassis.testing import Issuer, settings_for
from services.catalog import rights
from services.catalog.api import CatalogApi
from tests.integration.catalog.registry import Registry
from tests.integration.catalog.rosters import DONE, PART, Roster
from tests.oneroster import small

PAGE = Path(__file__).resolve().parents[3] / "docs" / "oneroster.md"
OPTIONS: dict[str, Any] = {
    "dry_run": False,
    "source": "",
    "sections": "runs",
    "subject": "sourced_id",
    "delivery": "blended",
    "mode": "classroom",
    "zone": "UTC",
    "language": "en",
    "share": 0.1,
}


@contextmanager
def working(roster: Roster) -> Iterator[None]:
    """A worker, until the block ends."""
    end = threading.Event()

    def work() -> None:
        while not end.wait(0.02):
            roster.runner.run_due()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


@pytest.fixture
def target(roster: Roster, tmp_path: Path) -> Iterator[list[str]]:
    """The options that lead the command to a real api."""
    issuer, token = Issuer(), tmp_path / "token"
    token.write_text(issuer.token("registrar", ["registrar"]))
    registry: Registry = roster.registry
    servicer = Servicer(
        CatalogApi(registry.database, registry.library),
        catalog_pb2.DESCRIPTOR.services_by_name["CatalogService"],
        partial(rights.relation, registry.database),
    )
    settings = settings_for(issuer.write_jwks(tmp_path / "jwks.json"))
    server = Server(settings, "tests", registry.database, [servicer])
    server.start()
    # As in `main`: the output is for results.
    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))
    yield ["--target", f"127.0.0.1:{server.port}", "--token-file", str(token)]
    structlog.reset_defaults()
    server.drain(settings.drain)


@dataclass(frozen=True)
class Ended:
    """What a command printed, and its exit status."""

    status: int
    out: str
    errors: str


@pytest.fixture
def tandem(target: list[str], capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Runs the command against the api; its terminal is a pipe."""

    def run(*words: str) -> Ended:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli(["import", "oneroster", *words, *target])
        told = capsys.readouterr()
        return Ended(int(ended.value.code or 0), told.out, told.err)

    return run


def test_the_command_shows_the_difference_and_imports(
    roster: Roster, tandem: Callable[..., Ended], tmp_path: Path
) -> None:
    """A dry run, the import, and the refused rows: as a table, as JSON and as CSV; the exit status
    tells what happened.
    """
    export, file, told = small(), tmp_path / "roster.zip", tmp_path / "told.csv"
    export.user("bad", email="nowhere")
    file.write_bytes(export.zipped())
    with working(roster):
        dry = tandem(str(file), "--dry-run")
        assert dry.status == 3, dry.errors
        assert roster.events() == 0
        done = tandem(str(file), "--json", "--csv", str(told))
        assert done.status == 3, done.errors
        file.write_bytes(small().zipped())
        again = tandem(str(file))
    table = [line.split() for line in dry.out.splitlines()]
    assert table[0] == ["sis:", "CHECKED"]
    assert table[1][:5] == ["file", "added", "changed", "removed", "refused"]
    assert ["users.csv", "4", "0", "0", "1", "0", "0", "0"] in table
    whole = json.loads(done.out)
    assert (whole["state"], whole["reason"]) == ("DONE", "")
    (row,) = whole["rows"]
    assert (row["file"], row["line"], row["sourced_id"], row["field"]) == (
        "users.csv", 6, "bad", "email",
    )  # fmt: skip
    with told.open(newline="") as lines:
        assert [each["reason"] for each in csv.DictReader(lines)] == [row["reason"]]
    assert again.status == 0, again.errors


def test_a_command_that_can_not_go_on_says_why(
    roster: Roster, tandem: Callable[..., Ended], tmp_path: Path
) -> None:
    """A file that is no archive, and too many removals without --confirm."""
    file = tmp_path / "roster.zip"
    file.write_bytes(b"no archive")
    with working(roster):
        broken = tandem(str(file), "--source", "sis")
    assert (broken.status, "no ZIP archive" in broken.errors) == (1, True)
    export = small()
    for number in range(20):
        export.user(f"more{number}")
    roster.run(export)
    file.write_bytes(small().zipped())
    with working(roster):
        asks = tandem(str(file))
        assert (asks.status, "would remove users.csv: 20 of 24" in asks.errors) == (4, True)
        assert tandem(str(file), "--confirm").status == 0
    assert len(roster.state()["people"]) == 4


def test_the_commands_of_the_page_do_what_it_says(
    roster: Roster, tandem: Callable[..., Ended], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each command in docs/oneroster.md ends with 0; the first one changes nothing, and the page
    names every option of the command.
    """
    page = PAGE.read_text()
    commands = [line for line in page.splitlines() if line.startswith("tandem import oneroster ")]
    (tmp_path / "roster.zip").write_bytes(small().zipped())
    monkeypatch.chdir(tmp_path)
    with working(roster):
        events = []
        for command in commands:
            assert tandem(*shlex.split(command)[3:]).status == 0, command
            events.append(roster.events())
    assert events[0] == 0 < events[1]
    names = {name for option in oneroster.params for name in option.opts if name.startswith("--")}
    assert {name for name in names if name not in page} <= {"--data", "--tls"}


def test_an_interrupted_command_goes_on(roster: Roster, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same archive finds its import and sends the missing parts only; calls that fail because
    the line is broken are repeated. When the import has ended, the next one is new.
    """
    monkeypatch.setattr(upload, "FIRST_PAUSE", 0.001)
    content = zipped({**small().texts(), "noise.bin": random.Random(1).randbytes(2 * PART)})
    request = request_of(content, **OPTIONS)
    first = Importer(roster.rpc).announce(request)
    roster.append(first.id, 0, content[:PART])
    sent: list[int] = []
    catalog = Flaky(roster, sent)
    with working(roster):
        done = bring(Importer(catalog), request, content, False, True)  # type: ignore[arg-type]
        again = bring(Importer(roster.rpc), request, content, False, True)
    assert (done.id, done.state, again.state) == (first.id, DONE, DONE)
    assert sent == [PART, 2 * PART]
    assert again.id != done.id


class Flaky:
    """The api behind a line on which every other call is lost, after it was done."""

    def __init__(self, roster: Roster, sent: list[int]) -> None:
        self._roster, self._sent, self._calls = roster, sent, 0

    def __getattr__(self, name: str) -> object:
        real = getattr(self._roster.rpc, name)

        def call(request: object, **more: object) -> object:
            answer = real(request, **more)
            self._calls += 1
            if self._calls % 2:
                raise Lost
            if isinstance(request, imports_pb2.AppendImportRequest):
                self._sent.append(request.offset)
            return answer

        return call


class Lost(grpc.RpcError):
    """A call whose answer did not arrive."""

    def code(self) -> grpc.StatusCode:
        """What grpc says then."""
        return grpc.StatusCode.UNAVAILABLE
