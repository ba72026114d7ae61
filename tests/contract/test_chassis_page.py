"""chassis/README.md describes every module, under the heading of its package."""

import re
from pathlib import Path

import pytest

CHASSIS = Path(__file__).resolve().parents[2] / "chassis"
PAGE = (CHASSIS / "README.md").read_text()
ROOMS = [
    "chassis",
    *sorted(f"chassis.{each.parent.name}" for each in CHASSIS.glob("*/__init__.py")),
]


def section(room: str) -> str:
    """The part of the page about a room."""
    found = re.search(rf"^## {re.escape(room)}( itself| \(|$).*?(?=^## |\Z)", PAGE, re.M | re.S)
    assert found, f"the page has no section on {room}"
    return found.group()


@pytest.mark.parametrize("room", ROOMS)
def test_every_module_is_told_under_its_room(room: str) -> None:
    """Its table has the room's modules, and no others."""
    folder = CHASSIS.joinpath(*room.split(".")[1:])
    modules = folder.glob("*.py") if folder == CHASSIS else folder.rglob("*.py")
    there = {each.stem for each in modules} - {"__init__"}
    rows = re.findall(r"^\| (`.+?) \|", section(room), re.M)
    described = {name.rpartition(".")[2] for row in rows for name in re.findall(r"`([\w.]+)`", row)}
    assert described - {"jobs"} == there
