"""Whom and what a statement names, as the queries of the statement resource ask for it (xAPI 1.0.3,
part 3, section 2.1.3). Statements are valid (validation.violations_of).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from services.progress.domain.xapi.contexts import CONTEXT_ACTIVITIES

_Object = Mapping[str, Any]


def agent_key(agent: _Object) -> str:
    """Return one text for an agent's or group's inverse functional identifier: equal for equal
    identifiers, different for different ones. An anonymous group has none: "".
    """
    if "mbox" in agent:
        return f"mbox {normal_mailto(agent['mbox'])}"
    if "mbox_sha1sum" in agent:
        return f"mbox_sha1sum {agent['mbox_sha1sum'].lower()}"
    if "openid" in agent:
        return f"openid {agent['openid']}"
    if "account" in agent:  # an IRL has no space, so that the name begins after the first one
        return f"account {agent['account']['homePage']} {agent['account']['name']}"
    return ""


def normal_mailto(mbox: str) -> str:
    """Return a mailto IRI with its scheme and domain in small letters (part 2, section 2.3.1)."""
    local, _, domain = mbox.partition(":")[2].rpartition("@")
    return f"mailto:{local}@{domain.lower()}"


def agents_in(statement: _Object) -> set[str]:
    """Return the keys of the agents and groups that the parameter agent finds a statement by: actor
    and object, with the members of groups.
    """
    return {key for actor in _actors(statement) for key in _keys(actor)}


def related_agents_in(statement: _Object) -> set[str]:
    """Return the keys of those that it also finds with related_agents: authority, instructor, team,
    contextAgents and contextGroups, and all that a sub-statement names.
    """
    return {key for actor in _related_actors(statement) for key in _keys(actor)}


def activities_in(statement: _Object) -> set[str]:
    """Return the id of the activity that the parameter activity finds a statement by: its object,
    if that is one.
    """
    target = statement["object"]
    return {target["id"]} if target.get("objectType", "Activity") == "Activity" else set()


def related_activities_in(statement: _Object) -> set[str]:
    """Return the ids of those that it also finds with related_activities: contextActivities, and
    all that a sub-statement names.
    """
    found = {each["id"] for each in context_activities(statement)}
    if _has_sub_statement(statement):
        inner = statement["object"]
        found |= activities_in(inner) | related_activities_in(inner)
    return found


def verb_of(statement: _Object) -> str:
    """Return the id of a statement's verb."""
    return str(statement["verb"]["id"])


def registration_of(statement: _Object) -> str:
    """Return the registration of a statement's context, in small letters; "" if there is none."""
    return str(statement.get("context", {}).get("registration", "")).lower()


def _keys(actor: _Object) -> Iterator[str]:
    if key := agent_key(actor):
        yield key
    for member in actor.get("member", ()):
        yield agent_key(member)


def _actors(statement: _Object) -> Iterator[_Object]:
    yield statement["actor"]
    if statement["object"].get("objectType") in ("Agent", "Group"):
        yield statement["object"]


def _related_actors(statement: _Object) -> Iterator[_Object]:
    if "authority" in statement:
        yield statement["authority"]
    if "context" in statement:
        yield from _context_actors(statement["context"])
    if _has_sub_statement(statement):
        yield from _actors(statement["object"])
        yield from _related_actors(statement["object"])


def _context_actors(context: _Object) -> Iterator[_Object]:
    yield from (context[name] for name in ("instructor", "team") if name in context)
    yield from (each["agent"] for each in context.get("contextAgents", ()))
    yield from (each["group"] for each in context.get("contextGroups", ()))


def context_activities(statement: _Object, *kinds: str) -> Iterator[_Object]:
    """Yield the activities of a statement's contextActivities, of these kinds, or of all. Those of
    a kind may come as one or as an array.
    """
    told = statement.get("context", {}).get("contextActivities", {})
    for kind in kinds or CONTEXT_ACTIVITIES:
        some = told.get(kind, [])
        yield from some if isinstance(some, list) else [some]


def _has_sub_statement(statement: _Object) -> bool:
    return bool(statement["object"].get("objectType") == "SubStatement")
