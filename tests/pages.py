"""The shell commands of pages, run as they are written there."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def commands(page: str) -> str:
    """Return the shell block below the heading "How to use it" of a page of the repository."""
    text = (ROOT / page).read_text()
    _, _, section = text.partition("## How to use it\n")
    (block,) = re.findall(r"```sh\n(.*?)```", section.partition("\n## ")[0], re.DOTALL)
    return str(block)


def run(
    *pages: str, folder: Path, environment: Mapping[str, str]
) -> "subprocess.CompletedProcess[str]":
    """Run the commands of pages in one shell, in a folder; the first that fails ends it."""
    script = "set -euo pipefail\n" + "\n".join(map(commands, pages))
    return subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=dict(environment),
        capture_output=True,
        text=True,
        check=False,
    )
