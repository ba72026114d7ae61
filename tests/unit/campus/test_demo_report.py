"""The demo's report describes the last run, also an interrupted one."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from campus.cli import cli
from campus.demo import command
from campus.demo.check import Check
from campus.demo.errors import DemoError
from campus.demo.report import write
from campus.demo.world import BEGIN
from chassis.clock import SteeredClock


def played(folder: Path, monkeypatch: pytest.MonkeyPatch, outcome: object) -> tuple[int, Any]:
    """The exit code and the report's checks, of a demo that ends so, after one that went well."""
    write(folder / "demo-report.json", [Check("yesterday", 1, 1)])

    def end(*_: object) -> object:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(command, "_whole_day", end)
    code = CliRunner().invoke(cli, ["demo", "--data", str(folder)]).exit_code
    return code, json.loads((folder / "demo-report.json").read_text())["checks"]


@pytest.mark.parametrize("error", [DemoError("still waiting for: the mails"), KeyError("a bug")])
def test_a_demo_that_breaks_off_says_so_in_its_report(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error is a failed check; nothing is left of the previous run."""
    code, (check,) = played(tmp_path, monkeypatch, error)
    assert code == 1
    assert check["ok"] is False
    assert str(error) in check["actual"]


@pytest.mark.parametrize(("actual", "wanted"), [(1, 0), (2, 1)])
def test_the_exit_code_is_what_the_checks_say(
    actual: int, wanted: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """0 when each is ok, else 1."""
    code, (check,) = played(tmp_path, monkeypatch, [Check("today", 1, actual)])
    assert (code, check["ok"]) == (wanted, wanted == 0)


def test_a_demo_begins_with_nothing_of_the_last_one(tmp_path: Path) -> None:
    """Its folder is new, and its clock stands at the beginning again."""
    place = tmp_path / "demo"
    command._fresh(place)
    SteeredClock(place / "clock.json").steer(datetime(2030, 1, 1, tzinfo=UTC))
    (place / "mongodb").mkdir()
    command._fresh(place)
    assert [path.name for path in place.iterdir() if path.name != "clock.json"] == []
    assert SteeredClock(place / "clock.json").now().year == BEGIN.year
