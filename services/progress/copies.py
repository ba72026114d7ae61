"""Copies of others' data that can be compared with the originals."""

from collections.abc import Mapping

from chassis.resync.digests import Digested, plain

COPIES: Mapping[str, Digested] = {
    # An older version stored items without a sequence, as locks.
    "items": Digested(
        "items",
        {name: plain(name) for name in ("available", "seconds")},
        where={"sequence": {"$exists": True}},
    ),
    # A session may be known by its attendance before its plan is.
    "sessions": Digested(
        "sessions",
        {
            name: plain(name)
            for name in (
                "run_id",
                "activity_id",
                "title",
                "start_time",
                "end_time",
                "recorded",
                "material_item_ids",
                "group_ids",
                "state",
                "ended_at",
            )
        },
    ),
    "recordings": Digested(
        "sessions",
        {"first": plain("recording_item_id")},
        where={"recording_item_id": {"$gt": ""}},
    ),
    "people": Digested("people", {"zone": plain("zone")}),
    "runs": Digested(
        "runs",
        {name: plain(name) for name in ("title", "zone", "start_date", "closed_at", "holidays")},
    ),
    "staff": Digested("staff", {"staff": plain("staff")}),
    "paths": Digested("paths", {"version": plain("version")}),
    # A learner may be known before the enrolment is, such as by a statement.
    "places": Digested(
        "standings",
        {name: plain(name) for name in ("state", "mode", "group_ids")},
        key=("run_id", "learner_id"),
        where={"state": {"$ne": None}},
    ),
}
