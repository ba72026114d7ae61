"""Whether a statement is valid, by xAPI 1.0.3 (part 2, section 2.4) or 2.0.0 (IEEE 9274.1.1,
section 4.2).

Objects without properties are accepted where the specification only advises against them (part 2,
section 2.2: SHOULD NOT); properties that it does not know are refused, as it advises.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from chassis.errors import FieldViolation
from services.progress.domain.xapi.activities import activity, verb
from services.progress.domain.xapi.actors import actor, agent, authority, group
from services.progress.domain.xapi.attachments import attachments
from services.progress.domain.xapi.checks import Check, enumerated, kinds, matching, record
from services.progress.domain.xapi.contexts import CONTEXTS, statement_ref
from services.progress.domain.xapi.data_types import uuid
from services.progress.domain.xapi.results import result
from services.progress.domain.xapi.timestamps import timestamp
from services.progress.domain.xapi.versions import Version

VOIDED = "http://adlnet.gov/expapi/verbs/voided"
_VERSIONS = {
    Version.V1_0_3: matching(re.compile(r"1\.0(?:\.\d+)?", re.ASCII), "1.0 or 1.0.x"),
    Version.V2_0_0: matching(re.compile(r"[12]\.0(?:\.\d+)?", re.ASCII), "2.0.x or 1.0.x"),
}


def violations_of(statement: object, version: Version) -> list[FieldViolation]:
    """Return every fault of one statement as parsed JSON, each with its path, such as
    context.contextActivities.parent[0].id; "statement" where it is the whole.

    It never raises, whatever the JSON, and takes time linear in its size.
    """
    return [
        each if each.field else FieldViolation("statement", each.wrong, each.right)
        for each in _STATEMENTS[version](statement)
    ]


def agent_violations(value: object) -> list[FieldViolation]:
    """Return every fault of the agent or group that a parameter holds as parsed JSON (part 3,
    section 2: parameters are checked as statements are)."""
    return [FieldViolation(each.field or "agent", each.wrong, each.right) for each in actor(value)]


def _fits_together(statement: Mapping[str, Any]) -> Sequence[FieldViolation]:
    kind = _kind(statement.get("object"))
    found = [] if kind == "Activity" else [*_of_activities(statement.get("context"))]
    verb_ = statement.get("verb")
    if isinstance(verb_, dict) and verb_.get("id") == VOIDED and kind != "StatementRef":
        wrong, right = "is not what voiding needs", "StatementRef, for the verb is voided"
        found.append(FieldViolation("object.objectType", wrong, right))
    return found


def _of_activities(context: object) -> Iterator[FieldViolation]:
    for name in ("revision", "platform"):
        if isinstance(context, dict) and name in context:
            yield FieldViolation(
                f"context.{name}", "is there, and the object is no activity", "nothing"
            )


def _kind(object_: object) -> object:
    return object_.get("objectType", "Activity") if isinstance(object_, dict) else "Activity"


def _common(version: Version) -> dict[str, Check]:
    """The properties that statements and sub-statements share."""
    return {
        "actor": actor,
        "verb": verb,
        "result": result,
        "context": CONTEXTS[version],
        "timestamp": timestamp(version),
        "attachments": attachments,
    }


def _statement(version: Version) -> Check:
    needed = ("actor", "verb", "object")
    objects = {
        "Activity": activity,
        "Agent": agent,
        "Group": group,
        "StatementRef": statement_ref,
    }
    common = _common(version)
    # Section 2.4.4.3: a sub-statement has neither what the LRS sets nor a sub-statement.
    inner = {
        **common,
        "object": kinds(objects, default="Activity"),
        "objectType": enumerated("SubStatement"),
    }
    sub_statement = record(inner, (*needed, "objectType"), rule=_fits_together)
    whole = {
        **common,
        "id": uuid,
        "object": kinds({**objects, "SubStatement": sub_statement}, default="Activity"),
        "stored": timestamp(version),
        "authority": authority,
        "version": _VERSIONS[version],
    }
    return record(whole, needed, rule=_fits_together)


_STATEMENTS = {version: _statement(version) for version in Version}
