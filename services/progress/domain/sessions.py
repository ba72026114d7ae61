"""Replicas of sessions and of the library's items.

Different events, in any order, set the parts of a session. Each part has the sequence of the event
that set it: an older event changes nothing.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chassis.runs import is_for
from services.progress.domain.enums import ItemKind, SessionPurpose, SessionState
from services.progress.domain.recorded_time import Stretches

# A class's recording has up to 20 parts, which are replaced a few times at most; of more, the
# newest are kept.
MOST_RECORDINGS = 60
PLAYED = frozenset({ItemKind.AUDIO, ItemKind.VIDEO, ItemKind.RECORDING})


@dataclass(frozen=True, slots=True)
class Item:
    """The last known state of an item of the library."""

    id: str
    kind: ItemKind | None
    seconds: float
    """Playing time; 0 if there is none, or if it is unknown."""
    available: bool
    """False if the library refused the item."""
    sequence: int
    measured: float = 0.0
    """The playing time that the library told last, also of an item that is retired by now."""
    measured_sequence: int = 0

    @property
    def length(self) -> float:
        """Return the seconds by which recordings are compared; 0 if they were never known."""
        return self.measured or self.seconds


@dataclass(frozen=True, slots=True)
class AttachedRecording:
    """A recording, or a part of it, that was attached to a class, now or earlier."""

    item_id: str
    offset: float
    """Where it begins, in seconds from the class's real start."""
    sequence: int
    stretches: Stretches = ()
    """What of the class's time it contains; empty: all that follows its beginning."""

    @property
    def on_class(self) -> Stretches:
        """Return what of the class's time it contains; it may end earlier."""
        return self.stretches or ((self.offset, math.inf),)


@dataclass(frozen=True, slots=True)
class RecordedStretch:
    """A time of a class that was recorded without a pause, as events tell it."""

    starts_at: timedelta
    length: timedelta


@dataclass(frozen=True, slots=True)
class RecordedPart:
    """A part of a recording, as events tell it."""

    item_id: str
    starts_at_offset: timedelta | None = None
    """Where it begins, from the class's real start; None: there."""
    stretches: tuple[RecordedStretch, ...] = ()


@dataclass(frozen=True, slots=True)
class Session:
    """One live class, as far as it is known."""

    id: str
    run_id: str
    activity_id: str = ""
    title: str = ""
    start_time: datetime | None = None
    end_time: datetime | None = None
    time_sequence: int = 0
    state: SessionState | None = None
    ended_at: datetime | None = None
    substitute_item_id: str = ""
    state_sequence: int = 0
    recorded: bool = False
    material_item_ids: tuple[str, ...] = ()
    study_sequence: int = 0
    recording_item_id: str = ""
    recording_sequence: int = 0
    group_ids: tuple[str, ...] = ()
    """The groups of the run that it is for; empty: the whole run."""
    recordings: tuple[AttachedRecording, ...] = ()
    """All recordings that were attached, each item once; the last, with the newest sequence, are
    the present parts. An older version stores the id and sequence of one only: read `attached`.
    """
    waited: bool = False
    """Whether we no longer wait for its recording: its materials may be substitutes."""
    purpose: SessionPurpose = SessionPurpose.CLASS

    @property
    def mentions(self) -> tuple[str, ...]:
        """Return the ids of all items that the session names."""
        recorded = (each.item_id for each in self.attached)
        named = (*self.material_item_ids, *recorded, self.substitute_item_id)
        return tuple(dict.fromkeys(filter(None, named)))

    def is_for(self, group_ids: Collection[str]) -> bool:
        """Return whether it is for a learner in these groups."""
        return is_for(self.group_ids, group_ids)

    @property
    def attached(self) -> tuple[AttachedRecording, ...]:
        """Return all recordings that were attached, the present parts last."""
        known = {each.sequence for each in self.recordings}
        if not self.recording_item_id or self.recording_sequence in known:
            return self.recordings
        last = AttachedRecording(self.recording_item_id, 0.0, self.recording_sequence)
        return _newest((*self.recordings, last))

    @property
    def parts(self) -> tuple[AttachedRecording, ...]:
        """Return the present parts of its recording, by where they begin; none if it has none."""
        newest = self.recording_sequence
        return tuple(each for each in self.attached if each.sequence == newest)

    @property
    def is_withdrawn(self) -> bool:
        """Return whether its recording was taken back."""
        return self.recording_sequence > 0 and not self.parts


@dataclass(frozen=True, slots=True)
class SessionUpdate:
    """The fields of a session that one event contains; the others are None."""

    session_id: str
    run_id: str
    sequence: int
    activity_id: str = ""
    title: str = ""
    start_time: datetime | None = None
    end_time: datetime | None = None
    state: SessionState | None = None
    ended_at: datetime | None = None
    substitute_item_id: str = ""
    recorded: bool = False
    material_item_ids: tuple[str, ...] | None = None
    group_ids: tuple[str, ...] | None = None
    recorded_parts: tuple[RecordedPart, ...] | None = None
    """All parts of its recording; empty: it was taken back."""
    purpose: SessionPurpose | None = None


