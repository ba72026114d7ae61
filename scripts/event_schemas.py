"""JSON Schemas of events: of the canonical JSON mapping, as relays publish it.

The mapping (protobuf.dev/programming-guides/json) leaves a field out that has its default value.
Fields and enum values are only added, so a schema allows fields that it doesn't know, and an enum's
value of a newer version by its name, or by its number where the publisher does not know its name.
Of a field's rule a schema has what must be there, lengths, and bounds, not the pattern: that one is
for requests, and statements that come by xAPI have other ways to write an IRI.

The schemas have keywords that mean the same in JSON Schema 2020-12 and in draft 7, of which
AsyncAPI's schemas are a superset; beside a reference they only describe.
"""

from dataclasses import dataclass
from typing import Any

from event_contracts import DURATION, TIMESTAMP, Contracts, EventType, Field, Part
from google.protobuf.descriptor_pb2 import FieldDescriptorProto as Proto

DIALECT = "https://json-schema.org/draft/2020-12/schema"
INSTANT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.([0-9]{3}){1,3})?Z$"
SECONDS = r"^-?[0-9]+(\.([0-9]{3}){1,3})?s$"
DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"

Schema = dict[str, Any]


def document(event: EventType, contracts: Contracts, example: Any) -> Schema:
    """Return the schema of an event's body, complete in itself (JSON Schema 2020-12)."""
    schemas = Schemas(contracts, "#/$defs/")
    used = schemas.named(contracts.within(event))
    return {
        "$schema": DIALECT,
        **schemas.of_message(event),
        "examples": [example],
        **({"$defs": used} if used else {}),
    }


@dataclass(frozen=True)
class Schemas:
    """Schemas that refer to each other by their names, in one document."""

    contracts: Contracts
    place: str
    """Where they are found in the document: the beginning of every reference."""

    def named(self, names: list[str]) -> dict[str, Schema]:
        """Return the schemas of messages and enums of these full names, by their short names."""
        return {name.rpartition(".")[2]: self._of(name) for name in names}

    def of_message(self, message: Part) -> Schema:
        """Return the schema of a message."""
        required = [field.name for field in message.fields if field.rule.required]
        return {
            "title": message.name,
            "description": message.comment,
            "type": "object",
            "properties": {field.name: self._of_field(field) for field in message.fields},
            **({"required": required} if required else {}),
        }

    def _of(self, name: str) -> Schema:
        if name in self.contracts.parts:
            return self.of_message(self.contracts.parts[name])
        enum = self.contracts.enums[name]
        return {
            "title": enum.name,
            "description": enum.comment,
            "type": "string",
            "enum": list(enum.values),
        }

    def _of_field(self, field: Field) -> Schema:
        value = self._value(field)
        if field.is_list:
            value = {"type": "array", "items": value, **_limits(field)}
        return {
            "description": field.comment,
            **value,
            **_default(field),
            **({"x-personal": True} if field.is_personal else {}),
            **({"x-names-people": True} if field.names_people else {}),
        }

    def _value(self, field: Field) -> Schema:
        if field.part in self.contracts.enums:
            return self._of_enum(field.part)
        if field.part:
            return self._ref(field.part)
        if field.proto.type_name:
            return _WELL_KNOWN[field.proto.type_name]
        known = _SCALARS[field.proto.type]
        return {**known, **(_text(field) if known == TEXT else _bounds(field))}

    def _of_enum(self, name: str) -> Schema:
        unspecified = next(iter(self.contracts.enums[name].values))
        newer = f"^{unspecified.removesuffix('UNSPECIFIED')}[A-Z0-9_]+$"
        return {"anyOf": [self._ref(name), {**TEXT, "pattern": newer}, NUMBER]}

    def _ref(self, name: str) -> Schema:
        return {"$ref": f"{self.place}{name.rpartition('.')[2]}"}


def _limits(field: Field) -> Schema:
    limits = {"minItems": field.rule.min_items, "maxItems": field.rule.max_items}
    return {name: limit for name, limit in limits.items() if limit}


def _text(field: Field) -> Schema:
    rule = field.rule
    return {
        **({"minLength": 1} if rule.required else {}),
        **({"maxLength": rule.max_length} if rule.max_length else {}),
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
    """Return what an absent field means, where it is a value of JSON."""
    if field.is_list:
        return {"default": []}
    if field.part or field.rule.required or not field.has_default:
        return {}
    return {"default": _DEFAULTS[field.proto.type]}


TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1}
_WELL_KNOWN: dict[str, Schema] = {
    TIMESTAMP: {**TEXT, "format": "date-time", "pattern": INSTANT},
    DURATION: {**TEXT, "pattern": SECONDS},
}
# A field of any other type has no schema yet, and ends the generator with the type's number.
_SCALARS: dict[int, Schema] = {
    Proto.TYPE_STRING: TEXT,
    Proto.TYPE_BOOL: {"type": "boolean"},
    Proto.TYPE_DOUBLE: {"type": "number"},
    Proto.TYPE_UINT32: {"type": "integer", "minimum": 0, "maximum": 2**32 - 1},
    Proto.TYPE_UINT64: {**TEXT, "pattern": "^[0-9]{1,20}$"},
}
_DEFAULTS: dict[int, Any] = {
    Proto.TYPE_STRING: "",
    Proto.TYPE_BOOL: False,
    Proto.TYPE_DOUBLE: 0,
    Proto.TYPE_UINT32: 0,
    Proto.TYPE_UINT64: "0",
}
