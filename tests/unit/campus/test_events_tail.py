"""`tandem events tail --json`: each line is an object, also for what can't be read."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from campus.cli import cli
from chassis.contracts.events import UndecodableError
from chassis.messaging import history


def test_what_cannot_be_read_is_an_object_with_its_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has its offset, so that a program can continue behind it."""
    monkeypatch.setenv("TANDEM_AMQP_URL", "amqp://broker/")
    unread = [(7, UndecodableError("no CloudEvent: [/x] is missing"))]
    monkeypatch.setattr(history, "read", lambda *_: unread)
    words = ["events", "tail", "--since", "1m", "--data", str(tmp_path)]
    said = CliRunner().invoke(cli, [*words, "--json"])
    assert json.loads(said.stdout) == {"offset": 7, "error": "no CloudEvent: [/x] is missing"}
    assert "7 can't be read: no CloudEvent: [/x]" in CliRunner().invoke(cli, words).stdout
