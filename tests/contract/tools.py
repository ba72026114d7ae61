"""Programs that tests ask, and that not every machine has."""

import os
import shutil

import pytest


def need(program: str) -> str:
    """The program's name; skips where it is missing, and fails there in CI."""
    if shutil.which(program) is None:
        if os.environ.get("CI"):
            pytest.fail(f"{program} is missing, and CI must check this")
        pytest.skip(f"{program} is missing: this is not checked")
    return program
