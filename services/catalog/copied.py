"""Which copies of others' data the services keep: what the auditor compares."""

from collections.abc import Mapping, Sequence

from chassis.resync.comparing import Copy

_KEPT: Mapping[tuple[str, str, str], Sequence[str]] = {
    ("catalog", "notify", "notify.people"): ("people",),
    ("catalog", "notify", "notify.rosters"): ("runs", "paths", "enrolments"),
    ("catalog", "sessions", "sessions.rosters"): ("people", "runs", "staff", "groups", "places"),
    ("catalog", "library", "library.entitlements"): ("staff", "paths", "places"),
    ("library", "sessions", "sessions.recordings"): ("items",),
    ("library", "progress", "progress.attendance"): ("items",),
    ("library", "notify", "notify.rosters"): ("titles",),
    ("catalog", "progress", "progress.plans"): ("people", "runs", "staff", "paths", "places"),
    ("sessions", "progress", "progress.plans"): ("sessions",),
    ("sessions", "progress", "progress.attendance"): ("recordings",),
    ("sessions", "notify", "notify.triggers"): ("sessions",),
    ("sessions", "library", "library.entitlements"): ("recordings",),
    ("sessions", "catalog", "catalog.availability"): ("availability",),
}
COPIES = [
    Copy(owner, kind, keeper, subscription)
    for (owner, keeper, subscription), kinds in _KEPT.items()
    for kind in kinds
]
"""The copies that are compared."""
