"""The golden contracts: the promises to other systems, committed, so that each break is noticed.

Usage: golden.py           prints every break; exits with 1 if there is one
       golden.py --write   adds new contracts to tests/contract/golden; refuses breaks
       golden.py --break   overwrites them with the present contracts; for a new major version
"""

import importlib
import json
import pkgutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import tandem
from google.protobuf import text_format
from tandem.options.v1 import options_pb2

GOLDEN = Path(__file__).resolve().parent.parent / "tests" / "contract" / "golden"

NO_RULE = "anything"
PARTS = ("messages", "rules", "enums", "rpcs", "events")
# What has to be there, which is asked of new fields only, and so isn't kept.
DEMANDS = "demands"

# protobuf's type stubs know two unrelated classes for each descriptor
Descriptor = Any
# {"messages": {name: {number: field}}, "rules": ..., "enums": ..., ...}: each of PARTS, all by name
Contract = Mapping[str, Mapping[str, Any]]


def current() -> dict[str, Contract]:
    """Return the present contracts by package name."""
    packages: dict[str, dict[str, dict[str, Any]]] = {}
    for file in _files():
        package = packages.setdefault(file.package, {part: {} for part in (*PARTS, DEMANDS)})
        for key, part in describe(file).items():
            package[key].update(part)
    return dict(packages)


def describe(file: Descriptor) -> dict[str, dict[str, Any]]:
    """Return the contract of one file."""
    messages = list(_messages(file.message_types_by_name.values()))
    enums = [*file.enum_types_by_name.values()]
    enums += [enum for message in messages for enum in message.enum_types]
    services = file.services_by_name.values()
    events = {message.full_name: _event(message) for message in messages}
    return {
        "messages": {message.full_name: _fields(message) for message in messages},
        "rules": {message.full_name: _rules(message) for message in messages},
        DEMANDS: {message.full_name: _demands(message) for message in messages},
        "enums": {
            enum.full_name: {str(value.number): value.name for value in enum.values}
            for enum in enums
        },
        "rpcs": {method.full_name: _rpc(method) for each in services for method in each.methods},
        "events": {name: event for name, event in events.items() if event},
    }


def breaks(old: Contract, new: Contract) -> list[str]:
    """Return the promises of `old` that `new` breaks. Additions break nothing, except a new
    required field: older callers don't send it.
    """
    broken = [
        text
        for part in PARTS
        for name, before in old.get(part, {}).items()
        for text in _broken(name, before, new.get(part, {}).get(name))
    ]
    return broken + [
        f"{name}: {field} is new and must be given"
        for name, known in old.get("rules", {}).items()
        for field in new.get(DEMANDS, {}).get(name, ())
        if field not in known
    ]


def _broken(name: str, before: Mapping[str, Any], after: Mapping[str, Any] | None) -> Iterator[str]:
    if after is None:
        yield f"{name} is gone"
        return
    for key, value in before.items():
        if key not in after:
            yield f"{name}: {key} ({value}) is gone"
        elif after[key] not in (value, NO_RULE):
            yield f"{name}: {key} was {value} and is {after[key]}"


def _files() -> Iterator[Descriptor]:
    for module in pkgutil.walk_packages(tandem.__path__, "tandem."):
        if module.name.endswith("_pb2"):
            yield importlib.import_module(module.name).DESCRIPTOR


def _messages(descriptors: Any) -> Iterator[Descriptor]:
    for message in descriptors:
        yield message
        yield from _messages(message.nested_types)


def _fields(message: Descriptor) -> dict[str, str]:
    return {
        str(field.number): f"{field.name}: {_type(field)}{_oneof(field)}{_json_name(field)}"
        for field in message.fields
    }


def _rules(message: Descriptor) -> dict[str, str]:
    """Return the rule of each field. A changed rule may refuse requests that were valid before."""
    return {field.name: _rule(field) for field in message.fields}


def _demands(message: Descriptor) -> dict[str, str]:
    """Return the required fields."""
    return {field.name: "must be given" for field in message.fields if _is_demanded(field)}


