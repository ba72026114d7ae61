"""docs/architecture.md and docs/operators.md: what the code can tell, it tells."""

import runpy
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES: Any = runpy.run_path(str(ROOT / "scripts" / "pages.py"))


@pytest.mark.parametrize("name", PAGES["PAGES"])
def test_the_page_is_current(name: str) -> None:
    """The committed page's generated parts are what the code says; `make pages` writes them."""
    page = DOCS / name
    assert page.read_text() == PAGES["filled"](page)


def test_every_part_is_on_a_page() -> None:
    """Nothing is generated for nobody."""
    text = "".join((DOCS / name).read_text() for name in PAGES["PAGES"])
    assert [name for name in PAGES["PARTS"] if f"<!-- generated: {name} -->" not in text] == []
