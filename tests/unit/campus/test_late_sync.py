"""What a device that had no network sends to the LRS in the demo."""

import pytest

from campus.demo.late_sync import statements
from campus.demo.media import RECORDING_SECONDS
from services.progress.domain import video
from services.progress.domain.enums import Role
from services.progress.domain.intervals import union
from services.progress.domain.xapi.projection import projected
from services.progress.domain.xapi.validation import violations_of
from services.progress.domain.xapi.versions import Version

BASE = "https://progress.uni.example/xapi"


@pytest.mark.parametrize("version", Version)
def test_what_the_device_sends_is_valid(version: Version) -> None:
    """Each statement has no fault in either version, and an id of its own."""
    said = statements(BASE, "ada", "optics", "film")
    assert [violations_of(each, version) for each in said] == [[]] * 3
    assert len({each["id"] for each in said}) == 3


def test_what_the_device_sends_shows_the_whole_recording() -> None:
    """The last pause proves that the learner watched all of the item, in the run."""
    last = projected(statements(BASE, "ada", "optics", "film")[-1], BASE, Role.LEARNER)
    assert last is not None
    assert last.video is not None
    assert (last.learner_id, last.run_id, last.item_id) == ("ada", "optics", "film")
    assert last.video.length == RECORDING_SECONDS
    watched = union(video.played(last.video.played_segments))
    assert watched == ((0.0, RECORDING_SECONDS),)
