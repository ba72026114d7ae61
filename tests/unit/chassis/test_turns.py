"""Turns."""

import threading
from concurrent.futures import ThreadPoolExecutor

from chassis import turns
from chassis.turns import Turns


def test_a_line_that_moves_is_not_left() -> None:
    """However long one waits in all: while others' turns come and go, one at a time goes on."""
    line, alone = Turns(), threading.Lock()

    def pass_by() -> None:
        with line.one():
            assert alone.acquire(blocking=False)
            threading.Event().wait(0.1)
            alone.release()

    crowd = int(turns.LONGEST * 15)  # half as long again as one would wait for one turn
    with ThreadPoolExecutor(crowd) as pool:
        for each in [pool.submit(pass_by) for _ in range(crowd)]:
            each.result()
