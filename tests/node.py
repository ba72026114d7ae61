"""Programs for Node.js, with the packages that their package-lock.json names."""

import shutil
import subprocess
from pathlib import Path

from tests.contract.tools import need


def installed(program: Path, folder: Path) -> Path:
    """A copy of a program's folder, in `folder`, with its packages; none of their scripts ran."""
    need("node")
    npm, to = need("npm"), folder / program.name
    shutil.copytree(program, to, ignore=shutil.ignore_patterns("node_modules"))
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=to, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return to


def run(folder: Path, *command: object) -> str:
    """What a program prints."""
    words = ["node", *map(str, command)]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
