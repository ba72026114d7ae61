"""Replicas of sessions and of the library's items.

Different events, in any order, set the parts of a session. Each part has the sequence of the event
that set it: an older event changes nothing.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from services.progress.domain.enums import ItemKind, SessionState

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
    waited: bool = False
    """Whether we no longer wait for its recording: its materials may be substitutes."""

    @property
    def mentions(self) -> tuple[str, ...]:
        """Return the ids of all items that the session names."""
        named = (*self.material_item_ids, self.recording_item_id, self.substitute_item_id)
        return tuple(dict.fromkeys(filter(None, named)))

    def is_for(self, group_ids: Collection[str]) -> bool:
        """Return whether it is for a learner in these groups."""
        return not self.group_ids or not set(self.group_ids).isdisjoint(group_ids)


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
    recording_item_id: str = ""


def merge(session: Session, news: SessionUpdate) -> Session:
    """Return the session after an update; each part counts unless a newer one is known."""
    after = replace(
        session,
        activity_id=session.activity_id or news.activity_id,
        title=session.title or news.title,
        group_ids=session.group_ids if news.group_ids is None else news.group_ids,
        ended_at=session.ended_at or news.ended_at,
    )
    for part in (_time, _state, _study, _recording):
        after = part(after, news)
    return after


def substitutes(session: Session, items: Mapping[str, Item]) -> tuple[str, ...]:
    """Return the substitute materials of the class: the items to study instead; empty if none.

    For a cancelled class, its substitute item. For one that took place, the recording as soon as it
    can be played; the available materials if there is no recording, if it failed, or if we have
    waited for it long enough.
    """
    if session.state is SessionState.CANCELLED:
        return _available((session.substitute_item_id,), items)
    if session.state is not SessionState.ENDED:
        return ()
    recording = items.get(session.recording_item_id)
    if recording is not None and recording.available:
        return (recording.id,)
    expected = session.recorded or session.recording_item_id
    if expected and recording is None and not session.waited:
        return ()
    return _available(session.material_item_ids, items)


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
    return replace(
        session,
        state=news.state,
        substitute_item_id=news.substitute_item_id,
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
    if not news.recording_item_id or news.sequence <= session.recording_sequence:
        return session
    return replace(
        session, recording_item_id=news.recording_item_id, recording_sequence=news.sequence
    )
