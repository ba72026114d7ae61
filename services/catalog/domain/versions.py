"""Versions of a path: an id names the same activity in all of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from chassis.errors import FieldViolation
from services.catalog.domain.enums import ActivityKind
from services.catalog.domain.path import Activity, Path


def kind_violations(
    activities: Sequence[Activity], known: Mapping[str, ActivityKind]
) -> Iterator[FieldViolation]:
    """Yield a violation for each activity that an earlier version had with another kind.

    `known`: the kinds of the ids that earlier versions used. What learners completed stays
    completed, so a reading must not become a quiz that they have passed.
    """
    for place, activity in enumerate(activities):
        kind = known.get(activity.id, activity.kind)
        if kind is not activity.kind:
            wrong = f"{activity.id!r} was of the kind {kind} in an earlier version"
            yield FieldViolation(f"activities[{place}].kind", wrong, f"{kind}, or a new id")


def with_added_at(
    activities: Sequence[Activity], previous: Path | None, now: datetime
) -> tuple[Activity, ...]:
    """Return the activities with when a version first had them, after a version without them."""
    if previous is None:
        return tuple(replace(each, added_at=None) for each in activities)
    known = {each.id: each.added_at for each in previous.activities}
    return tuple(replace(each, added_at=known.get(each.id, now)) for each in activities)
