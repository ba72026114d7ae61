"""docs/events.md and docs/events, from which strangers read our events."""

import copy
import filecmp
import json
import re
import runpy
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.protobuf import json_format
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator, Draft202012Validator

from chassis.contracts import events
from chassis.contracts.events import contracts
from tests.contract.event_messages import messages, places, wrong_values
from tests.deep import DEEP, deep

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
KIT = ROOT / "kit" / "tandem_events"
PAGE = DOCS / "events.md"
SCHEMAS = DOCS / "events" / "schemas"
DOCUMENT = DOCS / "events" / "asyncapi.yaml"
TYPES = sorted(contracts())


@cache
def schema(name: str) -> dict[str, Any]:
    """The JSON Schema of an event's body."""
    found: dict[str, Any] = json.loads((SCHEMAS / f"{name}.json").read_text())
    return found


@cache
def validator(name: str) -> Draft202012Validator:
    """What checks an event's body."""
    checker = Draft202012Validator.FORMAT_CHECKER
    return Draft202012Validator(schema(name), format_checker=checker)


@cache
def asyncapi() -> dict[str, Any]:
    """The AsyncAPI document."""
    found: dict[str, Any] = yaml.load(DOCUMENT.read_text(), Loader=yaml.CSafeLoader)
    return found


def asyncapi_message(name: str) -> dict[str, Any]:
    """The message of an event in the AsyncAPI document."""
    found: dict[str, Any] = asyncapi()["components"]["messages"][contracts()[name].DESCRIPTOR.name]
    return found


def asyncapi_validator(schema: dict[str, Any]) -> Draft7Validator:
    """What checks by a schema of the AsyncAPI document, which is a schema of draft 7."""
    components = {"components": asyncapi()["components"]}
    return Draft7Validator({"allOf": [schema], **components})


def body_of(message: Any) -> Any:
    """A message as JSON, as events have it."""
    return json.loads(json_format.MessageToJson(message))


def test_the_catalogue_is_current(tmp_path: Path) -> None:
    """The committed files are what the contracts say; `make protos` writes them."""
    script = ROOT / "scripts" / "catalogue.py"
    subprocess.run([sys.executable, script, tmp_path, tmp_path], check=True)
    assert PAGE.read_text() == (tmp_path / "events.md").read_text()
    for name in ("data.py", "examples.json"):
        assert (KIT / name).read_text() == (tmp_path / name).read_text()
    for folder in ("events", "events/schemas"):
        compared = filecmp.dircmp(tmp_path / folder, DOCS / folder)
        _, unlike, strange = filecmp.cmpfiles(
            compared.left, compared.right, compared.common_files, shallow=False
        )
        assert [*compared.left_only, *compared.right_only, *unlike, *strange] == []


def test_the_catalogue_has_every_event() -> None:
    """Each type has its section, its row, its schema, and its channel and operation."""
    text = PAGE.read_text()
    assert [name for name in TYPES if f"\n## {name}\n" not in text] == []
    assert [name for name in TYPES if f"\n| [{name}](#" not in text] == []
    assert sorted(path.stem for path in SCHEMAS.iterdir() if path.suffix == ".json") == TYPES
    channels = asyncapi()["channels"]
    assert sorted(channel["address"] for channel in channels.values()) == TYPES
    sent = [operation["channel"]["$ref"] for operation in asyncapi()["operations"].values()]
    assert sorted(sent) == sorted(f"#/channels/{name}" for name in channels)


def test_links_of_the_page_lead_to_what_they_name() -> None:
    """Each link is to a file that exists, or to the section with its text as the heading."""
    text = PAGE.read_text()
    anchors: dict[str, str] = {}
    for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE):
        anchor = re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-")
        anchors[f"{anchor}-1" if anchor in anchors else anchor] = heading
    for name, link in re.findall(r"\[([^\]]+)\]\(([^)]+)\)", text):
        path, _, anchor = link.partition("#")
        assert (DOCS / path).exists() if path else anchors[anchor] == name, link


