"""Reading items, and the replicas that decide who may read them."""

from collections.abc import Collection

from chassis.errors import FailedPrecondition, PermissionDenied
from services.library.domain import renditions
from services.library.domain.entitlements import (
    Enrolment,
    Reader,
    RunReadingList,
    all_versions,
    looks_after,
    may_read,
    runs_that_count,
)
from services.library.domain.enums import ItemState
from services.library.domain.items import Item, Rendition
from services.library.domain.renditions import Wish
from services.library.domain.search import Given, Scope
from services.library.ports import Store
from services.library.usecases.lookup import get_item

DENIED = "this person's enrolments and runs do not allow reading this item"


def readable(store: Store, item_id: str, reader_id: str) -> Item:
    """Return an item that `reader_id` (empty: everything may be read) may read now.

    Raises PermissionDenied, for a named reader also if there is no such item, and
    FailedPrecondition while it is not AVAILABLE.
    """
    item = _entitled(store, item_id, reader_id) if reader_id else get_item(store, item_id)
    if item.state is not ItemState.AVAILABLE:
        raise FailedPrecondition(
            f"item {item_id!r} is {item.state}; only AVAILABLE items can be read"
        )
    return item


def choose(item: Item, wish: Wish) -> Rendition:
    """Return the rendition of an item that fits a wish best. Raises FailedPrecondition if none
    does.
    """
    fitting = renditions.fitting(item.renditions, item.seconds, wish)
    if not fitting:
        has = renditions.described(item.renditions, item.seconds)
        raise FailedPrecondition(f"item {item.id!r} has no rendition like this; it has {has}")
    return fitting[0]


def visible(store: Store, item_id: str, reader_id: str) -> Item:
    """Return an item that `reader_id` (empty: everything) may see: in any state for who uploaded
    it and for the staff of its runs, for others as `readable` does, which tells what it raises.
    """
    if not reader_id:
        return get_item(store, item_id)
    item = store.item(item_id)
    is_unfinished = item is not None and item.state is not ItemState.AVAILABLE
    if item and is_unfinished and _looks_after(store, item, reader_id):
        return item
    return readable(store, item_id, reader_id)


def reader(store: Store, person_id: str) -> Reader:
    """Return a person with the runs where the person has a place, or is staff."""
    return Reader(
        id=person_id,
        learns_in=tuple(store.runs_of(person_id)),
        staff_of=tuple(store.staffed_by(person_id)),
    )


def scope(store: Store, person_id: str) -> Scope | None:
    """Return which items a person sees in lists; None for all of them, if `person_id` is empty."""
    if not person_id:
        return None
    person = reader(store, person_id)
    learner, staff = (given_by(store, runs) for runs in (person.learns_in, person.staff_of))
    return Scope(person_id, learner, staff, store.now)


def given_by(store: Store, runs: Collection[str]) -> Given:
    """Return what runs give their people."""
    return Given(runs, frozenset(store.reading_list_items(runs)))


def _entitled(store: Store, item_id: str, person_id: str) -> Item:
    """Return an item that a person may read. Raises PermissionDenied, also if there is none."""
    item = store.item(item_id)
    if item is None or not _may_read(store, item, person_id):
        raise PermissionDenied(DENIED)
    return item


def _may_read(store: Store, item: Item, person_id: str) -> bool:
    person = reader(store, person_id)
    # The query starts from the person's runs: there are tens, while an item may be in thousands.
    named = store.names(runs_that_count(item, person, store.now), all_versions(item))
    return may_read(item, person, store.now, named=named)


def _looks_after(store: Store, item: Item, person_id: str) -> bool:
    staff = Reader(id=person_id, staff_of=tuple(store.staffed_by(person_id)))
    return looks_after(item, staff, named=store.names(staff.staff_of, all_versions(item)))


def note_enrolments(store: Store, told: list[Enrolment]) -> None:
    """Store enrolments that are newer than the known ones."""
    latest = {(row.run_id, row.learner_id): row for row in sorted(told, key=lambda r: r.sequence)}
    known = {(row.run_id, row.learner_id): row.sequence for row in store.enrolments(latest)}
    store.put_enrolments([row for key, row in latest.items() if row.sequence > known.get(key, 0)])


def note_reading_list(store: Store, told: RunReadingList) -> None:
    """Store a run's reading list if it is newer than the known one."""
    known = store.reading_list(told.run_id)
    if known is None or told.sequence > known.sequence:
        store.put_reading_list(told)
