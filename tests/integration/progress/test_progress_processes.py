"""The roles as processes: from a statement to its effect, over the real bus."""

import signal
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest
import urllib3

from campus.identity import IdentityProvider
from tests.conftest import FakeClock
from tests.integration.processes import RoleProcess, eventually, publish, role
from tests.integration.progress.classroom import (
    ABSENT,
    FILM,
    HOUR,
    Classroom,
    available,
    ended,
    enrolled,
    finalised,
    lecture,
    opened,
    path,
    recorded,
    scheduled,
)
from tests.integration.progress.lrs import Lrs, voids
from tests.integration.progress.processes import environment_of

LEARNERS = [f"l{number}" for number in range(30)]


def test_from_absence_to_study_over_the_bus(
    classroom: Classroom, clock: FakeClock, stack: dict[str, str], vhost: str
) -> None:
    """Events in disorder and twice give one catch-up each; statements come back over the bus. What
    is voided is taken back, be it there or not.
    """
    clock.at = datetime.now(UTC)  # the worker knows the system's clock only
    environment = environment_of(classroom, stack, vhost)
    causes = [
        classroom.event(each)
        for each in (
            opened(),
            path(lecture()),
            *(enrolled(each, clock.at) for each in LEARNERS),
            scheduled(clock.at - HOUR),
            ended(clock.at),
            finalised(clock.at, dict.fromkeys(LEARNERS, ABSENT)),
            recorded(),
            available(FILM, 3600),
        )
    ]
    with (
        role("progress", "relay", environment) as relay,
        role("progress", "worker", environment) as worker,
    ):
        publish(vhost, *reversed(causes), *causes)
        eventually(lambda: _open_catch_ups(classroom) == len(LEARNERS))
        studied = [classroom.watched(each, "0[.]3600") for each in LEARNERS[:20]]
        classroom.record(*studied)
        eventually(lambda: classroom.summary().completed_catch_ups == 20)
        taken_back = classroom.watched("l21", "0[.]3600")
        lrs = Lrs(classroom.database, clock)
        lrs.post(voids(taken_back.id), voids(studied[0].id))  # one is not there yet
        classroom.record(taken_back)
        eventually(lambda: classroom.summary().open_catch_ups == 11)
        eventually(lambda: classroom.summary().statements == 19)
        for process in (worker, relay):
            process.send_signal(signal.SIGTERM)
            assert process.wait(120) == 0
    summary = classroom.summary()
    assert (summary.open_catch_ups, summary.statements) == (11, 19)
    assert summary.completed_activities == 19
    assert len(classroom.catch_ups()) == len(LEARNERS)


def _open_catch_ups(classroom: Classroom) -> int:
    """How many wait to be studied; none while the run is not known."""
    try:
        return classroom.summary().open_catch_ups
    except grpc.RpcError:
        return 0


@pytest.mark.parametrize(("url", "status"), [("https://lrs.example/xapi", 200), ("", 404)])
def test_the_api_is_an_lrs_if_it_is_told_to(
    classroom: Classroom,
    stack: dict[str, str],
    vhost: str,
    tmp_path: Path,
    url: str,
    status: int,
) -> None:
    """/xapi is there just if the api knows its own public URL."""
    environment = {
        **environment_of(classroom, stack, vhost),
        **IdentityProvider(tmp_path).environment(),
        "TANDEM_XAPI_URL": url,
    }
    api = RoleProcess(["-m", "services.progress", "api"], environment)
    try:
        answer = urllib3.request("GET", f"{api.url()}/xapi/about", retries=False)
        assert (answer.status, b'"2.0.0"' in answer.data) == (status, status == 200)
    finally:
        api.kill()
