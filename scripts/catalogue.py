"""Write docs/events.md, the catalogue of events, from the contracts.

Usage: catalogue.py [OUTPUT]   (OUTPUT defaults to docs/events.md)
"""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc_tools
from google.protobuf import descriptor_pb2
from grpc_tools import protoc
from tandem.options.v1 import options_pb2

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "protos"
WELL_KNOWN = Path(grpc_tools.__file__).parent / "_proto"
HEAD = Path(__file__).with_name("catalogue_head.md")
# FileDescriptorProto.message_type and DescriptorProto.field, as source paths number them
MESSAGES, FIELDS = 4, 2
_JSON_TYPES = {
    descriptor_pb2.FieldDescriptorProto.TYPE_STRING: "string",
    descriptor_pb2.FieldDescriptorProto.TYPE_BOOL: "boolean",
    descriptor_pb2.FieldDescriptorProto.TYPE_DOUBLE: "number",
    descriptor_pb2.FieldDescriptorProto.TYPE_UINT32: "number",
    descriptor_pb2.FieldDescriptorProto.TYPE_UINT64: "string of digits",
}
_WELL_KNOWN_TYPES = {
    ".google.protobuf.Timestamp": "RFC 3339 instant",
    ".google.protobuf.Duration": 'seconds, "3.5s"',
}


def render() -> str:
    """Return the whole page in Markdown."""
    files = list(_files())
    messages = {
        f".{file.package}.{message.name}": (file, place, message)
        for file in files
        for place, message in enumerate(file.message_type)
    }
    enums = {f".{file.package}.{enum.name}": enum for file in files for enum in file.enum_type}
    parts = [HEAD.read_text()]
    for file, place, message in messages.values():
        if _event(message).type:
            parts.append(_section(file, place, message))
    parts.append("## Parts of events\n\n")
    used = sorted(_used(messages))
    parts += [_part(*messages[name]) for name in used if name in messages]
    parts += [_enum(enums[name]) for name in used if name in enums]
    return "".join(parts)


def _files() -> Iterator[descriptor_pb2.FileDescriptorProto]:
    """Return every contract, with its comments."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "contracts.binpb"
        contracts = sorted(
            str(path.relative_to(SOURCE)) for path in SOURCE.glob("tandem/**/*.proto")
        )
        code = protoc.main(
            [
                "protoc",
                f"--proto_path={SOURCE}",
                f"--proto_path={WELL_KNOWN}",
                "--include_source_info",
                f"--descriptor_set_out={output}",
                *contracts,
            ]
        )
        if code:
            raise SystemExit("protoc refused the contracts")
        yield from descriptor_pb2.FileDescriptorSet.FromString(output.read_bytes()).file


def _event(message: descriptor_pb2.DescriptorProto) -> options_pb2.Event:
    return message.options.Extensions[options_pb2.event]


def _section(
    file: descriptor_pb2.FileDescriptorProto, place: int, message: descriptor_pb2.DescriptorProto
) -> str:
    event = _event(message)
    key = ":".join(f"{{{_json(field)}}}" for field in event.partition_key)
    return (
        f"## {event.type}\n\n{_comment(file, MESSAGES, place)}\n\n"
        f"Subject `{{{_json(event.subject)}}}`, partition key `{key}`"
        f"{', without sequence' if event.without_sequence else ''}. "
        f"Message `{file.package}.{message.name}`.\n\n{_fields(file, place, message)}\n"
    )


def _part(
    file: descriptor_pb2.FileDescriptorProto, place: int, message: descriptor_pb2.DescriptorProto
) -> str:
    comment = _comment(file, MESSAGES, place)
    return f"### {message.name}\n\n{comment}\n\n{_fields(file, place, message)}\n"


def _enum(enum: descriptor_pb2.EnumDescriptorProto) -> str:
    names = ", ".join(f"`{value.name}`" for value in enum.value)
    return f"### {enum.name}\n\n{names}\n\n"


def _fields(
    file: descriptor_pb2.FileDescriptorProto, place: int, message: descriptor_pb2.DescriptorProto
) -> str:
    rows = ["| field | JSON | meaning |\n|---|---|---|\n"]
    for number, field in enumerate(message.field):
        comment = _comment(file, MESSAGES, place, FIELDS, number)
        if field.options.Extensions[options_pb2.personal]:
            comment += " **Personal.**"
        rows.append(f"| `{_json(field.name)}` | {_type(field)} | {comment} |\n")
    return "".join(rows)


def _type(field: descriptor_pb2.FieldDescriptorProto) -> str:
    name = _JSON_TYPES.get(field.type) or _WELL_KNOWN_TYPES.get(field.type_name)
    shown = name or f"[{field.type_name.split('.')[-1]}](#{field.type_name.split('.')[-1].lower()})"
    return f"list of {shown}" if field.label == field.LABEL_REPEATED else shown


def _used(messages: dict[str, Any]) -> set[str]:
    """Return the messages and enums that events contain, directly or through others."""
    open_ones = [name for name, (_, _, message) in messages.items() if _event(message).type]
    found: set[str] = set()
    while open_ones:
        _, _, message = messages.get(open_ones.pop(), (None, 0, descriptor_pb2.DescriptorProto()))
        new = {field.type_name for field in message.field if field.type_name} - found
        new -= _WELL_KNOWN_TYPES.keys()
        found |= new
        open_ones += new
    return found


def _comment(file: descriptor_pb2.FileDescriptorProto, *path: int) -> str:
    for location in file.source_code_info.location:
        if list(location.path) == list(path):
            return " ".join(location.leading_comments.split())
    return ""


def _json(name: str) -> str:
    """Return a field's name in the canonical JSON mapping."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "events.md"
    target.write_text(render())
