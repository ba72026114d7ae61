"""Copies of others' data that can be compared with the originals."""

from collections.abc import Mapping

from chassis.resync.digests import Digested, plain
from services.library.store_recordings import RECORDING

COPIES: Mapping[str, Digested] = {
    "staff": Digested("staff", {"staff": plain("staff")}),
    "places": Digested("enrolments", {"state": plain("state")}),
    # The items of a run's path; the shelves of sessions have no sequence, or a session.
    "paths": Digested(
        "shelves",
        {"item_ids": plain("item_ids")},
        where={"sequence": {"$exists": True}, "session_id": {"$exists": False}},
    ),
    "recordings": Digested(
        "shelves",
        {"item_ids": plain("item_ids")},
        where={"item_ids.0": {"$exists": True}},
        prefix=RECORDING,
    ),
}
