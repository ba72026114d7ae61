"""What every contract keeps to: comments, names, access, pages; and stubs that are current."""

import filecmp
import re
import runpy
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import grpc_tools
import pytest
from google.protobuf import descriptor_pb2
from grpc_tools import protoc
from tandem.options.v1 import options_pb2

from chassis.contracts.events import contracts
from chassis.edge.access import access_of

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "protos"
WELL_KNOWN = Path(grpc_tools.__file__).parent / "_proto"
generate: Callable[[Path], None] = runpy.run_path(str(ROOT / "scripts" / "generate_protos.py"))[
    "generate"
]
golden: dict[str, Any] = runpy.run_path(str(ROOT / "scripts" / "golden.py"))

# Fields of descriptor.proto, as the paths of SourceCodeInfo number them.
MESSAGES, ENUMS, SERVICES, EXTENSIONS = 4, 5, 6, 7
FIELDS, NESTED, NESTED_ENUMS, VALUES, METHODS = 2, 3, 4, 2, 2

Place = tuple[int, ...]


def test_the_stubs_are_current(tmp_path: Path) -> None:
    """The committed stubs are what the contracts generate; `make protos` writes them."""
    generate(tmp_path)
    assert _differences(filecmp.dircmp(tmp_path, SOURCE / "gen", ["__pycache__"])) == []


def _differences(compared: "filecmp.dircmp[str]") -> list[str]:
    found = [*compared.left_only, *compared.right_only]
    _, unlike, strange = filecmp.cmpfiles(
        compared.left, compared.right, compared.common_files, shallow=False
    )
    below = [text for each in compared.subdirs.values() for text in _differences(each)]
    return [*found, *unlike, *strange, *below]


@cache
def files() -> list[descriptor_pb2.FileDescriptorProto]:
    """The contracts with their comments."""
    with tempfile.NamedTemporaryFile() as out:
        arguments = [
            "protoc",
            f"--proto_path={SOURCE}",
            f"--proto_path={WELL_KNOWN}",
            "--include_source_info",
            f"--descriptor_set_out={out.name}",
            *(str(path.relative_to(SOURCE)) for path in sorted(SOURCE.glob("tandem/**/*.proto"))),
        ]
        assert protoc.main(arguments) == 0
        whole = descriptor_pb2.FileDescriptorSet.FromString(Path(out.name).read_bytes())
    return list(whole.file)


def _of_file(file: descriptor_pb2.FileDescriptorProto) -> Iterator[tuple[Place, str]]:
    """Each thing that wants a comment: its path in the source, and its name."""
    for number, message in enumerate(file.message_type):
        yield from _of_message((MESSAGES, number), message)
    for number, enum in enumerate(file.enum_type):
        yield from _of_enum((ENUMS, number), enum)
    for number, service in enumerate(file.service):
        yield (SERVICES, number), service.name
        for place, method in enumerate(service.method):
            yield (SERVICES, number, METHODS, place), f"{service.name}.{method.name}"
    for number, extension in enumerate(file.extension):
        yield (EXTENSIONS, number), extension.name


def _of_message(at: Place, message: Any) -> Iterator[tuple[Place, str]]:
    yield at, message.name
    for number, field in enumerate(message.field):
        yield (*at, FIELDS, number), f"{message.name}.{field.name}"
    for number, nested in enumerate(message.nested_type):
        if not nested.options.map_entry:
            yield from _of_message((*at, NESTED, number), nested)
    for number, enum in enumerate(message.enum_type):
        yield from _of_enum((*at, NESTED_ENUMS, number), enum)


def _of_enum(at: Place, enum: Any) -> Iterator[tuple[Place, str]]:
    yield at, enum.name
    for number, value in enumerate(enum.value):
        yield (*at, VALUES, number), f"{enum.name}.{value.name}"


def test_everything_is_commented() -> None:
    """Each message, field, enum, value, service, RPC and option has a comment above it."""
    bare = []
    for file in files():
        comments = {tuple(at.path): at.leading_comments for at in file.source_code_info.location}
        bare += [
            f"{file.name}: {name}"
            for at, name in _of_file(file)
            if not comments.get(at, "").strip()
        ]
    assert bare == []


def methods() -> list[tuple[Any, Any]]:
    """Every RPC with its service."""
    found = [
        (service, method)
        for file in golden["_files"]()
        for service in file.services_by_name.values()
        for method in service.methods
    ]
    assert len(found) > 40
    return found


