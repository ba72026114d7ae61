"""The parameters of requests for documents, agents and activities (xAPI 1.0.3, part 3, sections 2.3
to 2.7; IEEE 9274.1.1, sections 4.1.6.2 to 4.1.6.6).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chassis.errors import FieldViolation, Invalid, check
from services.progress.domain.xapi import actors
from services.progress.domain.xapi.checks import Check, matching, missing, within
from services.progress.domain.xapi.data_types import iri, uuid
from services.progress.domain.xapi.documents import Context, DocumentKey, Kind
from services.progress.domain.xapi.identities import agent_key
from services.progress.domain.xapi.parsing import parse_json
from services.progress.domain.xapi.timestamps import instant_of, timestamp
from services.progress.domain.xapi.versions import Version

# In characters: each is a part of a key in the database.
LONGEST = 2_000
_name = matching(re.compile(rf"[^\ud800-\udfff]{{1,{LONGEST}}}"), f"1 to {LONGEST:,} characters")
ID_NAMES: Mapping[Kind, str] = {
    Kind.STATE: "stateId",
    Kind.AGENT_PROFILE: "profileId",
    Kind.ACTIVITY_PROFILE: "profileId",
}
ABOUT: Mapping[Kind, Sequence[str]] = {
    Kind.STATE: ("activityId", "agent"),
    Kind.AGENT_PROFILE: ("agent",),
    Kind.ACTIVITY_PROFILE: ("activityId",),
}
"""What each request names, of whatever method."""
NAMING: Mapping[Kind, Sequence[str]] = {
    Kind.STATE: ("PUT", "POST"),
    Kind.AGENT_PROFILE: ("PUT", "POST", "DELETE"),
    Kind.ACTIVITY_PROFILE: ("PUT", "POST", "DELETE"),
}
"""The methods that need one document's id; the others are of all documents without it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request for documents names."""

    context: Context
    id: str = ""
    """stateId or profileId; empty: the request is of all documents of the context."""
    since: datetime | None = None

    @property
    def key(self) -> DocumentKey:
        """What names the one document."""
        return DocumentKey(self.context, self.id)


def asked(kind: Kind, method: str, parameters: Mapping[str, str], version: Version) -> Asked:
    """Return what a request for documents names. Raises Invalid with all that is wrong."""
    check(_faults(kind, method, parameters, version))
    context = Context(
        kind,
        parameters.get("activityId", ""),
        agent_key(agent_of(parameters["agent"])) if "agent" in ABOUT[kind] else "",
        parameters.get("registration", "").lower(),
    )
    since = parameters.get("since")
    id_ = parameters.get(ID_NAMES[kind], "")
    return Asked(context, id_, instant_of(since) if since and not id_ else None)


def agent_of(text: str) -> Mapping[str, Any]:
    """Return the agent of the parameter `agent`, no group. Raises Invalid with all that is wrong.

    Its identifier is a part of a key, so it has at most `LONGEST` characters.
    """
    found: Mapping[str, Any] = parse_json(text.encode(errors="surrogatepass"), "agent")
    check(within("agent", actors.agent(found)))
    check(within("agent", _name(agent_key(found))))
    return found


def agent_asked(parameters: Mapping[str, str]) -> Mapping[str, Any]:
    """Return the agent of whom a request asks. Raises Invalid."""
    check([missing("agent")] if "agent" not in parameters else [])
    return agent_of(parameters["agent"])


def activity_asked(parameters: Mapping[str, str]) -> str:
    """Return the id of the activity of which a request asks. Raises Invalid."""
    check([missing("activityId")] if "activityId" not in parameters else [])
    check(within("activityId", _activity_id(parameters["activityId"])))
    return parameters["activityId"]


def _faults(
    kind: Kind, method: str, parameters: Mapping[str, str], version: Version
) -> Iterator[FieldViolation]:
    name = ID_NAMES[kind]
    needed = [*ABOUT[kind], *([name] if method in NAMING[kind] else [])]
    yield from (missing(each) for each in needed if each not in parameters)
    for each, faults_of in {**_CHECKS, "since": timestamp(version)}.items():
        if each in parameters:
            yield from within(each, faults_of(parameters[each]))
    if "agent" in parameters:
        yield from _agent_faults(parameters["agent"])
    if {"since", name} <= parameters.keys() and version is not Version.V1_0_3:
        yield FieldViolation("since", f"is there beside {name}", f"since or {name}")


def _agent_faults(text: str) -> Sequence[FieldViolation]:
    try:
        agent_of(text)
    except Invalid as error:
        return error.violations
    return ()


def _activity_id(value: Any) -> Sequence[FieldViolation]:
    return iri(value) or _name(value)


_CHECKS: Mapping[str, Check] = {
    "activityId": _activity_id,
    "registration": uuid,
    "stateId": _name,
    "profileId": _name,
}
