"""The command's output of others' texts."""

import io
import json
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from rich.console import Console

from campus.demo.narrator import Narrator
from campus.output import fail, show_done, show_rows


@dataclass(frozen=True)
class Row:
    """A row with a stranger's words."""

    body: str
    reason: str | None = None


@pytest.mark.parametrize("body", ["[null]", "[/x]", "[bold]x[/]", '{"rows": [1]}', "end\\"])
def test_a_table_shows_what_is_in_brackets(body: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Text is not read as markup, neither in a cell nor in the title."""
    show_rows(body, [Row(body)], as_json=False)
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert " ".join(lines[:-2]) == body
    assert lines[-2].split() == ["body", "reason"]
    assert lines[-1].removesuffix("-").rstrip() == body


def test_no_rows_are_told_by_the_title(capsys: pytest.CaptureFixture[str]) -> None:
    """An empty table is a line; what was done is one too."""
    show_rows("[/x]", [], as_json=False)
    show_done(Row("x"), "1 of [/x] sent back", as_json=False)
    assert capsys.readouterr().out.splitlines() == ["[/x]: nothing", "1 of [/x] sent back"]


def test_json_is_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """For programs, rows are a list of objects."""
    show_rows("title", [Row("[/x]")], as_json=True)
    assert json.loads(capsys.readouterr().out) == [{"body": "[/x]", "reason": None}]


STEERING = "Ada\x1b[31m\u202e"
ESCAPED = "Ada\\u001b[31m\\u202e"


def test_a_terminal_does_not_act_on_names(capsys: pytest.CaptureFixture[str]) -> None:
    """Escape sequences and directions are printed as escapes, wherever a name is printed."""
    show_done(Row("x"), STEERING, as_json=False)
    with pytest.raises(SystemExit):
        fail(f"{STEERING}\n{STEERING}")
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [ESCAPED]
    assert printed.err.splitlines() == [f"tandem: {ESCAPED}", ESCAPED]


def test_the_story_does_not_act_on_names() -> None:
    """The demo's lines are printed so too, with the colours of the demo itself."""
    out = io.StringIO()
    narrator = Narrator(Console(file=out, width=200), lambda: datetime(2026, 3, 2, tzinfo=UTC))
    narrator.say(f"[bold]{STEERING}[/]")
    narrator.detail(STEERING)
    narrator.refused(STEERING)
    assert "\x1b" not in out.getvalue()
    assert "\u202e" not in out.getvalue()
    assert out.getvalue().count(ESCAPED) == 3
