"""Write the catalogue of events from the contracts: docs/events.md, in docs/events the AsyncAPI
document and a JSON Schema of each event, and in the consumer kit its types and examples.

Usage: catalogue.py [FOLDER KIT]   (they default to docs and kit/tandem_events)
"""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import event_asyncapi
import event_examples
import event_schemas
import event_types
from event_contracts import DURATION, ROOT, TIMESTAMP, Contracts, Enum, EventType, Field, Part, load
from google.protobuf.descriptor_pb2 import FieldDescriptorProto

HEAD = Path(__file__).with_name("catalogue_head.md")
_JSON_TYPES = {
    FieldDescriptorProto.TYPE_STRING: "string",
    FieldDescriptorProto.TYPE_BOOL: "boolean",
    FieldDescriptorProto.TYPE_DOUBLE: "number",
    FieldDescriptorProto.TYPE_UINT32: "number",
    FieldDescriptorProto.TYPE_UINT64: "string of digits",
}
_WELL_KNOWN_TYPES = {TIMESTAMP: "RFC 3339 instant", DURATION: 'seconds, "3.5s"'}


def write(folder: Path, kit: Path) -> None:
    """Write the whole catalogue into a folder, and the kit's part into another; schemas of events
    that are gone go, too.
    """
    contracts = load()
    schemas = folder / "events" / "schemas"
    shutil.rmtree(schemas, ignore_errors=True)
    schemas.mkdir(parents=True)
    for event in contracts.events:
        example = event_examples.body(event, contracts)
        schema = event_schemas.document(event, contracts, example)
        (schemas / f"{event.type}.json").write_text(_json(schema) + "\n")
    (folder / "events" / "asyncapi.yaml").write_text(event_asyncapi.render(contracts))
    (folder / "events.md").write_text(page(contracts))
    event_types.write(kit, contracts)


def page(contracts: Contracts) -> str:
    """Return the page in Markdown."""
    return "".join(
        [
            HEAD.read_text(),
            "## All events\n\n| event | by | when | personal data |\n|---|---|---|---|\n",
            *(_row(event, contracts) for event in contracts.events),
            "\n",
            *(_section(event, contracts) for event in contracts.events),
            "## Parts of events\n\n",
            *(_part(part, contracts) for part in contracts.parts.values()),
            *(_enum(enum) for enum in contracts.enums.values()),
        ]
    )


def _row(event: EventType, contracts: Contracts) -> str:
    anchor = event.type.replace(".", "")
    link, personal = f"[{event.type}](#{anchor})", _personal(event, contracts)
    return f"| {link} | {event.service} | {event.comment} | {personal} |\n"


def _section(event: EventType, contracts: Contracts) -> str:
    key = ":".join(f"{{{name}}}" for name in event.partition_key)
    example = event_examples.body(event, contracts)
    return (
        f"## {event.type}\n\n{event.comment}\n\n"
        f"Published by {event.service}, version {event.version}. "
        f"Subject `{{{event.subject}}}`, partition key `{key}`"
        f"{', without sequence' if event.option.without_sequence else ''}. "
        f"Message `{event.package}.{event.name}`, [schema](events/schemas/{event.type}.json). "
        f"Personal data: {_personal(event, contracts)}. "
        f"Ids of people: {_people(event, contracts)}.\n\n"
        f"{_fields(event, contracts)}\n```json\n{_json(example)}\n```\n\n"
    )


def _personal(event: EventType, contracts: Contracts) -> str:
    paths = [path for path, field in contracts.fields(event) if field.is_personal]
    return ", ".join(f"`{path}`" for path in paths) or "none"


def _people(event: EventType, contracts: Contracts) -> str:
    paths = [path for path, field in contracts.fields(event) if field.names_people]
    return ", ".join(f"`{path}`" for path in paths) or "none"


def _part(part: Part, contracts: Contracts) -> str:
    return f"### {part.name}\n\n{part.comment}\n\n{_fields(part, contracts)}\n"


def _enum(enum: Enum) -> str:
    rows = "".join(f"| `{name}` | {comment} |\n" for name, comment in enum.values.items())
    return f"### {enum.name}\n\n{enum.comment}\n\n| value | meaning |\n|---|---|\n{rows}\n"


def _fields(message: Part, contracts: Contracts) -> str:
    rows = ["| field | JSON | meaning |\n|---|---|---|\n"]
    for field in message.fields:
        personal = " **Personal.**" if field.is_personal else ""
        rows.append(f"| `{field.name}` | {_type(field, contracts)} | {field.comment}{personal} |\n")
    return "".join(rows)


def _type(field: Field, contracts: Contracts) -> str:
    named = _JSON_TYPES.get(field.proto.type) or _WELL_KNOWN_TYPES.get(field.proto.type_name)
    shown = named or _link(field.part, contracts)
    return f"list of {shown}" if field.is_list else shown


def _link(name: str, contracts: Contracts) -> str:
    """Return a link to a part's section. Of headings that differ in case alone, such as WeekDay and
    Weekday, the second one's anchor has a number.
    """
    short = name.rpartition(".")[2]
    lower = [each.rpartition(".")[2].lower() for each in (*contracts.parts, *contracts.enums)]
    is_second = name in contracts.enums and lower.count(short.lower()) > 1
    return f"[{short}](#{short.lower()}{'-1' * is_second})"


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


if __name__ == "__main__":
    given = [Path(each) for each in sys.argv[1:]]
    write(*given or (ROOT / "docs", ROOT / "kit" / "tandem_events"))
