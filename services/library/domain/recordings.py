"""Recordings of sessions: the items of which they consist, and what is done with withdrawn ones."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from services.library.domain.enums import ItemKind, ItemState
from services.library.domain.items import Item


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingItems:
    """The items of a session's recording: its parts, their transcripts and captions. Only these are
    readable: what was replaced or withdrawn is not.
    """

    session_id: str
    run_id: str
    item_ids: tuple[str, ...]
    sequence: int
    activity_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawnItems:
    """The items of a session's recording that were withdrawn or replaced."""

    run_id: str
    item_ids: tuple[str, ...]
    reason: str
    expired: bool
    """Whether the run keeps its recordings no longer."""


def newest(
    told: Collection[RecordingItems], known: Collection[RecordingItems]
) -> list[RecordingItems]:
    """Return the newest of what was told of each session that is newer than what is known."""
    before = {each.session_id: each.sequence for each in known}
    latest = {each.session_id: each for each in sorted(told, key=lambda each: each.sequence)}
    return [each for each in latest.values() if each.sequence > before.get(each.session_id, -1)]


def without_run(item: Item, run_id: str) -> Item:
    """Return the item, which is no longer for the learners of a run."""
    return replace(item, run_ids=tuple(each for each in item.run_ids if each != run_id))


def is_to_retire(item: Item, *, named: bool) -> bool:
    """Return whether a recording that its run keeps no longer is deleted: nobody else uses it.

    `named`: whether a path or a session names it, or one of its other versions.
    """
    is_recording = item.kind is ItemKind.RECORDING and item.state is ItemState.AVAILABLE
    return is_recording and not (named or item.run_ids or item.is_for_all)
