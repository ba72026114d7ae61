"""The clock as a port."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chassis.clock import SteeredClock, SystemClock, by_system_clock, clock_from

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)


def test_a_steered_clock_is_the_same_for_everyone(tmp_path: Path) -> None:
    """All readers of the file get the time that was set, and each later one."""
    ours, theirs = SteeredClock(tmp_path / "clock"), SteeredClock(tmp_path / "clock")
    for days in (0, 7):
        ours.steer(MONDAY + timedelta(days=days))
        assert timedelta() <= theirs.now() - MONDAY - timedelta(days=days) < timedelta(minutes=5)


def test_a_steered_clock_runs_at_its_rate(tmp_path: Path) -> None:
    """At rate 0 it stands; at a high rate it is far ahead at the next look."""
    clock = SteeredClock(tmp_path / "clock")
    clock.steer(MONDAY, rate=0)
    assert clock.now() == MONDAY
    clock.steer(MONDAY, rate=1e9)
    assert clock.now() > MONDAY + timedelta(minutes=10)


def test_instants_are_as_precise_as_a_stored_date() -> None:
    """Whole milliseconds, so that what is answered equals what is stored."""
    assert SystemClock().now().microsecond % 1000 == 0


def test_an_instant_is_as_far_from_now_by_either_clock() -> None:
    """What is a day ahead by a clock that shows another year is a day ahead by the system's."""
    before = datetime.now(UTC)
    found = by_system_clock(MONDAY + timedelta(days=1), MONDAY)
    assert before <= found - timedelta(days=1) <= datetime.now(UTC)


def test_an_unknown_clock_is_refused() -> None:
    """The message says what would be right."""
    with pytest.raises(ValueError, match="'system' or 'file:<path>'"):
        clock_from("sundial")
