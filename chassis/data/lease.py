"""A lease: of many processes that could do a thing, one does it.

One document a lease, in the service's own database; time is MongoDB's, so no two processes need
agreeing clocks. A holder that dies is succeeded when its time is over.
"""

from datetime import timedelta
from typing import Any

from pymongo import ReturnDocument

Document = dict[str, Any]


def take(leases: Any, name: str, holder: str, lasting: timedelta) -> bool:
    """Take the lease, or keep it; False while another holds it."""
    wanted, change = claim(name, holder, lasting)
    found = leases.find_one_and_update(
        wanted, change, upsert=True, return_document=ReturnDocument.AFTER
    )
    return bool(found["holder"] == holder)


def release(leases: Any, name: str, holder: str) -> None:
    """Give the lease up at once, where `holder` has it."""
    leases.delete_one({"_id": name, "holder": holder})


def claim(name: str, holder: str, lasting: timedelta) -> tuple[Document, list[Document]]:
    """The upsert that makes `holder` the holder where it is already, or where time is over."""
    ours = {"$or": [{"$eq": ["$holder", holder]}, {"$lt": ["$until", "$$NOW"]}]}
    until = {"$add": ["$$NOW", int(lasting.total_seconds() * 1000)]}
    wanted = {
        "holder": {"$cond": [ours, holder, "$holder"]},
        "until": {"$cond": [ours, until, "$until"]},
    }
    # A missing field sorts before every date: nobody's lease is free.
    return {"_id": name}, [{"$set": wanted}]
