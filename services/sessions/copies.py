"""Copies of others' data that can be compared with the originals."""

from collections.abc import Mapping

from chassis.resync.digests import Digested, plain

COPIES: Mapping[str, Digested] = {
    "items": Digested("items", {name: plain(name) for name in ("available", "failure", "seconds")}),
    "people": Digested("people", {name: plain(name) for name in ("name", "roles", "retired_at")}),
    "runs": Digested("runs", {name: plain(name) for name in ("closed_at", "instructor_ids")}),
    "staff": Digested("staff", {"staff": plain("staff")}),
    "groups": Digested("groups", {name: plain(name) for name in ("run_id", "name", "retired")}),
    "places": Digested(
        "enrolments", {name: plain(name) for name in ("state", "mode", "group_ids")}
    ),
}
