"""The commands of the services' pages, as a newcomer types them."""

import json
import re

from campus.platform import Platform
from tests import pages
from tests.system.classes import surroundings


def test_the_commands_of_catalog_and_sessions_do_what_the_pages_say(platform: Platform) -> None:
    """A path, a series that is planned and moved, a refusal, a clash, and a calendar: each command
    succeeds, but for the one whose refusal is shown.
    """
    both = ("services/catalog/README.md", "services/sessions/README.md")
    environment = surroundings({"TANDEM_DATA": str(platform.folder)})
    done = pages.run(*both, folder=pages.ROOT, environment=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    by_field = {name: each for each in answers for name in each}
    assert "slots" in by_field
    assert "room_id" in json.dumps(by_field["details"])
    assert len(by_field["occurrences"]["occurrences"]) == 8
    assert {each["learnerId"] for each in by_field["clashes"]["clashes"]} == {"ada"}
    assert "\nRRULE:FREQ=WEEKLY" in done.stdout
    assert re.search(r"\nSUMMARY:.*Lecture: lenses", done.stdout)
