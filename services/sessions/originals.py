"""What of sessions' data can be compared with copies of it."""

from collections.abc import Mapping

from chassis.resync.digests import Digested, Document, plain
from services.sessions.domain.enums import SessionState


def _item_ids(recording: Document) -> object:
    """Return all items of a recording, each once."""
    found = [item_id for part in recording["parts"] for item_id in _part_items(part)]
    return [*dict.fromkeys(filter(None, found))]


def _part_items(part: Document) -> list[str]:
    captions = [each["item_id"] for each in part.get("captions") or ()]
    return [part["item_id"], part.get("transcript_item_id", ""), *captions]


def _hours(availability: Document) -> object:
    """Return hours without who likes which, which nobody copies."""
    return [
        {name: window[name] for name in ("weekday", "start", "end")}
        for window in availability["hours"]
    ]


ORIGINALS: Mapping[str, Digested] = {
    "sessions": Digested(
        "sessions",
        {
            name: plain(name)
            for name in (
                "run_id",
                "activity_id",
                "title",
                "instructor_id",
                "start_time",
                "end_time",
                "room",
                "join_url",
                "recorded",
                "material_item_ids",
                "group_ids",
                "state",
                "ended_at",
            )
        }
        | {
            "standing": lambda session: session["state"] == SessionState.SCHEDULED,
            "cancelled": lambda session: session["state"] == SessionState.CANCELLED,
        },
    ),
    # Of each session that has a recording, its items, and the first one.
    "recordings": Digested(
        "recordings",
        {"item_ids": _item_ids, "first": lambda recording: recording["parts"][0]["item_id"]},
        where={"parts.0": {"$exists": True}},
    ),
    "availability": Digested("availability", {"hours": _hours, "away": plain("away")}),
}
