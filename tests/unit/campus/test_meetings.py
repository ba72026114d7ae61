"""The local meeting provider: its file of meeting servers, and the end of its faults."""

import asyncio
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from campus.meetings.faults import Faults
from campus.platform import Platform
from campus.stack.meetings import CAPACITY, SERVER, Meetings
from services.sessions.domain.meeting_pool import ServerRoom
from services.sessions.meeting_pool import servers_of


def test_sessions_finds_the_provider_in_its_file(tmp_path: Path) -> None:
    """The file names one server of BigBlueButton, and only its owner may read the secret."""
    part = Meetings(tmp_path)
    file = Path(part.environment()["TANDEM_MEETINGS_FILE"])
    assert file == part.servers_file
    assert file.stat().st_mode & 0o077 == 0
    found = servers_of(file.read_text())
    assert {name: each.room for name, each in found.items()} == {
        SERVER: ServerRoom(SERVER, CAPACITY)
    }


@pytest.mark.parametrize("hosts", [True, False])
def test_a_platform_hosts_meetings_if_told_so(hosts: bool, tmp_path: Path) -> None:
    """Who asks for nothing gets no provider, and no row for it."""
    platform = Platform(tmp_path, given={}, hosts_meetings=hosts)
    assert platform.hosts_meetings is hosts
    assert ("meetings" in [row.name for row in platform.status()]) is hosts


def test_faults_end_when_told() -> None:
    """Calls succeed again, however many faults were ordered."""
    app = Starlette(routes=[Route("/", lambda _: PlainTextResponse("here"))])
    faults = Faults(app)
    faults.plan("503", 1_000)
    assert asyncio.run(status(faults)) == 503
    assert faults.left == 999
    faults.end()
    assert asyncio.run(status(faults)) == 200


async def status(app: Faults) -> int:
    """What the application answers."""
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://provider") as client:
        return (await client.get("/")).status_code
