"""JSON Schemas of events: of the canonical JSON mapping, as relays publish it.

The mapping (protobuf.dev/programming-guides/json) leaves a field out that has its default value.
Fields and enum values are only added, so a schema allows fields that it doesn't know, and an enum's
value of a newer version by its name, or by its number where the publisher does not know its name.
A schema has keywords that mean the same in JSON Schema 2020-12 and in draft 7, of which AsyncAPI's
schemas are a superset; so a reference has no keyword beside it.
"""

from collections.abc import Callable
from typing import Any

from event_contracts import DURATION, TIMESTAMP, Contracts, Enum, EventType, Field, Part
from google.protobuf.descriptor_pb2 import FieldDescriptorProto as Proto

DIALECT = "https://json-schema.org/draft/2020-12/schema"
INSTANT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.([0-9]{3}){1,3})?Z$"
SECONDS = r"^-?[0-9]+(\.([0-9]{3}){1,3})?s$"
DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"

Schema = dict[str, Any]
Ref = Callable[[str], str]
"""Where the schema of a message or enum is found, by its short name."""


def document(event: EventType, contracts: Contracts, example: Any) -> Schema:
    """Return the schema of an event's body, complete in itself (JSON Schema 2020-12)."""
    used = contracts.within(event)
    defined = {name.rpartition(".")[2]: schema_of(name, contracts, _local) for name in used}
    return {
        "$schema": DIALECT,
        **of_message(event, _local),
        "examples": [example],
        **({"$defs": defined} if defined else {}),
    }


def schema_of(name: str, contracts: Contracts, ref: Ref) -> Schema:
    """Return the schema of a message or enum that events contain, by its full name."""
    if name in contracts.enums:
        return _of_enum(contracts.enums[name])
    return of_message(contracts.parts[name], ref)


def of_message(message: Part, ref: Ref) -> Schema:
    """Return the schema of a message."""
    required = [field.name for field in message.fields if field.rule.required]
    return {
        "title": message.name,
        "description": message.comment,
        "type": "object",
        "properties": {field.name: _of_field(field, ref) for field in message.fields},
        **({"required": required} if required else {}),
    }


def _local(name: str) -> str:
    return f"#/$defs/{name}"


def _of_enum(enum: Enum) -> Schema:
    names = list(enum.values)
    prefix = names[0].removesuffix("UNSPECIFIED")
    return {
        "title": enum.name,
        "description": enum.comment,
        "default": names[0],
        "anyOf": [
            {"type": "string", "enum": names},
            {
                "description": "A value of a newer version.",
                "type": "string",
                "pattern": f"^{prefix}[A-Z0-9_]+$",
            },
            {
                "description": "The number of a value whose name the publisher does not know.",
                "type": "integer",
                "minimum": -(2**31),
                "maximum": 2**31 - 1,
            },
        ],
    }


def _of_field(field: Field, ref: Ref) -> Schema:
    value = _value(field, ref)
    if field.is_list:
        value = {"type": "array", "items": value, **_limits(field)}
    elif "$ref" in value:
        value = {"allOf": [value]}
    return {
        "description": field.comment,
        **value,
        **_default(field),
        **({"x-personal": True} if field.is_personal else {}),
        **({"x-names-people": True} if field.names_people else {}),
    }


def _limits(field: Field) -> Schema:
    limits = {"minItems": field.rule.min_items, "maxItems": field.rule.max_items}
    return {name: limit for name, limit in limits.items() if limit}


def _value(field: Field, ref: Ref) -> Schema:
    if field.part:
        return {"$ref": ref(field.part.rpartition(".")[2])}
    if field.proto.type_name:
        return dict(_WELL_KNOWN[field.proto.type_name])
    known = _SCALARS[field.proto.type]
    return {**known, **(_text(field) if known == TEXT else _bounds(field))}


def _text(field: Field) -> Schema:
    rule = field.rule
    return {
        **({"minLength": 1} if rule.required else {}),
        **({"maxLength": rule.max_length} if rule.max_length else {}),
        **({"pattern": f"^(?:{rule.pattern})$"} if rule.pattern else {}),
        **({"format": "date", "pattern": DATE} if rule.date else {}),
    }


def _bounds(field: Field) -> Schema:
    rule = field.rule
    return {
        **({"minimum": 1} if rule.required else {}),
        **({"minimum": _plain(rule.min)} if rule.HasField("min") else {}),
        **({"maximum": _plain(rule.max)} if rule.HasField("max") else {}),
    }


def _plain(number: float) -> float:
    return int(number) if number.is_integer() else number


def _default(field: Field) -> Schema:
    """Return what an absent field means; of an enum, its own schema says it."""
    has_value = field.rule.required or not field.has_default
    if has_value or (field.part and not field.is_list):
        return {}
    return {"default": [] if field.is_list else _DEFAULTS[field.proto.type]}


TEXT: Schema = {"type": "string"}
_WELL_KNOWN: dict[str, Schema] = {
    TIMESTAMP: {"type": "string", "format": "date-time", "pattern": INSTANT},
    DURATION: {"type": "string", "pattern": SECONDS},
}
# Any other type of a field has no schema yet, and ends the generator with its number.
_SCALARS: dict[int, Schema] = {
    Proto.TYPE_STRING: TEXT,
    Proto.TYPE_BOOL: {"type": "boolean"},
    Proto.TYPE_DOUBLE: {"type": "number"},
    Proto.TYPE_UINT32: {"type": "integer", "minimum": 0, "maximum": 2**32 - 1},
    Proto.TYPE_UINT64: {"type": "string", "pattern": "^[0-9]{1,20}$"},
}
_DEFAULTS: dict[int, Any] = {
    Proto.TYPE_STRING: "",
    Proto.TYPE_BOOL: False,
    Proto.TYPE_DOUBLE: 0,
    Proto.TYPE_UINT32: 0,
    Proto.TYPE_UINT64: "0",
}
