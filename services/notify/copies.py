"""Copies of others' data that can be compared with the originals."""

from collections.abc import Mapping

from chassis.resync.digests import Digested, plain

COPIES: Mapping[str, Digested] = {
    # When a class is over, its copy has the end that it had.
    "sessions": Digested(
        "sessions",
        {
            name: plain(name)
            for name in (
                "run_id",
                "title",
                "instructor_id",
                "start_time",
                "room",
                "join_url",
                "standing",
                "cancelled",
                "group_ids",
            )
        },
    ),
    "titles": Digested("items", {"title": plain("title")}),
    "paths": Digested("paths", {"titles": plain("titles")}),
    "people": Digested(
        "people",
        {name: plain(name) for name in ("name", "email", "language", "zone", "retired_at")},
    ),
    "runs": Digested(
        "runs",
        {name: plain(name) for name in ("title", "closed_at", "instructor_ids", "staff")},
    ),
    "enrolments": Digested(
        "enrolments",
        {name: plain(name) for name in ("run_id", "learner_id", "state", "mode", "group_ids")},
    ),
}
