"""The `tandem` commands that pages show."""

import re
import shlex
from collections.abc import Iterator

import click
import pytest

from campus.cli import cli
from tests.pages import ROOT

PAGES = sorted(
    each.relative_to(ROOT).as_posix()
    for pattern in (
        "*.md",
        "docs/*.md",
        "docs/runbooks/*.md",
        "*/README.md",
        "services/*/README.md",
    )
    for each in ROOT.glob(pattern)
)


def shown(page: str) -> Iterator[list[str]]:
    """The commands in a page's blocks and sentences, without comments, as words."""
    text = (ROOT / page).read_text()
    for line in re.findall(r"^(?:\.venv/bin/)?tandem (.*)", text, re.MULTILINE):
        yield shlex.split(line, comments=True)
    for inline in re.findall(r"`(?:\.venv/bin/)?tandem ([^`]+)`", text):
        yield shlex.split(inline)


@pytest.mark.parametrize("page", PAGES)
def test_commands_and_options_that_a_page_shows_exist(page: str) -> None:
    """Each names a command of `tandem`, with its own options only."""
    for words in shown(page):
        command, rest = resolved(words)
        options = {name for each in command.params for name in each.opts}
        assert {each for each in rest if each.startswith("--")} <= options, words


def resolved(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that words name, and the words behind its name."""
    command: click.Command = cli
    while isinstance(command, click.Group):
        name, *words = words
        found = command.get_command(click.Context(command), name)
        assert found is not None, f"no command {name}"
        command = found
    return command, words


def test_pages_with_commands_are_found() -> None:
    """So the test above compares something."""
    assert sum(len(list(shown(page))) for page in PAGES) > 30
