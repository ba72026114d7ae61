"""Settings from the environment."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from chassis.settings import Settings, SettingsError, load, setting


@dataclass(frozen=True, kw_only=True)
class Sample(Settings):
    retries: int = setting("how often")
    loud: bool = setting("whether", default=False)


GOOD = {
    "TANDEM_MONGO_URL": "mongodb://x",
    "TANDEM_AMQP_URL": "amqp://x",
    "TANDEM_RETRIES": "3",
    "TANDEM_DRAIN": "2.5",
    "TANDEM_SERVICE_TOKEN_FILE": "/run/token",
}


def test_values_are_read_by_their_types() -> None:
    """Numbers, durations in seconds, paths and truths come as such; the rest has its default."""
    found = load(Sample, {**GOOD, "TANDEM_LOUD": "true"})
    assert (found.retries, found.drain, found.loud) == (3, timedelta(seconds=2.5), True)
    assert found.service_token_file == Path("/run/token")
    assert found.clock == "system"


def test_every_fault_is_told_at_once() -> None:
    """What is missing and what is malformed come in one message, each with what is wanted."""
    with pytest.raises(SettingsError) as caught:
        load(Sample, {"TANDEM_LOUD": "perhaps", "TANDEM_RETRIES": "many", "TANDEM_DRAIN": "soon"})
    said = str(caught.value)
    for name in ("MONGO_URL is missing", "AMQP_URL is missing", "LOUD", "RETRIES", "DRAIN"):
        assert f"TANDEM_{name}" in said
    assert len(said.splitlines()) == 5


def test_production_refuses_a_steered_clock() -> None:
    """Only development runs on a clock of its own."""
    steered = {**GOOD, "TANDEM_CLOCK": "file:/tmp/clock"}
    with pytest.raises(SettingsError, match="TANDEM_CLOCK"):
        load(Sample, steered)
    assert load(Sample, {**steered, "TANDEM_ENVIRONMENT": "development"}).clock.startswith("file:")
