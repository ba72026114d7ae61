"""docs/events.md, the page from which strangers read our events."""

import runpy
from pathlib import Path

from chassis.contracts.events import contracts

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "events.md"


def test_the_catalogue_is_current() -> None:
    """The committed page is what the contracts say; `make protos` writes it."""
    render = runpy.run_path(str(ROOT / "scripts" / "catalogue.py"))["render"]
    assert PAGE.read_text() == render()


def test_the_catalogue_has_every_event() -> None:
    """Each type has its section."""
    text = PAGE.read_text()
    assert [name for name in contracts() if f"\n## {name}\n" not in text] == []