def with_item(known: Item | None, arrived: Item) -> Item:
    """Return what is known of an item after an event, each part by its newest event."""
    known = known or arrived
    newest = max(known, arrived, key=lambda each: each.sequence)
    sequence, measured = max(_measured(known), _measured(arrived))
    return replace(newest, measured=measured, measured_sequence=sequence)


def _measured(item: Item) -> tuple[int, float]:
    if item.measured or not item.seconds:
        return item.measured_sequence, item.measured
    return item.sequence, item.seconds


def agree(one: Item | None, other: Item | None) -> bool:
    """Return whether two recordings are equally long: within 2 seconds, or 1 %."""
    if one is None or other is None or not one.length or not other.length:
        return False
    longer = max(one.length, other.length)
    return abs(one.length - other.length) <= max(2.0, longer / 100)


def merge(session: Session, news: SessionUpdate) -> Session:
    """Return the session after an update; each part counts unless a newer one is known."""
    after = replace(
        session,
        activity_id=session.activity_id or news.activity_id,
        title=session.title or news.title,
        group_ids=session.group_ids if news.group_ids is None else news.group_ids,
        ended_at=session.ended_at or news.ended_at,
        purpose=news.purpose or session.purpose,
    )
    for part in (_time, _state, _study, _recording):
        after = part(after, news)
    return after


def substitutes(session: Session, items: Mapping[str, Item]) -> tuple[str, ...]:
    """Return the substitute materials of the class: the items to study instead; empty if none.

    For a cancelled class, its substitute item. For one that took place, the parts of its recording
    that can be played; the available materials if there is no recording, if all of it failed or was
    taken back, or if we have waited for it long enough.
    """
    if session.state is SessionState.CANCELLED:
        return _available((session.substitute_item_id,), items)
    if session.state is not SessionState.ENDED:
        return ()
    recorded = tuple(each.item_id for each in session.parts)
    playable = _available(recorded, items)
    if playable or (not session.waited and _is_awaited(session, recorded, items)):
        return playable
    return _available(session.material_item_ids, items)


def _is_awaited(session: Session, recorded: Sequence[str], items: Mapping[str, Item]) -> bool:
    """Return whether something of a recording that can't be played yet is to come."""
    if not recorded:
        return session.recorded and not session.is_withdrawn
    return any(each not in items for each in recorded)


def _available(item_ids: tuple[str, ...], items: Mapping[str, Item]) -> tuple[str, ...]:
    return tuple(one for one in item_ids if one in items and items[one].available)


def _time(session: Session, news: SessionUpdate) -> Session:
    if news.start_time is None or news.sequence <= session.time_sequence:
        return session
    return replace(
        session,
        start_time=news.start_time,
        end_time=news.end_time,
        time_sequence=news.sequence,
    )


def _state(session: Session, news: SessionUpdate) -> Session:
    if news.state is None or news.sequence <= session.state_sequence:
        return session
    # A resync does not name the substitute of a class that an older version cancelled.
    known = session.substitute_item_id if news.state is session.state else ""
    return replace(
        session,
        state=news.state,
        substitute_item_id=news.substitute_item_id or known,
        state_sequence=news.sequence,
    )


def _study(session: Session, news: SessionUpdate) -> Session:
    if news.material_item_ids is None or news.sequence <= session.study_sequence:
        return session
    return replace(
        session,
        recorded=news.recorded,
        material_item_ids=news.material_item_ids,
        study_sequence=news.sequence,
    )


def _recording(session: Session, news: SessionUpdate) -> Session:
    if news.recorded_parts is None:
        return session
    told = (_attached(each, news.sequence) for each in news.recorded_parts)
    newest = max(session.recording_sequence, news.sequence)
    after = replace(
        session,
        recordings=_newest((*session.attached, *told)),
        recording_item_id="",
        recording_sequence=newest,
    )
    first = next((each.item_id for each in after.parts), "")
    return replace(after, recording_item_id=first)


def _attached(part: RecordedPart, sequence: int) -> AttachedRecording:
    stretches = tuple(
        (each.starts_at.total_seconds(), each.length.total_seconds()) for each in part.stretches
    )
    offset = part.starts_at_offset.total_seconds() if part.starts_at_offset else 0.0
    return AttachedRecording(part.item_id, offset, sequence, stretches)


def _newest(recordings: Iterable[AttachedRecording]) -> tuple[AttachedRecording, ...]:
    """Return the newest news of each item, in their order; of too many items the newest."""
    by_item: dict[str, AttachedRecording] = {}
    for each in recordings:
        known = by_item.get(each.item_id)
        if known is None or each.sequence >= known.sequence:
            by_item[each.item_id] = each
    in_order = sorted(by_item.values(), key=lambda each: (each.sequence, each.offset, each.item_id))
    return tuple(in_order[-MOST_RECORDINGS:])
