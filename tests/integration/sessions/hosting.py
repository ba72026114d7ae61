"""A school whose online classes have meetings on servers that speak BigBlueButton's API."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import urllib3
import uvicorn
from tandem.sessions.v1 import joining_pb2, resources_pb2
from tandem.types.v1 import types_pb2

from campus.meetings.server import app_of
from chassis.edge.http.pages import Page
from chassis.edge.server import Server
from chassis.jobs.runner import Runner
from chassis.testing import Issuer, settings_for
from services.sessions.domain.hosting import Meeting
from services.sessions.jobs_meetings import hosting, linking
from services.sessions.meeting_pool import MeetingPool
from services.sessions.pages_joining import Doors, join_urls
from services.sessions.timers_meetings import begin_due, tell_unmade
from tests.conftest import FakeClock
from tests.integration.sessions.school import School

KEY = "a key of thirty-two characters.."
SECRET = "the secret of the servers"
AHEAD, WARNING = timedelta(minutes=30), timedelta(minutes=10)
PATIENT = 120.0
"""Seconds that a busy machine may take for an answer."""
NO_RETRIES = urllib3.Retry(0, redirect=False)


@dataclass
class MeetingServer:
    """A server that speaks BigBlueButton's API, on a port of this machine."""

    address: str

    def control(self, what: str, **asked: Any) -> None:
        """Tell it to do something (campus/meetings/control.py)."""
        url = f"{self.address}/control/{what}"
        answer = httpx.post(url, json=asked, trust_env=False, timeout=PATIENT)
        assert answer.is_success, answer.text

    def settle(self) -> None:
        """Wait until all events were taken."""
        httpx.get(f"{self.address}/control/settled", timeout=PATIENT, trust_env=False)


@contextmanager
def meeting_server(clock: FakeClock) -> Iterator[MeetingServer]:
    """A server that runs until the end, with the test's clock."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        app = app_of(SECRET, address, clock)
        config = uvicorn.Config(app, date_header=False, log_level="warning")
        server = uvicorn.Server(config)
        thread = Thread(target=partial(server.run, [listener]), daemon=True)
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive()
                time.sleep(0.01)
            yield MeetingServer(address)
        finally:
            server.should_exit = True
            thread.join()


class Hosted:
    """A school with meeting servers, whose jobs and timers a test runs itself."""

    def __init__(self, school: School, file: Path, base: str, clocks: FakeClock) -> None:
        self.school, self.file, self.base, self.clock = school, file, base, clocks
        self.pool = MeetingPool()
        self.doors = Doors(school.database, self.pool)
        self.servers: dict[str, MeetingServer] = {}

    def serve(self, *capacities: int, **servers: MeetingServer) -> None:
        """Write the file of servers, and open doors to them."""
        self.servers = servers
        tables = [
            f'[servers.{name}]\nprovider = "BIGBLUEBUTTON"\ncapacity = {capacity}\n'
            f'url = "{server.address}/bigbluebutton"\nsecret = "{SECRET}"\n'
            for capacity, (name, server) in zip(capacities, servers.items(), strict=True)
        ]
        self.file.write_text("\n".join(tables))
        self.pool = MeetingPool(self.file, self.base)
        self.doors = Doors(self.school.database, self.pool, join_urls(self.base, KEY))
        self.school.api._doors = self.doors

    def class_(self, **changes: Any) -> resources_pb2.Session:
        """An online class on Monday at noon, four hours from now, whose meeting we make."""
        fields: dict[str, Any] = {
            "kind": types_pb2.SESSION_KIND_ONLINE,
            "join_url": "",
            **changes,
        }
        return self.school.schedule("", **fields)

    def near(self, minutes: float = 20) -> None:
        """Let it be some minutes before noon."""
        self.clock.at = self.clock.at.replace(hour=12, minute=0) - timedelta(minutes=minutes)

    def run(self) -> None:
        """Do all steps that are due, by the timers and one process of the role meetings."""
        begin_due(self.school.database, AHEAD)
        long = timedelta(hours=1)  # a server that is away stays so until `lift_holds`
        for jobs in (hosting(self.pool, 2), linking(self.pool)):
            patient = replace(jobs, first_pause=long, longest_pause=long)
            Runner(self.school.database, patient).run_due()

    def watch(self) -> None:
        """Tell of meetings that are late."""
        tell_unmade(self.school.database, WARNING)

    def lift_holds(self) -> None:
        """Let servers be tried again that were away, and what waits for them."""
        self.school.database.mongo["job_holds"].delete_many({})
        self.school.database.mongo["meetings"].update_many(
            {"job": {"$exists": True}}, {"$set": {"job.due": datetime(2020, 1, 1)}}
        )

    def meeting(self, session: resources_pb2.Session) -> Meeting:
        """The meeting of a session."""
        found = self.school.database.reader().meeting(session.id)
        assert found is not None
        return found

    def made(self, session: resources_pb2.Session) -> Meeting:
        """The meeting of a session, made shortly before it."""
        self.near()
        self.run()
        found = self.meeting(session)
        assert found.state == "MADE", found
        return found

    def link(self, session: resources_pb2.Session, person: str) -> str:
        """A person's link of ours."""
        asked = joining_pb2.GetJoinLinkRequest(session_id=session.id)
        return str(self.school.learner(person).GetJoinLink(asked).url)

    def get(self, url: str) -> urllib3.BaseHTTPResponse:
        """What a browser gets that follows no redirect."""
        return urllib3.request("GET", url, retries=NO_RETRIES, timeout=PATIENT)

    def room_url(self, session: resources_pb2.Session, person: str) -> str:
        """The provider's URL of a person, to which ours leads."""
        answer = self.get(self.link(session, person))
        assert answer.status == 303, answer.data
        return answer.headers["location"]


@contextmanager
def hosted(school: School, clock: FakeClock, folder: Path) -> Iterator[Hosted]:
    """A school with pages behind the real edge, and no servers yet."""
    chosen = settings_for(Issuer().write_jwks(folder / "jwks"))
    with ExitStack() as stack:
        found: list[Hosted] = []
        pages = [
            Page("/join/{token}", lambda asked: found[0].doors.open(asked)),
            Page(
                "/meetings/{server}/webhook",
                lambda asked: found[0].doors.hear(asked),
                largest_body=256 * 1024,
            ),
        ]
        server = Server(chosen, "tests", school.database, [], pages)
        server.start()
        stack.callback(server.drain, chosen.drain)
        base = f"http://127.0.0.1:{server.http_port}"
        found.append(Hosted(school, folder / "servers.toml", base, clock))
        yield found[0]
