"""The figures of an import of presentations."""

from bench.oulad import _of_all
from campus.oulad.compare import Count
from campus.oulad.imports import Imported


def _imported(people: int, statements: int, seconds: float) -> Imported:
    """One whose steps all took as long."""
    steps = ("people", "materials", "enrolments", "statements", "withdrawals", "progress")
    counts = [
        Count("people", people, people),
        Count("items", 12, 10, 2),
        Count("statements", statements + 1, statements, 1),
    ]
    return Imported(("AAA", "2013J"), counts, dict.fromkeys(steps, seconds))


def test_rates_are_of_what_the_platform_has_by_the_time_of_each_step() -> None:
    """Not the mean of rates; statements count from their sending until they are applied."""
    done = [_imported(30, 900, 2.0), _imported(10, 300, 1.0)]
    figures = {each.name.removeprefix("oulad, "): each.ours for each in _of_all(done, 20.0)}
    assert figures == {
        "presentations": 2,
        "learners": 40,
        "statements": 1200,
        "everything": 20,
        "learners, all steps": 2,
        "statements, all steps": 60,
        "statements sent and applied": 200,
        "people": 13.3,
        "materials": 6.7,
        "enrolments": 13.3,
    }
