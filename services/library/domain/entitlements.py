"""Entitlement: which learners may read which items."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from services.library.domain.enums import Access, EnrolmentState
from services.library.domain.items import Item


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """A learner's enrolment in a run, from catalog's last event with number `sequence`."""

    run_id: str
    learner_id: str
    state: EnrolmentState
    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PathEntry:
    """An activity of a path, with the week of the run by which it is due."""

    item_id: str
    """Empty if it is not an item, such as one that sessions hold."""
    week: int = 0
    """From 1; 0: the path does not tell it by week."""
    activity_id: str = ""
    """Empty in what an older version stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReadingList:
    """The reading list of a run: the items of its path, from catalog's last event."""

    run_id: str
    item_ids: tuple[str, ...]
    sequence: int
    entries: tuple[PathEntry, ...] = ()
    """All activities in the path's order; an older version stored those with items only, or none.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionItems:
    """Items that a session of a run gave its learners to study: its materials, or what takes its
    place. Once given, they stay readable; items of recordings (recordings.py) do not.
    """

    session_id: str
    run_id: str
    item_ids: tuple[str, ...]
    activity_id: str = ""
    """The activity of the path that the session holds; empty for an extra class, and in what an
    older version stored.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """A person who wants to read, with the runs where the person has a place, or is staff."""

    id: str
    learns_in: tuple[str, ...] = ()
    staff_of: tuple[str, ...] = ()


def is_embargoed(item: Item, now: datetime) -> bool:
    """Return whether an item is closed to learners until a later time."""
    return item.not_before is not None and now < item.not_before


def runs_that_count(item: Item, reader: Reader, now: datetime) -> tuple[str, ...]:
    """Return the runs by which a person may read an item: during its embargo, those where the
    person is staff.
    """
    if is_embargoed(item, now):
        return reader.staff_of
    return reader.staff_of + reader.learns_in


def all_versions(item: Item) -> tuple[str, ...]:
    """Return the ids by which a path or a session names an item: its own, and its earlier
    versions'.
    """
    return (item.id, *item.predecessors)


def may_read(item: Item, reader: Reader, now: datetime, *, named: bool) -> bool:
    """Return whether a person may read an item that is AVAILABLE.

    `named`: whether the path or a session of one of `runs_that_count` names one of
    `all_versions`. Everybody reads an item that is for all, except during its embargo.
    """
    is_for_all = item.access is Access.ALL and not is_embargoed(item, now)
    return is_for_all or _is_given(item, reader.id, runs_that_count(item, reader, now), named)


def looks_after(item: Item, reader: Reader, *, named: bool) -> bool:
    """Return whether a person sees an item in every state: who uploaded it, and staff of its runs.

    `named`: whether the path or a session of a run where the person is staff names one of
    `all_versions`.
    """
    return _is_given(item, reader.id, reader.staff_of, named)


def _is_given(item: Item, person_id: str, runs: Collection[str], named: bool) -> bool:
    is_own = bool(person_id) and item.uploaded_by == person_id
    return is_own or named or not set(runs).isdisjoint(item.run_ids)
