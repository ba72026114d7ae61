"""Recordings that meeting servers have of a class, as they tell them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.sessions.domain.hosting import Meeting, corrected
from services.sessions.domain.meeting_news import RecorderMark
from services.sessions.domain.meetings import ProviderRecording, RecordedFile, Stretch


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundRecording:
    """A recording at a meeting server; its instants are of the platform's clock."""

    id: str
    """The server's name, a colon, and the server's id of the recording."""
    session_id: str
    start: datetime
    end: datetime
    stretches: tuple[Stretch, ...] = ()
    """What of the time it contains, in order; empty: all of it."""
    files: tuple[RecordedFile, ...] = ()
    found_at: datetime
    gone_at: datetime | None = None
    """When the server did not have it any more."""

    @property
    def server(self) -> str:
        """Return the name of its server."""
        return self.id.partition(":")[0]


def found_recording(
    meeting: Meeting,
    server: str,
    told: ProviderRecording,
    marks: Sequence[RecorderMark],
    now: datetime,
) -> FoundRecording:
    """Return a recording that a server told now. Where the server tells no stretches, they follow
    from the recorder's marks.
    """
    start, end = corrected(meeting, told.start), corrected(meeting, told.end)
    stretches = tuple(
        Stretch(start=corrected(meeting, each.start), end=corrected(meeting, each.end))
        for each in told.stretches
    )
    return FoundRecording(
        id=f"{server}:{told.external_id}",
        session_id=meeting.id,
        start=start,
        end=end,
        stretches=stretches or recorded_stretches(marks, start, end),
        files=told.files,
        found_at=now,
    )


def recorded_stretches(
    marks: Sequence[RecorderMark], start: datetime, end: datetime
) -> tuple[Stretch, ...]:
    """Return when the recorder ran between two instants, in order; nothing without a mark.

    `marks` in order of time. The first mark tells what was before it, too: a recorder that paused
    had run.
    """
    runs = bool(marks) and not marks[0].runs
    since, found = start, []
    for mark in marks:
        at = min(max(mark.at, start), end)
        if runs and not mark.runs and since < at:
            found.append(Stretch(start=since, end=at))
        if mark.runs and not runs:
            since = at
        runs = mark.runs
    if runs and since < end:
        found.append(Stretch(start=since, end=end))
    return tuple(found)


def compared(
    before: Iterable[FoundRecording], now_there: Iterable[FoundRecording], now: datetime
) -> list[FoundRecording]:
    """Return what is to be stored: recordings that are new, changed or back, and those that are
    gone.
    """
    known, there = {each.id: each for each in before}, {each.id: each for each in now_there}
    changed = [each for id_, each in there.items() if _is_other(known.get(id_), each)]
    gone = [each for id_, each in known.items() if id_ not in there and each.gone_at is None]
    return [*changed, *(replace(each, gone_at=now) for each in gone)]


def _is_other(before: FoundRecording | None, after: FoundRecording) -> bool:
    return before is None or replace(before, found_at=after.found_at) != after
