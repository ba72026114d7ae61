"""Zoom's adapter before a server in Zoom's place."""

import pytest

from services.sessions.providers.zoom import Zoom
from services.sessions.providers.zoom_client import Credentials, ZoomClient
from tests.unit.sessions.providers.replay import PATIENT, Replay
from tests.unit.sessions.providers.zoom.exchanges import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def provider(server: Replay, clock: Clock) -> Zoom:
    client = ZoomClient(
        Credentials("account", "client", "secret"),
        api=f"{server.url}/v2",
        oauth=f"{server.url}/oauth/token",
        limits=PATIENT,
        monotonic=clock,
    )
    return Zoom(
        client, host="host@example.edu", webhook_secret="s", registrant_domain="no.example.edu"
    )
