"""The events of the contracts with their comments, as the catalogue describes them."""

import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import grpc_tools
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)
from grpc_tools import protoc
from tandem.options.v1 import options_pb2

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "protos"
WELL_KNOWN = Path(grpc_tools.__file__).parent / "_proto"
# FileDescriptorProto.message_type and .enum_type, DescriptorProto.field and
# EnumDescriptorProto.value, as source paths number them
MESSAGES, ENUMS, FIELDS, VALUES = 4, 5, 2, 2

TIMESTAMP, DURATION = ".google.protobuf.Timestamp", ".google.protobuf.Duration"
# Fields that hold ids of people. A field `..._by` holds who did it, but for an item's successor.
_PERSON = re.compile(r"(.*_)?(person|learner|instructor|asker|client)_ids?|(?!replaced_).*_by")


@dataclass(frozen=True)
class Field:
    """A field of a message."""

    proto: FieldDescriptorProto
    comment: str

    @property
    def name(self) -> str:
        """Its name in the canonical JSON mapping."""
        return self.proto.json_name

    @property
    def part(self) -> str:
        """The full name of the message or enum that it holds; empty for any other value."""
        return "" if self.proto.type_name in (TIMESTAMP, DURATION) else self.proto.type_name

    @property
    def is_list(self) -> bool:
        """Whether it is repeated."""
        return self.proto.label == FieldDescriptorProto.LABEL_REPEATED

    @property
    def has_default(self) -> bool:
        """Whether it is absent in JSON where it has its type's default value."""
        is_message = self.proto.type == FieldDescriptorProto.TYPE_MESSAGE
        return self.is_list or not (is_message or self.proto.proto3_optional)

    @property
    def rule(self) -> options_pb2.Rule:
        """What it holds."""
        return self.proto.options.Extensions[options_pb2.rule]

    @property
    def is_personal(self) -> bool:
        """Whether it may hold a name, an address, or what somebody wrote."""
        return self.proto.options.Extensions[options_pb2.personal]

    @property
    def names_people(self) -> bool:
        """Whether it holds ids of people."""
        return _PERSON.fullmatch(self.proto.name) is not None


@dataclass(frozen=True)
class Part:
    """A message: an event, or what events contain."""

    package: str
    name: str
    comment: str
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class EventType(Part):
    """An event."""

    option: options_pb2.Event

    @property
    def type(self) -> str:
        """Its CloudEvents type."""
        return self.option.type

    @property
    def service(self) -> str:
        """The service that publishes it."""
        return self.type.split(".")[1]

    @property
    def version(self) -> str:
        """Its major version."""
        return self.type.rpartition(".v")[2]

    @property
    def subject(self) -> str:
        """The JSON name of the field that holds its subject."""
        return self._json_name(self.option.subject)

    @property
    def partition_key(self) -> list[str]:
        """The JSON names of the fields that make its partition key."""
        return [self._json_name(name) for name in self.option.partition_key]

    def _json_name(self, name: str) -> str:
        return next(field.name for field in self.fields if field.proto.name == name)


@dataclass(frozen=True)
class Enum:
    """An enum with its values' comments by their names."""

    name: str
    comment: str
    values: Mapping[str, str]


@dataclass(frozen=True)
class Contracts:
    """All events in the order of their files, and what they are made of by full names."""

    events: tuple[EventType, ...]
    parts: Mapping[str, Part]
    enums: Mapping[str, Enum]

    def within(self, message: Part) -> list[str]:
        """Return the full names of what a message contains, directly or through others, sorted."""
        found: set[str] = set()
        waiting = [message]
        while waiting:
            new = {field.part for field in waiting.pop().fields if field.part} - found
            found |= new
            waiting += [self.parts[name] for name in new if name in self.parts]
        return sorted(found)

    def fields(self, message: Part, prefix: str = "") -> Iterator[tuple[str, Field]]:
        """Yield every field of a message and of the messages in it, by its path."""
        for field in message.fields:
            path = f"{prefix}{field.name}{'[]' if field.is_list else ''}"
            yield path, field
            if field.part in self.parts:
                yield from self.fields(self.parts[field.part], f"{path}.")


def load() -> Contracts:
    """Return the events of protos/."""
    events: list[EventType] = []
    parts: dict[str, Part] = {}
    enums: dict[str, Enum] = {}
    for file in _files():
        comments = {
            tuple(each.path): " ".join(each.leading_comments.split())
            for each in file.source_code_info.location
        }
        for place, message in enumerate(file.message_type):
            part = _message(file.package, message, (MESSAGES, place), comments)
            parts[f".{file.package}.{message.name}"] = part
            if isinstance(part, EventType):
                events.append(part)
        for place, enum in enumerate(file.enum_type):
            enums[f".{file.package}.{enum.name}"] = _enum(enum, (ENUMS, place), comments)
    return _used(events, parts, enums)


def _files() -> Iterable[FileDescriptorProto]:
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
        return FileDescriptorSet.FromString(output.read_bytes()).file


Comments = Mapping[tuple[int, ...], str]


def _message(
    package: str, message: DescriptorProto, at: tuple[int, ...], comments: Comments
) -> Part:
    fields = tuple(
        Field(field, comments.get((*at, FIELDS, place), ""))
        for place, field in enumerate(message.field)
    )
    option = message.options.Extensions[options_pb2.event]
    given = (package, message.name, comments.get(at, ""), fields)
    return EventType(*given, option) if option.type else Part(*given)


def _enum(enum: EnumDescriptorProto, at: tuple[int, ...], comments: Comments) -> Enum:
    values = {
        value.name: comments.get((*at, VALUES, place), "") for place, value in enumerate(enum.value)
    }
    return Enum(enum.name, comments.get(at, ""), values)


def _used(
    events: Iterable[EventType], parts: Mapping[str, Part], enums: Mapping[str, Enum]
) -> Contracts:
    """Return the contracts without what no event contains. Exits if two of them share a name."""
    every = Contracts(tuple(events), parts, enums)
    used = sorted({name for event in events for name in every.within(event)})
    names = [event.name for event in events] + [name.rpartition(".")[2] for name in used]
    if twice := {name for name in names if names.count(name) > 1}:
        raise SystemExit(f"two things in events have the same name: {', '.join(sorted(twice))}")
    return Contracts(
        every.events,
        {name: parts[name] for name in used if name in parts},
        {name: enums[name] for name in used if name in enums},
    )
