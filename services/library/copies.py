"""Copies of others' data that can be compared with the originals."""

from collections.abc import Mapping

from chassis.resync.digests import Digested, plain
from services.library.store_recordings import RECORDING

COPIES: Mapping[str, Digested] = {
    "staff": Digested("staff", {"staff": plain("staff")}),
    "places": Digested("enrolments", {"state": plain("state")}),
    "recordings": Digested(
        "shelves",
        {"item_ids": plain("item_ids")},
        where={"item_ids.0": {"$exists": True}},
        prefix=RECORDING,
    ),
}
