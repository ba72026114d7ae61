"""BigBlueButton's adapter before a server in its place."""

import pytest

from services.sessions.providers.bigbluebutton import BigBlueButton
from tests.unit.sessions.providers.bigbluebutton.exchanges import SECRET
from tests.unit.sessions.providers.replay import PATIENT, Replay


@pytest.fixture
def provider(server: Replay) -> BigBlueButton:
    return BigBlueButton(f"{server.url}/bigbluebutton/", SECRET, algorithm="sha1", limits=PATIENT)
