"""ical.js finds in any calendar of ours what another strict reader finds."""

from pathlib import Path

from hypothesis import given, settings

from services.sessions.calendar_text import calendar_text
from services.sessions.domain.series import Series
from services.sessions.domain.session import Session
from tests.deep import only_deep
from tests.integration.sessions.ical import read_by_ical_js
from tests.unit.sessions.calendars import read, told
from tests.unit.sessions.test_calendars import series_with_exceptions


@only_deep
@given(planned=series_with_exceptions())
@settings(max_examples=100)
def test_two_readers_find_the_same(planned: tuple[Series, list[Session]], node: Path) -> None:
    """A series in any zone, around a change of clocks, some of whose classes are exceptions."""
    series, sessions = planned
    text = calendar_text("Classes", told(sessions, [series]))
    assert read_by_ical_js(node, text) == sorted(
        (e.uid, int(e.start.timestamp()), int(e.end.timestamp()), e.title, e.status)
        for e in read(text)
    )
