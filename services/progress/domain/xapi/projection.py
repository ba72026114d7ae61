"""What an xAPI statement means for progress: the statement of ours that it is, if it is one.

It is one if its actor is a person of ours, and its object an activity of a run's path, or an item
whose run stands among the context's activities. An item's activity is the only one that stands
among the context's parents.
"""

import math
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from services.progress.domain.enums import Role
from services.progress.domain.statements import Result, Statement, normal
from services.progress.domain.video import VideoExtensions
from services.progress.domain.xapi.identities import context_activities
from services.progress.domain.xapi.places import (
    Place,
    person_of,
    place_of,
    run_of,
)
from services.progress.domain.xapi.timestamps import instant_of

VIDEO = "https://w3id.org/xapi/video/extensions/"
# As the contract has it (resources.proto).
LONGEST_VERB, LONGEST_SEGMENTS = 500, 100_000
LONGEST_DURATION = timedelta(days=10_000)
# ISO 8601, section 4.4.3.2, without years and months, which have no fixed length.
_DURATION = re.compile(
    r"P(?:(?P<weeks>[\d.,]{1,12})W)?(?:(?P<days>[\d.,]{1,12})D)?"
    r"(?:T(?:(?P<hours>[\d.,]{1,12})H)?(?:(?P<minutes>[\d.,]{1,12})M)?"
    r"(?:(?P<seconds>[\d.,]{1,20})S)?)?",
    re.ASCII,
)


def projected(statement: Mapping[str, Any], base: str, authority: Role) -> Statement | None:
    """Return the statement of ours that a valid one with an id and a timestamp is; None if it is
    none.

    `base`: the LRS's public URL; `authority`: who asserts it.
    """
    learner_id = person_of(statement["actor"], base)
    if not learner_id:
        return None
    place, verb = _place(statement, base), statement["verb"]["id"]
    at = instant_of(statement["timestamp"])
    if not place.run_id or at is None or len(verb) > LONGEST_VERB:
        return None
    return normal(
        Statement(
            id=statement["id"],
            learner_id=learner_id,
            verb=verb,
            run_id=place.run_id,
            activity_id=place.activity_id,
            item_id=place.item_id,
            timestamp=at,
            result=_result(statement.get("result", {})),
            video=_video(statement),
            authority=authority,
        )
    )


def duration_of(text: object) -> timedelta | None:
    """Return an ISO 8601 duration; None if it has no fixed length, or is longer than 27 years."""
    match = _DURATION.fullmatch(text) if isinstance(text, str) else None
    try:
        parts = {name: float(value.replace(",", ".")) for name, value in _told(match).items()}
        found = timedelta(**parts)
    except (ValueError, OverflowError):
        return None
    return found if parts and found <= LONGEST_DURATION else None


def _told(match: re.Match[str] | None) -> dict[str, str]:
    return {name: value for name, value in match.groupdict().items() if value} if match else {}


def _place(statement: Mapping[str, Any], base: str) -> Place:
    """Return the run, and the activity, the item or both, that a statement is about."""
    target = statement["object"]
    place = place_of(target.get("id"), base)
    if target.get("objectType", "Activity") != "Activity" or place == Place():
        return Place()
    if place.activity_id:
        return place
    run_id = run_of(statement, base) if place.item_id else ""
    parents = {place_of(each.get("id"), base) for each in context_activities(statement, "parent")}
    named = [each.activity_id for each in parents if each.activity_id and each.run_id == run_id]
    return Place(run_id, named[0] if len(named) == 1 else "", place.item_id)


def _result(result: Mapping[str, Any]) -> Result | None:
    scaled = result.get("score", {}).get("scaled")
    found = Result(
        completion=result.get("completion"),
        success=result.get("success"),
        scaled_score=None if scaled is None else float(scaled),
        duration=duration_of(result.get("duration")),
    )
    return None if found == Result() else found


def _video(statement: Mapping[str, Any]) -> VideoExtensions | None:
    """Return the extensions of the video profile; the length may stand in the context or, as many
    players have it, in the result.
    """
    told = statement.get("result", {}).get("extensions", {})
    whole = statement.get("context", {}).get("extensions", {})
    segments = told.get(f"{VIDEO}played-segments")
    is_text = isinstance(segments, str) and len(segments) <= LONGEST_SEGMENTS
    found = VideoExtensions(
        length=_seconds(told, "length") or _seconds(whole, "length"),
        time=_seconds(told, "time"),
        time_from=_seconds(told, "time-from"),
        time_to=_seconds(told, "time-to"),
        played_segments=segments if is_text else "",
    )
    return None if found == VideoExtensions() else found


def _seconds(extensions: Mapping[str, Any], name: str) -> float:
    """Return a time; 0, which means not told, if there is none."""
    value = extensions.get(VIDEO + name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    try:
        return float(value)
    except OverflowError:
        return math.inf  # an integer beyond the range of a double
