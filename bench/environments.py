"""Environments of peers: what they need must not change ours."""

import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).parent.parent


def python_of(name: str) -> Path:
    """Return the Python of a peer's environment `.venv-<name>`, made as bench/<name>.lock says."""
    lock, folder = ROOT / "bench" / f"{name}.lock", ROOT / f".venv-{name}"
    python, stamp = folder / "bin" / "python", folder / "stamp"
    if not stamp.is_file() or stamp.read_bytes() != lock.read_bytes():
        venv.create(folder, clear=True, with_pip=True)
        pip = [str(python), "-m", "pip", "--quiet", "install"]
        subprocess.run([*pip, "--require-hashes", "-r", str(lock)], check=True, stdout=sys.stderr)
        stamp.write_bytes(lock.read_bytes())
    return python