@pytest.mark.parametrize(("service", "method"), methods(), ids=lambda each: each.name)
def test_an_rpc_keeps_to_the_rules(service: Any, method: Any) -> None:
    """An RPC says who may call, has a request of its own, or one that all services share, and pages
    where it lists.
    """
    assert access_of(method)
    assert method.input_type.name in {f"{method.name}Request", "RecordStatementsRequest"}
    assert method.input_type.file.package in {service.file.package, "tandem.types.v1"}
    if method.name.startswith("List"):
        assert {"page_size", "page_token"} <= set(method.input_type.fields_by_name)
        assert "next_page_token" in method.output_type.fields_by_name
    if _answers_rows(method):
        assert sum(field.is_repeated for field in method.input_type.fields) == 1


def _answers_rows(method: Any) -> bool:
    results = method.output_type.fields_by_name.get("results")
    return bool(results and results.message_type.full_name == "tandem.types.v1.RowResult")


def test_batches_answer_for_each_row() -> None:
    """Every batch RPC answers with row results."""
    names = {method.name for _, method in methods() if _answers_rows(method)}
    assert {name for name in {m.name for _, m in methods()} if name.startswith("Batch")} <= names


def enums() -> list[Any]:
    """Every enum of the contracts."""
    return [enum for file in golden["_files"]() for enum in file.enum_types_by_name.values()]


@pytest.mark.parametrize("enum", enums(), ids=lambda each: each.full_name)
def test_an_enum_keeps_to_the_rules(enum: Any) -> None:
    """Values carry the enum's name, and zero means that nothing was said."""
    prefix = re.sub(r"(?<!^)(?=[A-Z])", "_", enum.name).upper() + "_"
    assert [value.name for value in enum.values if not value.name.startswith(prefix)] == []
    assert enum.values_by_number[0].name == f"{prefix}UNSPECIFIED"


def test_patterns_are_portable() -> None:
    """Each pattern compiles, and no rule asks for two forms at once."""
    for file in golden["_files"]():
        for message in golden["_messages"](file.message_types_by_name.values()):
            for field in message.fields:
                rule = field.GetOptions().Extensions[options_pb2.rule]
                assert re.compile(rule.pattern)
                assert sum([bool(rule.pattern), rule.zone, rule.date]) <= 1


@pytest.mark.parametrize("name", sorted(contracts()))
def test_an_event_keeps_to_the_rules(name: str) -> None:
    """An event's type names its service, and its subject and key are fields of it."""
    descriptor: Any = contracts()[name].DESCRIPTOR
    service = descriptor.file.package.split(".")[1]
    assert re.fullmatch(rf"tandem\.{service}\.[a-z_]+\.[a-z_]+\.v[1-9]", name)
    option = descriptor.GetOptions().Extensions[options_pb2.event]
    for field in (option.subject, *option.partition_key):
        assert descriptor.fields_by_name[field].cpp_type == descriptor.fields[0].CPPTYPE_STRING


# Fields that hold a name, an address, or what somebody wrote; titles and names of things are none.
PERSONAL = re.compile(r"(given_name|family_name|email|reason|note|comment|question|options|answer)")


def test_names_addresses_and_free_text_are_marked() -> None:
    """Every field of an event that may identify a person is marked so, and no other field is."""
    marked: set[tuple[str, str]] = set()
    unmarked: set[tuple[str, str]] = set()
    for name, cls in contracts().items():
        fields: Any = cls.DESCRIPTOR.fields
        for field in fields:
            personal = field.GetOptions().Extensions[options_pb2.personal]
            (marked if personal else unmarked).add((name, field.name))
    # The library's own words about a file, and the solver's about a timetable, are no free text. A
    # meeting server's may name an account by its mail address.
    expected_unmarked = {
        ("tandem.library.item.failed.v1", "reason"),
        ("tandem.library.item.processing_failed.v1", "reason"),
        ("tandem.sessions.timetable.failed.v1", "reason"),
    }
    assert {each for each in unmarked if PERSONAL.fullmatch(each[1])} == expected_unmarked
    assert all(PERSONAL.fullmatch(field) for _, field in marked)


def test_every_message_of_an_events_file_is_an_event_or_part_of_one() -> None:
    """An events file holds events, and what they are made of; nothing is left without a type."""
    for file in files():
        if file.name.endswith("events.proto"):
            parts = {field.type_name for message in file.message_type for field in message.field}
            for message in file.message_type:
                option = message.options.Extensions[options_pb2.event]
                assert option.type or f".{file.package}.{message.name}" in parts
