"""A statement of ours as xAPI: what the LRS answers for what came by RecordStatements.

`projection.projected` reads it back.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from services.progress.domain.enums import Role
from services.progress.domain.statements import Result, Statement
from services.progress.domain.video import VideoExtensions
from services.progress.domain.xapi import places
from services.progress.domain.xapi.projection import VIDEO

SERVICE = "service"
"""The account of what a service asserted."""
_TIMES = {"length": "length", "time": "time", "time_from": "time-from", "time_to": "time-to"}


def rendered(statement: Statement, base: str) -> dict[str, Any]:
    """Return a statement as xAPI 1.0.3, without `stored`."""
    person = places.person_iri(base, statement.learner_id)
    by_learner = statement.authority is Role.LEARNER
    result = _result(statement.result, statement.video)
    parent = _parent(statement, base)
    return {
        "id": statement.id,
        "actor": person,
        "verb": {"id": statement.verb},
        "object": {"objectType": "Activity", "id": _object(statement, base)},
        **({"result": result} if result else {}),
        **({"context": {"contextActivities": {"parent": [{"id": parent}]}}} if parent else {}),
        "timestamp": written(statement.timestamp),
        "authority": person if by_learner else places.person_iri(base, SERVICE),
        "version": "1.0.0",
    }


def written(at: datetime) -> str:
    """Return an instant as xAPI writes it, in milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _object(statement: Statement, base: str) -> str:
    if statement.item_id:
        return places.item_iri(base, statement.item_id)
    return places.activity_iri(base, statement.run_id, statement.activity_id)


def _parent(statement: Statement, base: str) -> str:
    """Return the IRI of an item's activity, or of its run; an activity names its run itself."""
    if not statement.item_id:
        return ""
    if statement.activity_id:
        return places.activity_iri(base, statement.run_id, statement.activity_id)
    return places.run_iri(base, statement.run_id)


def _result(result: Result | None, video: VideoExtensions | None) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if result:
        score = None if result.scaled_score is None else {"scaled": result.scaled_score}
        length = None if result.duration is None else _duration(result.duration)
        told = {"score": score, "duration": length}
        told |= {"completion": result.completion, "success": result.success}
    told["extensions"] = _extensions(video) if video else None
    return {name: value for name, value in told.items() if value is not None}


def _extensions(video: VideoExtensions) -> Mapping[str, Any] | None:
    times = {VIDEO + name: getattr(video, field) for field, name in _TIMES.items()}
    segments = {f"{VIDEO}played-segments": video.played_segments}
    return {name: value for name, value in (times | segments).items() if value} or None


def _duration(duration: timedelta) -> str:
    """Return an ISO 8601 duration in seconds, to the microsecond."""
    whole, rest = divmod(duration // timedelta(microseconds=1), 1_000_000)
    return f"PT{whole}.{rest:06}S" if rest else f"PT{whole}S"
