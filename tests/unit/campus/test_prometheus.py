"""Prometheus where there is none."""

from pathlib import Path

import pytest

from campus.platform import Platform
from campus.stack.errors import StackError


def test_what_to_type_is_said_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the program, `up` with monitoring starts nothing."""
    monkeypatch.setenv("PATH", "")
    said: list[str] = []
    with pytest.raises(StackError, match="apt-get install"):
        Platform(tmp_path, given={}).up(said.append, monitoring=True)
    assert said == []
