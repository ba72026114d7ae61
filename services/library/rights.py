"""What a caller is to what a request is about: staff of runs, who uploaded it, or whose it is."""

from collections.abc import Collection
from typing import Any

from chassis.context import principal
from chassis.data.staff import members_in, members_of
from chassis.data.store import Database
from chassis.edge.access import Relation
from chassis.errors import PermissionDenied
from chassis.staff import StaffRole, within
from services.library.store import LibraryStore
from services.library.usecases.lookup import get_feed, get_item, get_upload


def check_runs(store: LibraryStore, item_id: str, run_ids: Collection[str]) -> None:
    """Check that the caller may give an item to the learners of these runs: the office may, and who
    is at least an ASSISTANT in each run that is new to the item.

    Raises NotFound; PermissionDenied; Unavailable if a run is not known here yet.
    """
    who = principal.current()
    added = set(run_ids) - set(get_item(store, item_id).run_ids)
    if added and not who.is_office:
        _check_assistant(store, who.subject, added)


def check_replaces(store: LibraryStore, item_id: str) -> None:
    """Check that the caller may replace an item (empty: none), which needs the same as UpdateItem:
    the office, who uploaded it, and who is at least an ASSISTANT in each of its runs.

    Raises NotFound; PermissionDenied; Unavailable if a run is not known here yet.
    """
    who, item = principal.current(), get_item(store, item_id) if item_id else None
    if item is None or who.is_office or item.uploaded_by == who.subject:
        return
    if not item.run_ids:
        raise PermissionDenied(f"this needs to have uploaded item {item_id!r}")
    _check_assistant(store, who.subject, item.run_ids)


def _check_assistant(store: LibraryStore, person_id: str, run_ids: Collection[str]) -> None:
    for run_id, member in sorted(members_in(store, person_id, run_ids).items()):
        whole = within(member, ())
        if whole is None or not whole.role.includes(StaffRole.ASSISTANT):
            raise PermissionDenied(f"this needs to be ASSISTANT of run {run_id!r}, or more")


def relation(database: Database[LibraryStore], person_id: str, about: str, value: Any) -> Relation:
    """Return a caller's relation to runs (`run_id`, `run_ids`), an upload (`upload_id`), an item
    (`item_id`) or a feed (`feed_id`).

    Raises NotFound if there is no such upload, item or feed, and Unavailable if a run is not known
    here yet.
    """
    store = database.reader()
    if about == "run_ids":
        run_ids = list(value)
        return Relation(
            members_in(store, person_id, run_ids) if run_ids else members_of(store, person_id)
        )
    if not value:
        return Relation()
    if about == "run_id":
        return Relation(members_in(store, person_id, [value]))
    if about == "feed_id":
        return Relation(is_owner=get_feed(store, value).reader_id == person_id)
    of_item = about == "item_id"
    item = get_item(store, value if of_item else get_upload(store, value).item_id)
    is_owner = item.uploaded_by == person_id
    # An item of no run is its uploader's.
    staff = members_in(store, person_id, item.run_ids) if of_item and not is_owner else {}
    return Relation(staff, is_owner=is_owner)
