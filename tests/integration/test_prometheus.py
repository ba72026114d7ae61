"""The local Prometheus: with our rules, shown by status, there until `down`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from campus.platform import Platform
from tests.contract.tools import need


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    """A platform of which nothing runs."""
    need("prometheus")
    platform = Platform(tmp_path, given={})
    yield platform
    platform.prometheus.stop()


def test_it_comes_back_after_a_crash(platform: Platform) -> None:
    """A running one is used; a crashed one restarts in its place, with the rules of deploy."""
    prometheus = platform.prometheus
    prometheus.start({}, None)
    before, address = prometheus.process.pid, prometheus.address
    prometheus.start({}, None)
    assert prometheus.process.pid == before
    prometheus.process.kill()
    assert prometheus.wanted
    prometheus.start({}, None)
    assert prometheus.address == address
    assert "tandem.roles" in {group["name"] for group in prometheus.ask("rules")["groups"]}


def test_status_shows_it_until_down(platform: Platform) -> None:
    """It shows running or crashed; if nobody asked for it, it shows nothing."""
    assert _state(platform) is None
    platform.prometheus.start({}, None)
    assert _state(platform) == "running"
    platform.prometheus.process.kill()
    assert _state(platform) == "stopped"
    platform.prometheus.start({}, None)
    platform.down()
    assert _state(platform) is None
    assert not platform.prometheus.process.alive


def _state(platform: Platform) -> str | None:
    return next((row.state for row in platform.status() if row.name == "prometheus"), None)
