"""A server in the place of a meeting provider."""

from collections.abc import Iterator

import pytest

from tests.unit.sessions.providers.replay import Replay, replaying


@pytest.fixture
def server() -> Iterator[Replay]:
    with replaying() as replay:
        yield replay
