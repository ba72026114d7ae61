"""tests/conformance/README.md: which requirements of xAPI are tested."""

import runpy
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
CONFORMANCE: Any = runpy.run_path(str(ROOT / "scripts" / "conformance.py"))


def test_the_page_is_current() -> None:
    """The committed tables are what the tests name; `make pages` writes them."""
    text = CONFORMANCE["PAGE"].read_text()
    assert text == CONFORMANCE["filled"](text)


def test_ranges_are_short() -> None:
    """Numbers that follow each other are one range."""
    assert CONFORMANCE["_ranges"]({1, 2, 3, 5, 8, 7}) == "1-3, 5, 7-8"
    assert CONFORMANCE["_ranges"](set()) == ""
