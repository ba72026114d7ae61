"""What runs the jobs of timetables."""

from pathlib import Path

import pytest

from chassis.jobs.runner import Runner
from tests.integration.sessions.school import School
from tests.integration.sessions.timetables.terms import ANSWER, QUICK, program, runner_of


@pytest.fixture
def quick(school: School, tmp_path: Path) -> Runner:
    """What runs jobs with the program that starts in no time."""
    return runner_of(school, program(tmp_path, QUICK, ANSWER))
