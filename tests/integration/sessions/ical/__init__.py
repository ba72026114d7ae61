"""ical.js, the reader of calendars that browsers and Thunderbird use, on Node.js."""

import json
from pathlib import Path

from tests import node

Found = list[tuple[str, int, int, str, str]]


def install(folder: Path) -> Path:
    """A new folder with ical.js, as locked."""
    return node.installed(Path(__file__).parent, folder)


def read_by_ical_js(folder: Path, text: bytes) -> Found:
    """The classes that it finds: UID, start and end in seconds, title, status."""
    (folder / "feed.ics").write_bytes(text)
    return sorted(
        (each["uid"], each["start"], each["end"], each["title"], each["status"])
        for each in json.loads(node.run(folder, "read.mjs", "feed.ics"))
    )
