"""Demo data on a running installation, by the public APIs alone."""

import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tandem.catalog.v1 import catalog_pb2
from tandem.sessions.v1 import sessions_pb2
from tandem.types.v1 import types_pb2

from campus import seed
from campus.demo import term
from campus.platform import Platform
from campus.services import Services
from tests.deep import only_deep


def run_seed(environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run it as the Job of deploy/kubernetes/components/demo-data does."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("TANDEM_")}
    command = [sys.executable, "-m", "campus.seed"]
    return subprocess.run(
        command, env=clean | environment, capture_output=True, text=True, check=False
    )


def settings_of(platform: Platform, folder: Path) -> dict[str, str]:
    """The setting of a running platform."""
    token = folder / "token"
    token.write_text(platform.identity.mint("seed", ["registrar", "instructor", "service"]))
    known = platform.environment()
    targets = {name: known[name] for name in seed.TARGETS.values()}
    return {**targets, seed.TOKEN: str(token), seed.STORE: known["TANDEM_S3_ENDPOINT"]}


def state(staff: Services, monday: str) -> tuple[set[str], Counter[int]]:
    """The runs of the term, and the lecture's seats by kind."""
    runs = staff.catalog.ListRuns(catalog_pb2.ListRunsRequest(page_size=1000)).runs
    ours = [run for run in runs if run.id and run.start_date == monday]
    seats: Counter[int] = Counter()
    for run in ours:
        rows = staff.sessions.ListSessions(sessions_pb2.ListSessionsRequest(run_id=run.id))
        for session in rows.sessions:
            request = sessions_pb2.ListSeatsRequest(session_id=session.id, page_size=1000)
            seats += Counter(seat.kind for seat in staff.sessions.ListSeats(request).seats)
    return {run.id for run in ours}, seats


@only_deep
def test_it_makes_a_term_once(platform: Platform, staff: Services, tmp_path: Path) -> None:
    """Three runs, and seats as asked for; a second run of it changes nothing."""
    monday = seed.next_monday(datetime.now(UTC).date())
    begins = str(monday - timedelta(days=1))
    done = run_seed(settings_of(platform, tmp_path))
    assert done.returncode == 0, done.stderr
    assert f"the first class is on {monday}" in done.stdout
    runs, seats = state(staff, begins)
    assert len(runs) == len(term.TITLES)
    assert seats == {
        types_pb2.SEAT_KIND_IN_ROOM: term.ROOM_SEATS,
        types_pb2.SEAT_KIND_ONLINE: len(term.ONLINE_OF_PHYSICS),
        types_pb2.SEAT_KIND_WAITLISTED: len(term.CLASSROOM_OF_PHYSICS) - term.ROOM_SEATS,
    }
    assert run_seed(settings_of(platform, tmp_path)).returncode == 0
    assert state(staff, begins) == (runs, seats)


def test_it_says_all_that_it_lacks(tmp_path: Path) -> None:
    """Every variable that is missing is named at once, with what it is for."""
    done = run_seed({"TANDEM_CATALOG_TARGET": "127.0.0.1:1"})
    assert done.returncode == 78
    assert [line.partition(":")[0] for line in done.stderr.splitlines()[1:]] == [
        name for name in seed.NEEDED if name != "TANDEM_CATALOG_TARGET"
    ]


@pytest.mark.parametrize("day", range(7))
def test_the_first_class_is_on_a_monday_to_come(day: int) -> None:
    """One to seven days ahead, whatever today is."""
    today = datetime(2026, 11, 23 + day, tzinfo=UTC).date()
    monday = seed.next_monday(today)
    assert monday.weekday() == 0
    assert 1 <= (monday - today).days <= 7
