"""A lease: of many processes that could do some work, one does it.

Each lease is a document in the service's own database. The time is MongoDB's, so the clocks of the
processes need not agree. When a holder dies, another takes the lease after it has ended.
"""

from datetime import timedelta
from typing import Any

from pymongo import ReturnDocument

Document = dict[str, Any]


def take(leases: Any, name: str, holder: str, lasting: timedelta) -> bool:
    """Take or renew the lease; return False while another process holds it."""
    wanted, change = claim(name, holder, lasting)
    found = leases.find_one_and_update(
        wanted, change, upsert=True, return_document=ReturnDocument.AFTER
    )
    return bool(found["holder"] == holder)


def release(leases: Any, name: str, holder: str) -> None:
    """Release the lease at once, if `holder` has it."""
    leases.delete_one({"_id": name, "holder": holder})


def claim(name: str, holder: str, lasting: timedelta) -> tuple[Document, list[Document]]:
    """Return the upsert that gives the lease to `holder` if it has it, or if the lease has
    ended.
    """
    ours = {"$or": [{"$eq": ["$holder", holder]}, {"$lt": ["$until", "$$NOW"]}]}
    until = {"$add": ["$$NOW", int(lasting.total_seconds() * 1000)]}
    wanted = {
        "holder": {"$cond": [ours, holder, "$holder"]},
        "until": {"$cond": [ours, until, "$until"]},
    }
    # A missing field sorts before every date, so a lease that nobody holds is free.
    return {"_id": name}, [{"$set": wanted}]
