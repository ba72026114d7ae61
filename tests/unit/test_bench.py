"""The results that `make bench` stores."""

import json
from pathlib import Path

from bench.__main__ import write
from bench.figures import beside, told


def test_one_figure_measured_anew_leaves_the_others(tmp_path: Path) -> None:
    """A row takes the place of the one of its name; a measurement of everything starts afresh."""
    path = tmp_path / "var" / "bench.json"
    write(path, [told("a", 1, "MiB"), told("b", 2, "MiB")], keep=False)
    write(path, [told("b", 3, "MiB")], keep=True)
    assert [(row["name"], row["ours"]) for row in json.loads(path.read_text())] == [
        ("a", 1),
        ("b", 3),
    ]
    write(path, [told("b", 4, "MiB")], keep=False)
    assert [row["name"] for row in json.loads(path.read_text())] == ["b"]


def test_a_figure_without_a_goal_is_reported() -> None:
    """Beside a peer, without a ratio to reach: nothing is claimed to be met."""
    figure = beside("a", "calls/s", None, 1, lambda: 1.0, lambda: 2.0)
    assert (figure.ratio, figure.goal) == (0.5, "reported")
