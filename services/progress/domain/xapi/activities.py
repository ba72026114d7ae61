"""Verbs, activities and interactions (xAPI 1.0.3, part 2, sections 2.4.3 and 2.4.4.1)."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from chassis.errors import FieldViolation
from services.progress.domain.xapi.checks import (
    array,
    enumerated,
    missing,
    record,
    remembered,
    text,
)
from services.progress.domain.xapi.data_types import extensions, iri, irl, language_map

INTERACTIONS = (
    "true-false",
    "choice",
    "fill-in",
    "long-fill-in",
    "matching",
    "performance",
    "sequencing",
    "likert",
    "numeric",
    "other",
)
COMPONENT_LISTS = ("choices", "scale", "source", "target", "steps")
"""The lists of an interaction's components, whose ids are unique in each."""
_OF_INTERACTIONS = {"correctResponsesPattern", *COMPONENT_LISTS}


def _is_interaction(definition: Mapping[str, Any]) -> Iterable[FieldViolation]:
    return () if _OF_INTERACTIONS.isdisjoint(definition) else _interaction_faults(definition)


def _interaction_faults(definition: Mapping[str, Any]) -> Iterator[FieldViolation]:
    used = definition.keys() & _OF_INTERACTIONS
    if "interactionType" not in definition:
        yield missing("interactionType", f"one of {', '.join(INTERACTIONS)}")
    for name in sorted(used.intersection(COMPONENT_LISTS)):
        yield from _repeated_ids(name, definition[name])


def _repeated_ids(name: str, components: object) -> Iterator[FieldViolation]:
    seen = set()
    for index, each in enumerate(components if isinstance(components, list) else ()):
        id_ = each.get("id") if isinstance(each, dict) else None
        if isinstance(id_, str) and id_ in seen:
            yield FieldViolation(f"{name}[{index}].id", "is there already", "an id of its own")
        elif isinstance(id_, str):
            seen.add(id_)


verb = remembered(record({"id": iri, "display": language_map}, required=("id",)))
_components = array(record({"id": text, "description": language_map}, required=("id",)))
definition = record(
    {
        "name": language_map,
        "description": language_map,
        "type": iri,
        "moreInfo": irl,
        "extensions": extensions,
        "interactionType": enumerated(*INTERACTIONS),
        "correctResponsesPattern": array(text),
        **dict.fromkeys(COMPONENT_LISTS, _components),
    },
    rule=_is_interaction,
)
_ACTIVITY = {"objectType": enumerated("Activity"), "id": iri, "definition": definition}
activity = remembered(record(_ACTIVITY, required=("id",)))
