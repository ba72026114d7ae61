"""Contexts (xAPI 1.0.3, part 2, section 2.4.6; IEEE 9274.1.1, section 4.2.2.5)."""

from collections.abc import Sequence
from typing import Any

from chassis.errors import FieldViolation
from services.progress.domain.xapi.activities import activity
from services.progress.domain.xapi.actors import actor, agent, group
from services.progress.domain.xapi.checks import (
    Check,
    array,
    enumerated,
    fault,
    kinds,
    record,
    remembered,
    text,
)
from services.progress.domain.xapi.data_types import extensions, iri, language_tag, uuid
from services.progress.domain.xapi.versions import Version

CONTEXT_ACTIVITIES = ("parent", "grouping", "category", "other")

_activities = array(activity)


def _one_or_many(value: Any) -> Sequence[FieldViolation]:
    """One activity without an array is allowed, for version 0.95 had it so."""
    return _activities(value) if isinstance(value, list) else activity(value)


_some_activities = record(dict.fromkeys(CONTEXT_ACTIVITIES, _one_or_many))


def _context_activities(value: Any) -> Sequence[FieldViolation]:
    if value == {}:
        return fault(value, f"at least one of {', '.join(CONTEXT_ACTIVITIES)}")
    return _some_activities(value)


def _relevant(kind: str, name: str, member: Check) -> Check:
    """An agent or group that matters here, and as what (IEEE 9274.1.1, section 4.2.2.5)."""
    return array(
        record(
            {
                "objectType": enumerated(kind),
                name: member,
                "relevantTypes": array(iri, least=1),
            },
            required=("objectType", name),
        )
    )


statement_ref = record(
    {"objectType": enumerated("StatementRef"), "id": uuid}, required=("objectType", "id")
)
_V1_0_3: dict[str, Check] = {
    "registration": uuid,
    "instructor": actor,
    "team": kinds({"Group": group}),
    "contextActivities": remembered(_context_activities),
    "revision": text,
    "platform": text,
    "language": language_tag,
    "statement": statement_ref,
    "extensions": extensions,
}
_V2_0_0 = _V1_0_3 | {
    "contextAgents": _relevant("contextAgent", "agent", agent),
    "contextGroups": _relevant("contextGroup", "group", kinds({"Group": group})),
}
CONTEXTS = {Version.V1_0_3: record(_V1_0_3), Version.V2_0_0: record(_V2_0_0)}
"""The check of a context, by version."""
