"""What a session remembers of recorded parts that it has no more.

Whoever was in the middle of a replaced part goes on in the others by the class's time, so what it
contained is remembered. And a run that keeps its recordings for some time keeps none of them
longer, also not those that were replaced or withdrawn before.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from services.sessions.domain.recorded_parts import (
    RecordedPart,
    SessionRecording,
    taken,
)

MOST_REPLACED = 20
"""Replaced parts of a session that are remembered; of more, the latest."""
MOST_FORMER = 1_000
"""Items of replaced and withdrawn parts that are remembered; of more, the latest."""


def attached(
    recording: SessionRecording, before: Sequence[RecordedPart], parts: tuple[RecordedPart, ...]
) -> SessionRecording:
    """Return a recording after a part was attached, perhaps in the place of others."""
    replaced = remembered(recording.replaced, before, parts)
    former = _former(recording.former_ids, before, parts)
    return replace(recording, parts=parts, replaced=replaced, former_ids=former)


def withdrawn(
    recording: SessionRecording, before: Sequence[RecordedPart], parts: tuple[RecordedPart, ...]
) -> SessionRecording:
    """Return a recording after parts were withdrawn. Without any left, nobody goes on in others."""
    replaced = recording.replaced if parts else ()
    former = _former(recording.former_ids, before, parts)
    return replace(recording, parts=parts, replaced=replaced, former_ids=former)


def expired(recording: SessionRecording, item_ids: Sequence[str]) -> SessionRecording:
    """Return a recording after the run keeps it no longer: nothing is left of it. `item_ids`: those
    that end with it.
    """
    gone = dict.fromkeys((*recording.expired_ids, *item_ids))
    return replace(
        recording, parts=(), replaced=(), former_ids=(), expired_ids=tuple(gone)[-MOST_FORMER:]
    )


def ended(recording: SessionRecording, before: Sequence[RecordedPart]) -> tuple[str, ...]:
    """Return all items that end with a recording: those of its parts, and of former ones."""
    return tuple(dict.fromkeys((*taken(before, ()), *recording.former_ids)))


def gone(recording: SessionRecording, parts: Iterable[RecordedPart]) -> tuple[str, ...]:
    """Return the items that the session had in its recording, and has no more; of more than fit
    into an event, the latest.
    """
    there = {item_id for each in parts for item_id in each.item_ids}
    known = dict.fromkeys((*recording.expired_ids, *recording.former_ids))
    return tuple(item_id for item_id in known if item_id not in there)[-MOST_FORMER:]


def remembered(
    known: Sequence[RecordedPart], before: Iterable[RecordedPart], after: Iterable[RecordedPart]
) -> tuple[RecordedPart, ...]:
    """Return the replaced parts of a session, after others came in the place of some. `known`:
    those of before.
    """
    there = {each.item_id for each in after}
    gone = [each for each in before if each.item_id not in there]
    again = there | {each.item_id for each in gone}
    earlier = [each for each in known if each.item_id not in again]
    return (*earlier, *gone)[-MOST_REPLACED:]


def _former(
    known: Sequence[str], before: Iterable[RecordedPart], after: Sequence[RecordedPart]
) -> tuple[str, ...]:
    there = {item_id for each in after for item_id in each.item_ids}
    gone = dict.fromkeys((*known, *taken(before, after)))
    return tuple(item_id for item_id in gone if item_id not in there)[-MOST_FORMER:]
