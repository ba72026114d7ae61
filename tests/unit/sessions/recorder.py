"""What a meeting server's recording contains, as the platform finds it by the server's clock."""

from collections.abc import Iterable
from datetime import datetime

from services.sessions.domain.meeting_news import RecorderMark
from services.sessions.domain.provider_recordings import recorded_stretches
from services.sessions.domain.recorded_parts import RecordedStretch
from services.sessions.domain.skew import Reading, skew


def recorded(
    told: Iterable[tuple[datetime, bool]],
    readings: Iterable[Reading],
    started_at: datetime,
    begin: datetime,
    end: datetime,
) -> tuple[RecordedStretch, ...]:
    """The stretches of a recording in the class's time.

    `told`: when the recorder began and paused, by the server's clock, in any order; `readings`: of
    that clock; `begin`, `end`: of the recording, by our clock.
    """
    measured = skew(readings)
    assert measured is not None
    marks = sorted((measured.corrected(at), runs) for at, runs in told)
    found = recorded_stretches(
        [RecorderMark(f"{place}", "", at, runs) for place, (at, runs) in enumerate(marks)],
        begin,
        end,
    )
    return tuple(RecordedStretch(each.start - started_at, each.end - each.start) for each in found)
