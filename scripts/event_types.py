"""The kit's types of events' bodies, and its examples, from the contracts.

A body is what json.loads gives of the canonical JSON mapping, so its type is a TypedDict. Fields
that a request must have are required, as in the JSON Schemas; others may be absent. A value of an
enum may be one of a newer version: another name, or its number.
"""

import json
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path

import event_examples
from event_contracts import Contracts, Enum, EventType, Field, Part
from google.protobuf.descriptor_pb2 import FieldDescriptorProto as Proto

WIDTH = 100
HEAD = '''"""The bodies of Tandem's events, as `make protos` writes them from the contracts.

`event.data_as(EnrolmentCreated)` gives an event's body its type. A key that is NotRequired is
absent where the value is empty, 0 or false. Newer versions add keys, and values of enums.
"""

from collections.abc import Mapping
from typing import Any, Literal, NotRequired, TypeAlias, TypedDict

'''
# A field of any other type has no type yet, and ends the generator with the type's number.
_SCALARS = {
    Proto.TYPE_STRING: "str",
    Proto.TYPE_BOOL: "bool",
    Proto.TYPE_DOUBLE: "float",
    Proto.TYPE_UINT32: "int",
    Proto.TYPE_UINT64: "str",  # 64 bits are digits in JSON
}


def write(folder: Path, contracts: Contracts) -> None:
    """Write data.py and examples.json into a folder."""
    (folder / "data.py").write_text(module(contracts))
    found = {event.type: _example(event, contracts) for event in contracts.events}
    (folder / "examples.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")


def module(contracts: Contracts) -> str:
    """Return the module with the types."""
    messages = [*_ordered(contracts), *contracts.events]
    classes = "\n\n".join("\n".join(_class(each)) + "\n" for each in messages)
    enums = "".join("\n".join(_enum(each)) + "\n" for each in contracts.enums.values())
    rows = "".join(f'    "{event.type}": {event.name},\n' for event in contracts.events)
    return (
        f"{HEAD}{enums}\n\n{classes}\n\nTYPES: Mapping[str, type[Any]] = {{\n{rows}}}\n"
        '"""The type of each event\'s body, by the event\'s type."""\n'
    )


def _ordered(contracts: Contracts) -> Iterable[Part]:
    """Return the parts of events, each after those that it contains."""
    found: dict[str, Part] = {}

    def add(name: str) -> None:
        if name in contracts.parts and name not in found:
            for field in contracts.parts[name].fields:
                add(field.part)
            found[name] = contracts.parts[name]

    for name in contracts.parts:
        add(name)
    return found.values()


def _enum(enum: Enum) -> Iterator[str]:
    values = "".join(f'        "{value}",\n' for value in enum.values)
    yield f"{enum.name}: TypeAlias = (\n    Literal[\n{values}    ]\n    | str\n    | int\n)"
    yield _text(enum.comment, "")


def _class(message: Part) -> Iterator[str]:
    yield f"class {message.name}(TypedDict):"
    comment = message.comment
    if isinstance(message, EventType):
        comment = f"{comment} The body of {message.type}."
    yield f"{_text(comment, '    ')}\n"
    for field in message.fields:
        yield f"    {field.name}: {_type(field)}"
        yield _text(field.comment, "    ")


def _type(field: Field) -> str:
    value = field.part.rpartition(".")[2] or _scalar(field)
    if field.is_list:
        value = f"list[{value}]"
    return value if field.rule.required else f"NotRequired[{value}]"


def _scalar(field: Field) -> str:
    if field.proto.type == Proto.TYPE_MESSAGE:
        return "str"  # an instant or a duration
    return _SCALARS[field.proto.type]


def _text(comment: str, indent: str) -> str:
    """Return a docstring."""
    escaped = comment.replace("\\", "\\\\").replace('"""', "'''")
    if escaped.endswith('"'):
        escaped = f'{escaped[:-1]}\\"'
    lines = textwrap.wrap(
        f'"""{escaped}"""',
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    if len(lines) > 1:
        lines[-1:] = [lines[-1].removesuffix('"""'), f'{indent}"""']
    return "\n".join(lines)


def _example(event: EventType, contracts: Contracts) -> dict[str, object]:
    return {
        "source": event_examples.SOURCE_OF.format(event.service),
        "subject": event.subject,
        "key": event.partition_key,
        "sequence": not event.option.without_sequence,
        "data": event_examples.body(event, contracts),
    }
