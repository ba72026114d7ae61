"""What a caller is to what a request is about: staff of runs, or the owner of an upload."""

from typing import Any

from chassis.data.staff import roles_in, roles_of
from chassis.data.store import Database
from chassis.edge.access import Relation
from services.library.store import LibraryStore
from services.library.usecases.uploads import get_item, get_upload


def relation(database: Database[LibraryStore], person_id: str, about: str, value: Any) -> Relation:
    """Return a caller's relation to runs (`run_ids`) or to an upload (`upload_id`).

    Raises NotFound if there is no such upload, and Unavailable if a run is not known here yet.
    """
    store = database.reader()
    if about == "run_ids":
        run_ids = list(value)
        return Relation(
            roles_in(store, person_id, run_ids) if run_ids else roles_of(store, person_id)
        )
    item = get_item(store, get_upload(store, value).item_id) if value else None
    return Relation(is_owner=item is not None and item.uploaded_by == person_id)
