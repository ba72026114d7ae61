"""Turns."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from chassis import turns
from chassis.turns import Turns


def test_a_line_that_moves_is_not_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long one waits in all: while others' turns come and go, one at a time goes on."""
    monkeypatch.setattr(turns, "LONGEST", 1.0)
    line, alone = Turns(), threading.Lock()

    def pass_by() -> None:
        with line.one():
            assert alone.acquire(blocking=False)
            threading.Event().wait(0.1)
            alone.release()

    with ThreadPoolExecutor(16) as pool:  # a second and a half in all
        for each in [pool.submit(pass_by) for _ in range(16)]:
            each.result()
