"""What of the library's data can be compared with copies of it."""

from collections.abc import Mapping

from chassis.resync.digests import Digested, Document
from services.library.domain.enums import ItemState


def _available(item: Document) -> object:
    return item["state"] == ItemState.AVAILABLE


def _seconds(item: Document) -> object:
    return item.get("seconds") if _available(item) else None


def _title(item: Document) -> object:
    return item["metadata"]["title"]


ORIGINALS: Mapping[str, Digested] = {
    # Those that can be read, or were refused or retired.
    "items": Digested(
        "items",
        {
            "available": _available,
            "failure": lambda item: item.get("failure"),
            "seconds": _seconds,
        },
        where={"state": {"$in": [ItemState.AVAILABLE, ItemState.FAILED, ItemState.RETIRED]}},
    ),
    # Those that can or could be read.
    "titles": Digested(
        "items",
        {"title": _title},
        where={"state": {"$in": [ItemState.AVAILABLE, ItemState.RETIRED]}},
    ),
}
