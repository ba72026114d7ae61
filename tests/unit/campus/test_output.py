"""The command's output of others' texts."""

import json
from dataclasses import dataclass

import pytest

from campus.output import show_done, show_rows


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