def _is_demanded(field: Descriptor) -> bool:
    rule = field.GetOptions().Extensions[options_pb2.rule]
    if rule.required or rule.min_items:
        return True
    # Zero is what a plain number is where nobody sends it.
    return not field.has_presence and (rule.min > 0 or rule.max < 0)


def _rule(field: Descriptor) -> str:
    rule = field.GetOptions().Extensions[options_pb2.rule]
    return text_format.MessageToString(rule, as_one_line=True) or NO_RULE


def _type(field: Descriptor) -> str:
    kind = field.message_type or field.enum_type
    name = kind.full_name if kind else _SCALARS[field.type]
    if field.is_repeated:
        return f"repeated {name}"
    # Presence of a scalar is part of its meaning: absent and zero are two things then.
    return f"optional {name}" if field.has_presence and not field.message_type else name


def _oneof(field: Descriptor) -> str:
    """Return the field's oneof. Setting one clears the others, so none may move in or out."""
    oneof = field.containing_oneof
    # `optional` makes one of its own, named with a leading underscore.
    return f" in {oneof.name}" if oneof and not oneof.name.startswith("_") else ""


def _json_name(field: Descriptor) -> str:
    """Return the field's JSON name if it is not the usual lowerCamelCase."""
    first, *others = field.name.split("_")
    usual = first + "".join(part.capitalize() for part in others)
    return "" if field.json_name == usual else f" as {field.json_name}"


_SCALARS = {
    1: "double",
    2: "float",
    3: "int64",
    4: "uint64",
    5: "int32",
    8: "bool",
    9: "string",
    12: "bytes",
    13: "uint32",
    17: "sint32",
    18: "sint64",
}


def _rpc(method: Descriptor) -> dict[str, str]:
    sides = {
        "request": (method.input_type.full_name, method.client_streaming),
        "answer": (method.output_type.full_name, method.server_streaming),
    }
    access = method.GetOptions().Extensions[options_pb2.access]
    return {
        **{side: f"stream {name}" if streams else name for side, (name, streams) in sides.items()},
        **{options_pb2.Role.Name(role): "may call" for role in sorted(access.roles)},
        **({"own": access.own} if access.own else {}),
        **({_staff(access): "of the run may call"} if access.staff else {}),
        **({"learners": "of the run may call"} if access.learners else {}),
        **({"owner": "may call"} if access.owner else {}),
        **({"about": access.about} if access.about else {}),
        **({"groups": True} if access.groups else {}),
    }


def _staff(access: options_pb2.Access) -> str:
    return options_pb2.StaffRole.Name(access.staff)


def _event(message: Descriptor) -> dict[str, str]:
    option = message.GetOptions().Extensions[options_pb2.event]
    if not option.type:
        return {}
    return {
        "type": option.type,
        "subject": option.subject,
        "partition_key": ":".join(option.partition_key),
        "sequence": "none" if option.without_sequence else "of the partition key",
        **{f"personal {field.name}": "yes" for field in message.fields if _is_personal(field)},
    }


def _is_personal(field: Descriptor) -> bool:
    return bool(field.GetOptions().Extensions[options_pb2.personal])


def committed() -> dict[str, Contract]:
    """Return the golden contracts by package."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(GOLDEN.glob("*.json"))}


def all_breaks(old: Mapping[str, Contract], new: Mapping[str, Contract]) -> list[str]:
    """Return every break of every package."""
    return [text for name in old for text in breaks(old[name], new.get(name, {}))]


def write(contracts: Mapping[str, Contract]) -> None:
    """Write `contracts` as the golden ones."""
    for path in GOLDEN.glob("*.json"):
        path.unlink()
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for name, contract in contracts.items():
        kept = {part: contract[part] for part in PARTS}
        text = json.dumps(kept, indent=2, sort_keys=False)
        (GOLDEN / f"{name}.json").write_text(text + "\n")


def main(arguments: list[str]) -> int:
    """Run the command, and return the exit code."""
    contracts = current()
    broken = [] if "--break" in arguments else all_breaks(committed(), contracts)
    print("\n".join(broken))
    if not broken and arguments:
        write(contracts)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
