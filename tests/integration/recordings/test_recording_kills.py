"""The role `meetings`, killed at the worst moments: all is there once, and nothing is lost."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from tandem.library.v1 import resources_pb2 as library

from campus.meetings.api import VIDEO
from chassis.clock import SteeredClock
from services.sessions.domain.hosting import MeetingState
from services.sessions.domain.recording_copies import CopyState
from services.sessions.timers_meetings import begin_due
from tests.deep import only_deep
from tests.integration.processes import RoleProcess, eventually
from tests.integration.recordings.cinema import NOON, Cinema
from tests.integration.sessions.hosting import AHEAD, PATIENT

Start = Callable[[], RoleProcess]
EMPTY = 32 * 2**20
LONG_VIDEO = VIDEO.read_bytes() + EMPTY.to_bytes(4) + b"free" + bytes(EMPTY - 8)
"""The demo's video with a large empty box behind it (ISO/IEC 14496-12, section 8.1.2)."""


@pytest.fixture
def start(cinema: Cinema, environment: dict[str, str], tmp_path: Path) -> Iterator[Start]:
    """Starts one more process of the role, beside an api of the library."""
    clock = SteeredClock(tmp_path / "clock.json")
    clock.steer(NOON - timedelta(minutes=20), rate=0)
    started = [RoleProcess(["-m", "services.library", "api"], environment)]
    settings = {
        **environment,
        "TANDEM_ENVIRONMENT": "development",
        "TANDEM_CLOCK": f"file:{tmp_path / 'clock.json'}",
        "TANDEM_MONGO_DATABASE": cinema.database.mongo.name,
        "TANDEM_MEETINGS_FILE": str(cinema.house.file),
        "TANDEM_WEBHOOKS_URL": cinema.house.base,
        "TANDEM_LIBRARY_TARGET": f"127.0.0.1:{started[0].listening()['port']}",
    }

    def one() -> RoleProcess:
        started.append(RoleProcess(["-m", "services.sessions", "meetings"], settings))
        return started[-1]

    yield one
    for each in started:
        each.kill()


def faults_left(cinema: Cinema) -> int:
    """How many of the faults that were ordered have not happened yet."""
    url = f"{cinema.server.address}/control/faults"
    return int(httpx.get(url, trust_env=False, timeout=PATIENT).json()["left"])


def expire_claims(cinema: Cinema, collection: str) -> None:
    """Let the claims of who was killed be over, for which others would wait a minute."""
    cinema.database.mongo[collection].update_many(
        {"job": {"$exists": True}}, {"$set": {"job.due": NOON - timedelta(days=1)}}
    )


@only_deep
def test_a_kill_while_a_meeting_is_made_makes_one(cinema: Cinema, start: Start) -> None:
    """Its server has made it, and has not answered yet; the next process gets the same one."""
    session = cinema.house.class_()
    cinema.server.control("fault", next="stuck", path="/bigbluebutton/api/create")
    cinema.house.near()
    first = start()
    begin_due(cinema.database, AHEAD)
    eventually(lambda: faults_left(cinema) == 0, "the server was asked to make it")
    first.kill()
    expire_claims(cinema, "meetings")
    start()
    eventually(lambda: cinema.house.meeting(session).state is MeetingState.MADE, "it is made")
    url = f"{cinema.server.address}/control/made"
    assert httpx.get(url, trust_env=False, timeout=PATIENT).json() == {"made": 1}


@only_deep
@pytest.mark.parametrize("moment", ["download", "upload"])
def test_a_kill_while_a_recording_is_copied_copies_it_once(
    cinema: Cinema, start: Start, moment: str
) -> None:
    """While its file arrives, or while the library gets it."""
    copy_id = cinema.record(cinema.class_(), captions=False)
    cinema.replace(copy_id, LONG_VIDEO)
    if moment == "download":
        cinema.server.control("fault", next="slow", path="/playback")
    first = start()
    if moment == "download":
        eventually(lambda: faults_left(cinema) == 0, "the file was asked for")
    else:
        eventually(cinema.items, "the upload has begun")
    first.kill()
    expire_claims(cinema, "recording_copies")
    start()
    eventually(lambda: cinema.told(copy_id).state is CopyState.COPIED, "it is copied")
    cinema.open()
    copy = cinema.told(copy_id)
    assert (copy.state, copy.reason) == (CopyState.ATTACHED, "")
    (item,) = cinema.items()
    assert (item.id, item.state) == (copy.attached_item_id, library.ITEM_STATE_AVAILABLE)
    assert len(cinema.attached()) == 1
