"""The commands of the timetabler's page."""

import os
import sys
from pathlib import Path

from tests import pages
from tests.unit.timetabler.test_solve import pytestmark as pytestmark


def test_the_commands_of_the_page_make_a_timetable(tmp_path: Path) -> None:
    """Each of them succeeds, and the files that they name are there."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = os.environ | {"PATH": path}
    done = pages.run("timetabler/README.md", folder=tmp_path, environment=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No timetable is better." in done.stdout
    assert {each.name for each in tmp_path.iterdir()} == {"problem.json", "week.json", "week.svg"}
