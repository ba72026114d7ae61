"""When two statements say the same (xAPI 1.0.3, part 2, section 2.3.1; IEEE 9274.1.1, section
4.2.3): what an LRS may set or change, and what is not part of a statement, does not count.

Both statements are valid (validation.violations_of).
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from services.progress.domain.xapi.contexts import CONTEXT_ACTIVITIES
from services.progress.domain.xapi.identities import normal_mailto
from services.progress.domain.xapi.timestamps import instant_of

Json = Any
_Rule = Callable[[Any], Json]

# What the LRS sets. Attachments are no part of a statement (2.3.1, 6th exception), and a signature
# is made before its own attachment is there (2.6).
_NOT_COMPARED = frozenset({"id", "authority", "stored", "version", "attachments"})
# In the manner of RFC 8785: sorted keys, no space; ASCII only.
_NORMAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), check_circular=False)
_BEYOND_HUNDREDTHS = re.compile(r"([.,]\d\d)\d+(?=S)")


def same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether two statements say the same; it is an equivalence.

    These may differ: id, authority, stored, version, attachments; the display of verbs and the
    definitions of activities; how a timestamp is written; the order of a group's members; one
    activity in place of an array of one; the case of UUIDs, hashes, language tags and the domains
    of mail addresses; how a number is written. Timestamps are compared to the millisecond (4.5),
    and durations as texts, to 0.01 seconds (4.6). A timestamp that equals stored is as if it were
    absent, for the LRS has set it.
    """
    return _written(one) == _written(other)


def _written(statement: Mapping[str, Any]) -> str:
    return _NORMAL.encode(_statement(statement))


def _statement(statement: Mapping[str, Any]) -> Json:
    kept = {
        name: _STATEMENT.get(name, _plain)(value)
        for name, value in statement.items()
        if name not in _NOT_COMPARED
    }
    if "stored" in statement and kept.get("timestamp") == _instant(statement["stored"]):
        del kept["timestamp"]
    return kept


def _by(rules: Mapping[str, _Rule]) -> _Rule:
    return lambda value: {name: rules.get(name, _plain)(member) for name, member in value.items()}


def _each(rule: _Rule) -> _Rule:
    return lambda values: [rule(each) for each in values]


def _plain(value: Any) -> Json:
    """A number is its value: 1 and 1.0 are the same (RFC 8785, section 3.2.2.3)."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return {name: _plain(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _instant(value: str) -> str:
    instant = instant_of(value)
    return instant.isoformat(timespec="milliseconds") if instant else value


def _duration(value: str) -> str:
    return _BEYOND_HUNDREDTHS.sub(r"\1", value)


def _actor(actor: Mapping[str, Any]) -> Json:
    compared = _by(_ACTOR)(actor)
    if "member" in compared:
        compared["member"].sort(key=_NORMAL.encode)
    return compared


def _verb(verb: Mapping[str, Any]) -> Json:
    return verb["id"]


def _activity(activity: Mapping[str, Any]) -> Json:
    return {name: value for name, value in activity.items() if name != "definition"}


def _object(object_: Mapping[str, Any]) -> Json:
    return _OBJECTS[object_.get("objectType", "Activity")](object_)


def _activities(value: Any) -> Json:
    return [_activity(each) for each in (value if isinstance(value, list) else [value])]


_ACTOR: dict[str, _Rule] = {
    "mbox": normal_mailto,
    "mbox_sha1sum": str.lower,
    "member": _each(lambda each: _actor(each)),
}
_REF = _by({"id": str.lower})
_CONTEXT: dict[str, _Rule] = {
    "registration": str.lower,
    "language": str.lower,
    "instructor": _actor,
    "team": _actor,
    "statement": _REF,
    "contextActivities": _by(dict.fromkeys(CONTEXT_ACTIVITIES, _activities)),
    "contextAgents": _each(_by({"agent": _actor})),
    "contextGroups": _each(_by({"group": _actor})),
}
_OBJECTS: dict[str, _Rule] = {
    "Activity": _activity,
    "Agent": _actor,
    "Group": _actor,
    "StatementRef": _REF,
    "SubStatement": _statement,
}
_STATEMENT: dict[str, _Rule] = {
    "actor": _actor,
    "verb": _verb,
    "object": _object,
    "context": _by(_CONTEXT),
    "result": _by({"duration": _duration}),
    "timestamp": _instant,
}
