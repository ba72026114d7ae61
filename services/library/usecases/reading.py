"""Reading items, and the replicas that decide who may read them."""

from chassis.errors import FailedPrecondition, PermissionDenied
from services.library.domain.entitlements import Enrolment, RunReadingList, may_read
from services.library.domain.enums import ItemState
from services.library.domain.items import Item
from services.library.ports import Store
from services.library.usecases.uploads import get_item

DENIED = "the learner's enrolments do not allow reading this item"


def readable(store: Store, item_id: str, reader_id: str) -> Item:
    """Return an item that `reader_id` (empty: staff) may read now.

    Raises PermissionDenied, for a learner also if there is no such item, and FailedPrecondition
    while it is not AVAILABLE.
    """
    if reader_id:
        _check_entitled(store, store.item(item_id), reader_id)
    item = get_item(store, item_id)
    if item.state is not ItemState.AVAILABLE:
        raise FailedPrecondition(
            f"item {item_id!r} is {item.state}; only AVAILABLE items can be read"
        )
    return item


def _check_entitled(store: Store, item: Item | None, learner_id: str) -> None:
    if item is None:
        raise PermissionDenied(DENIED)
    # The query starts from the learner's runs: there are tens, while an item may be in thousands.
    runs = store.runs_of(learner_id)
    if not may_read(item, runs, store.names(runs, item.id)):
        raise PermissionDenied(DENIED)


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
