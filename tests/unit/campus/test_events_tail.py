"""`tandem events tail --json`: each line is an object, also for what can't be read or had."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from campus.cli import cli
from chassis.archive import reading
from chassis.archive.layout import Span
from chassis.contracts.events import UndecodableError


def test_what_cannot_be_read_is_an_object_with_its_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has its offset, so that a program can continue behind it."""
    monkeypatch.setenv("TANDEM_AMQP_URL", "amqp://broker/")
    unread = [(7, UndecodableError("no CloudEvent: [/x] is missing"))]
    monkeypatch.setattr(reading, "read", lambda *_: unread)
    words = ["events", "tail", "--since", "1m", "--data", str(tmp_path)]
    said = CliRunner().invoke(cli, [*words, "--json"])
    assert json.loads(said.stdout) == {"offset": 7, "error": "no CloudEvent: [/x] is missing"}
    assert "7 can't be read: no CloudEvent: [/x]" in CliRunner().invoke(cli, words).stdout


def test_what_nobody_has_is_an_object_with_its_offsets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a program notices that it did not get everything."""
    monkeypatch.setenv("TANDEM_AMQP_URL", "amqp://broker/")
    monkeypatch.setattr(reading, "read", lambda *_: [Span(3, 9)])
    words = ["events", "tail", "--since", "2026-03-01", "--data", str(tmp_path)]
    said = CliRunner().invoke(cli, [*words, "--json"])
    assert json.loads(said.stdout)["missing"] == {"first": 3, "last": 9}
    assert "offsets 3 to 9 are missing" in CliRunner().invoke(cli, words).stdout


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-03-01T08:00:00Z", datetime(2026, 3, 1, 8, tzinfo=UTC)),
        ("2026-03-01T08:00:00+01:00", datetime(2026, 3, 1, 7, tzinfo=UTC)),
    ],
)
def test_a_day_or_an_instant_is_a_beginning(
    text: str, instant: datetime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A day begins at midnight UTC, as the archive's do."""
    asked: list[Any] = []
    monkeypatch.setenv("TANDEM_AMQP_URL", "amqp://broker/")

    def read(*given: Any) -> list[Any]:
        asked.append(given)
        return []

    monkeypatch.setattr(reading, "read", read)
    words = ["events", "tail", "--since", text, "--data", str(tmp_path)]
    assert CliRunner().invoke(cli, words).exit_code == 0
    assert asked[0][2] == instant


@pytest.mark.parametrize("text", ["", "soon", "9z", "2026-13-01", "0001-01-01", "9999-12-31", "7D"])
def test_another_beginning_is_refused(text: str, tmp_path: Path) -> None:
    """The answer shows what would be right."""
    words = ["events", "tail", "--since", text, "--data", str(tmp_path)]
    said = CliRunner().invoke(cli, words)
    assert said.exit_code == 2
    assert "7d" in said.stderr


def test_verifying_needs_a_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer names the settings."""
    monkeypatch.delenv("TANDEM_S3_ENDPOINT", raising=False)  # other tests' servers
    said = CliRunner().invoke(cli, ["events", "archive", "verify", "--data", str(tmp_path)])
    assert said.exit_code == 1
    assert "TANDEM_S3_ENDPOINT" in said.stderr
