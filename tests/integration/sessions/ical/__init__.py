"""ical.js, the reader of calendars that browsers and Thunderbird use, on Node.js."""

import json
import shutil
import subprocess
from pathlib import Path

from tests.contract.tools import need

Found = list[tuple[str, int, int, str, str]]


def install(folder: Path) -> Path:
    """A new folder with ical.js, as locked."""
    need("node")
    npm, to = need("npm"), folder / "ical"
    shutil.copytree(Path(__file__).parent, to)
    command = [npm, "ci", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=to, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return to


def read_by_ical_js(folder: Path, text: bytes) -> Found:
    """The classes that it finds: UID, start and end in seconds, title, status."""
    (folder / "feed.ics").write_bytes(text)
    command = ["node", "read.mjs", "feed.ics"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return sorted(
        (each["uid"], each["start"], each["end"], each["title"], each["status"])
        for each in json.loads(done.stdout)
    )
