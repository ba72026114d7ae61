"""What the LRS knows of an activity: the definition merged from the statements that it has seen
(xAPI 1.0.3, part 2, section 2.4.4.1, and part 3, section 2.5).
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from services.progress.domain.xapi.clients import Client
from services.progress.domain.xapi.document_rights import may_define
from services.progress.domain.xapi.identities import context_activities

Definition = Mapping[str, Any]

# In bytes of JSON: what comes with many languages or extensions is not kept beyond it.
LARGEST = 64 * 1024
# Activities of one statement whose definitions are looked at.
MOST = 100
# Activities that one request defines.
MOST_AT_ONCE = 1_000
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"))
_TEXTS = ("name", "description")
_COMPONENTS = ("choices", "scale", "source", "target", "steps")


def definitions_of(statement: Mapping[str, Any]) -> dict[str, Definition]:
    """Return the definitions that a valid statement gives, by activity id: of its object, of the
    activities of its context, and of those of its sub-statement; at most `MOST`.
    """
    found: dict[str, Definition] = {}
    for activity in islice(_defined(statement), MOST):
        known = found.get(activity["id"])
        told = activity["definition"]
        found[activity["id"]] = merged(known, told) if known else told
    return found


def told_by(
    client: Client, base: str, statements: Iterable[Mapping[str, Any]]
) -> dict[str, Definition]:
    """Return the definitions, by activity id, that a client's statements tell and it may change; at
    most `MOST_AT_ONCE`.
    """
    found: dict[str, Definition] = {}
    for statement in statements:
        for name, each in definitions_of(statement).items():
            known = found.get(name)
            if each != known and may_define(client, base, name):
                found[name] = merged(known, each) if known else each
    return dict(islice(found.items(), MOST_AT_ONCE))


def merged(known: Definition, told: Definition) -> Definition:
    """Return a definition with what a later one tells.

    Texts stay in each language in which they were told, and extensions under each key; everything
    else is as it was told last.
    """
    both = {name: {**known.get(name, {}), **told[name]} for name in _TEXTS if name in told}
    if "extensions" in told:
        both["extensions"] = {**known.get("extensions", {}), **told["extensions"]}
    parts = {
        name: _with_languages(known.get(name, ()), told[name])
        for name in _COMPONENTS
        if name in told
    }
    return {**known, **told, **both, **parts}


def learned(known: Definition, told: Definition) -> Definition:
    """Return what is known after a definition was told: both merged; what was told alone if they
    are too large together; what was known if that is too large as well.
    """
    fitting = (each for each in (merged(known, told), told) if len(canonical(each)) <= LARGEST)
    return next(fitting, known)


def canonical(definition: Definition) -> str:
    """Return a definition's JSON text, the same for equal ones, in ASCII."""
    return _ENCODER.encode(definition)


def activity(activity_id: str, definition: Definition | None) -> dict[str, Any]:
    """Return an activity as an xAPI object, with the definition that is known."""
    known = {"definition": definition} if definition else {}
    return {"objectType": "Activity", "id": activity_id, **known}


def _with_languages(known: Any, told: Any) -> list[Any]:
    """Return the components that were told, each with the languages that were known of it."""
    before = {each["id"]: each.get("description", {}) for each in known}
    return [
        {**each, "description": {**before.get(each["id"], {}), **each.get("description", {})}}
        if before.get(each["id"]) or "description" in each
        else each
        for each in told
    ]


def _defined(statement: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the activities of a statement that have a definition."""
    return (each for each in _activities(statement) if each.get("definition"))


def _activities(statement: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the activities of a statement: its object, its context's, its sub-statement's."""
    target = statement["object"]
    kind = target.get("objectType", "Activity")
    if kind == "Activity":
        yield target
    if kind == "SubStatement":
        yield from _activities(target)
    yield from context_activities(statement)
