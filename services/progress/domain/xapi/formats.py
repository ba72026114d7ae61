"""The formats in which a stored statement is returned: exact, ids, canonical (xAPI 1.0.3, part 3,
section 2.1.3, parameter format). Statements are valid, and are not changed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from services.progress.domain.xapi.activities import COMPONENT_LISTS
from services.progress.domain.xapi.actors import IDENTIFIERS
from services.progress.domain.xapi.languages import chosen, preferred

_Object = Mapping[str, Any]
_Change = Callable[[Any], Any]


def exact(statement: _Object) -> _Object:
    """Return a statement as it is stored."""
    return statement


def ids(statement: _Object) -> _Object:
    """Return a statement with agents, activities, verbs and groups reduced to what identifies them;
    for an anonymous group, these are its members.
    """
    return _Changes(actor=_identified, verb=_id_only, activity=_id_only).statement(statement)


def canonical(
    statement: _Object,
    accept_language: str,
    definitions: Mapping[str, _Object] | None = None,
    displays: Mapping[str, Mapping[str, str]] | None = None,
) -> _Object:
    """Return a statement with the LRS's own `definitions` of activities and `displays` of verbs, by
    id, each language map in the one language that the header Accept-Language prefers.

    What has no such definition or display keeps the statement's.
    """
    ranges = preferred(accept_language)

    def one(texts: Mapping[str, str]) -> dict[str, str]:
        return chosen(texts, ranges)

    def verb(value: _Object) -> _Object:
        display = (displays or {}).get(value["id"], value.get("display"))
        return {**value, "display": one(display)} if display else value

    def activity(value: _Object) -> _Object:
        definition = (definitions or {}).get(value["id"], value.get("definition"))
        return {**value, "definition": _in_one_language(definition, one)} if definition else value

    return _Changes(actor=exact, verb=verb, activity=activity).statement(statement)


def _in_one_language(definition: _Object, one: _Change) -> _Object:
    def component(value: _Object) -> _Object:
        return _with(value, description=one)

    lists = dict.fromkeys(COMPONENT_LISTS, _each(component))
    return _with(definition, name=one, description=one, **lists)


@dataclass(frozen=True, slots=True)
class _Changes:
    """What becomes of the parts of a statement, those of a sub-statement too."""

    actor: _Change
    verb: _Change
    activity: _Change

    def statement(self, value: _Object) -> _Object:
        parts = {"actor": self.actor, "verb": self.verb, "authority": self.actor}
        return _with(value, **parts, object=self._object, context=self._context)

    def _object(self, value: _Object) -> _Object:
        changes: dict[str, _Change] = {
            "Activity": self.activity,
            "Agent": self.actor,
            "Group": self.actor,
            "SubStatement": self.statement,
        }
        changed: _Object = changes.get(value.get("objectType", "Activity"), exact)(value)
        return changed

    def _context(self, value: _Object) -> _Object:
        return _with(
            value,
            instructor=self.actor,
            team=self.actor,
            contextActivities=lambda some: {kind: self._some(each) for kind, each in some.items()},
            contextAgents=_each(lambda each: _with(each, agent=self.actor)),
            contextGroups=_each(lambda each: _with(each, group=self.actor)),
        )

    def _some(self, activities: Any) -> Any:
        many = isinstance(activities, list)
        return _each(self.activity)(activities) if many else self.activity(activities)


def _with(value: _Object, **changes: _Change) -> dict[str, Any]:
    return {
        name: changes[name](member) if name in changes else member for name, member in value.items()
    }


def _each(change: _Change) -> _Change:
    return lambda values: [change(value) for value in values]


def _identified(actor: _Object) -> _Object:
    kept = {name: actor[name] for name in ("objectType", *IDENTIFIERS) if name in actor}
    if "member" in actor and not any(name in actor for name in IDENTIFIERS):
        kept["member"] = [_identified(each) for each in actor["member"]]
    return kept


def _id_only(value: _Object) -> _Object:
    return {name: value[name] for name in ("objectType", "id") if name in value}