@pytest.mark.parametrize("name", TYPES)
def test_a_schema_keeps_to_json_schema(name: str) -> None:
    """Each is valid by the dialect that it names; the words of AsyncAPI's mean the same there."""
    Draft202012Validator.check_schema(schema(name))
    ours = asyncapi()["components"]["schemas"][contracts()[name].DESCRIPTOR.name]
    Draft7Validator.check_schema(ours)
    assert json.dumps(ours).replace("#/components/schemas/", "#/$defs/") == json.dumps(
        {key: schema(name)[key] for key in ours}
    )


@pytest.mark.parametrize("name", TYPES)
def test_an_example_is_such_an_event(name: str) -> None:
    """It is valid, in the form that relays send, and its subject and key are those of its body."""
    message = asyncapi_message(name)
    [example] = message["examples"]
    headers, body = example["headers"], example["payload"]
    assert schema(name)["examples"] == [body]
    validator(name).validate(body)
    asyncapi_validator(message["payload"]).validate(body)
    asyncapi_validator(message["headers"]).validate(headers)
    event = events.read(headers, json.dumps(body).encode(), message["contentType"])
    assert body_of(event.data) == body
    assert events.headers_of(event) == headers
    assert events.subject_and_key(event.data) == (event.subject, event.partition_key)


@pytest.mark.parametrize("name", TYPES)
@deep
@settings(max_examples=50 if DEEP else 5)
@given(st.data())
def test_every_message_is_valid(name: str, data: st.DataObject) -> None:
    """Whatever an event holds, an empty and a huge one too: its JSON is valid."""
    validator(name).validate(body_of(data.draw(messages(contracts()[name]))))


@pytest.mark.parametrize("name", TYPES)
def test_a_value_of_a_wrong_type_is_not_valid(name: str) -> None:
    """Wherever it is in the event."""
    [body] = copy.deepcopy(schema(name)["examples"])
    for part, field, descriptor in places(body, contracts()[name].DESCRIPTOR):
        right = part[field]
        for wrong in wrong_values(descriptor):
            if wrong == [] and descriptor.is_repeated:
                continue
            part[field] = wrong
            assert not validator(name).is_valid(body), (field, wrong)
        part[field] = right
    assert validator(name).is_valid(body)


@pytest.mark.parametrize("name", TYPES)
def test_an_event_of_a_newer_version_is_valid(name: str) -> None:
    """Fields that the schema doesn't know are allowed, and values of enums."""
    [body] = copy.deepcopy(schema(name)["examples"])
    for part, field, descriptor in list(places(body, contracts()[name].DESCRIPTOR)):
        part["brandNew"] = {"of": ["any", 1, None]}
        if descriptor.enum_type is not None:
            new = re.sub("UNSPECIFIED$", "HOLOGRAM", descriptor.enum_type.values[0].name)
            part[field] = [new, 99] if descriptor.is_repeated else new
    validator(name).validate(body)


@pytest.mark.parametrize(
    ("place", "wrong"),
    [
        (("activities", 0, "id"), None),
        (("activities", 0, "id"), ""),
        (("activities", 0, "id"), "w" * 65),
        (("activities", 0, "title"), "t" * 301),
        (("activities", 0, "requires"), ["a"] * 51),
    ],
)
def test_rules_of_fields_are_in_the_schemas(place: tuple[Any, ...], wrong: Any) -> None:
    """What must be there, and lengths."""
    name = "tandem.catalog.path.published.v1"
    [body] = copy.deepcopy(schema(name)["examples"])
    *way, last = place
    part = body
    for step in way:
        part = part[step]
    if wrong is None:
        del part[last]
    else:
        part[last] = wrong
    assert not validator(name).is_valid(body)


def test_fields_that_name_people_are_known() -> None:
    """Each field that is documented as somebody is listed as one that holds people's ids."""
    load = runpy.run_path(str(ROOT / "scripts" / "event_contracts.py"))["load"]
    found = load()
    fields = [field for part in (*found.events, *found.parts.values()) for field in part.fields]
    text = [field for field in fields if field.proto.type == field.proto.TYPE_STRING]
    somebody = re.compile(r"Who\b|Whoever\b|The (learner|person|asker|instructor|teacher)s?\b(?!')")
    unlisted = {
        (field.name, field.comment)
        for field in text
        if somebody.match(field.comment) and not field.names_people
    }
    assert unlisted == set()
    listed = {(field.name, field.comment) for field in text if field.names_people}
    assert len(listed) > 20
