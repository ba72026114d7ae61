"""The golden contracts: what others rely on, committed, so that no change can break it unseen.

Usage: golden.py           tells every break; exits 1 where there is any
       golden.py --write   takes additions into tests/contract/golden; refuses breaks
       golden.py --break   writes whatever the contracts say now; a new major version's doing
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

# protobuf's type stubs know two unrelated classes for each descriptor
Descriptor = Any
# {"messages": {name: {number: field}}, "rules": ..., "enums": ..., ...}: each of PARTS, all by name
Contract = Mapping[str, Mapping[str, Any]]


def current() -> dict[str, Contract]:
    """What each package of the contracts says now, by the package's name."""
    packages: dict[str, dict[str, dict[str, Any]]] = {}
    for file in _files():
        package = packages.setdefault(file.package, {part: {} for part in PARTS})
        for key, part in describe(file).items():
            package[key].update(part)
    return dict(packages)


def describe(file: Descriptor) -> dict[str, dict[str, Any]]:
    """What one file says."""
    messages = list(_messages(file.message_types_by_name.values()))
    enums = [*file.enum_types_by_name.values()]
    enums += [enum for message in messages for enum in message.enum_types]
    services = file.services_by_name.values()
    events = {message.full_name: _event(message) for message in messages}
    return {
        "messages": {message.full_name: _fields(message) for message in messages},
        "rules": {message.full_name: _rules(message) for message in messages},
        "enums": {
            enum.full_name: {str(value.number): value.name for value in enum.values}
            for enum in enums
        },
        "rpcs": {method.full_name: _rpc(method) for each in services for method in each.methods},
        "events": {name: event for name, event in events.items() if event},
    }


def breaks(old: Contract, new: Contract) -> list[str]:
    """What was promised in `old` and doesn't hold in `new`. Additions break nothing."""
    return [
        text
        for part in PARTS
        for name, before in old.get(part, {}).items()
        for text in _broken(name, before, new.get(part, {}).get(name))
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
    return {str(field.number): f"{field.name}: {_type(field)}" for field in message.fields}


def _rules(message: Descriptor) -> dict[str, str]:
    """What each field must hold. Another rule may refuse what was good before."""
    return {field.name: _rule(field) for field in message.fields}


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
    }


def _event(message: Descriptor) -> dict[str, str]:
    option = message.GetOptions().Extensions[options_pb2.event]
    if not option.type:
        return {}
    return {
        "type": option.type,
        "subject": option.subject,
        "partition_key": option.partition_key,
    }


def committed() -> dict[str, Contract]:
    """The golden contracts by package."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(GOLDEN.glob("*.json"))}


def all_breaks(old: Mapping[str, Contract], new: Mapping[str, Contract]) -> list[str]:
    """Every break of every package."""
    return [text for name in old for text in breaks(old[name], new.get(name, {}))]


def write(contracts: Mapping[str, Contract]) -> None:
    """Make `contracts` the golden ones."""
    for path in GOLDEN.glob("*.json"):
        path.unlink()
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for name, contract in contracts.items():
        text = json.dumps(contract, indent=2, sort_keys=False)
        (GOLDEN / f"{name}.json").write_text(text + "\n")


def main(arguments: list[str]) -> int:
    """The exit code."""
    contracts = current()
    broken = [] if "--break" in arguments else all_breaks(committed(), contracts)
    print("\n".join(broken))
    if not broken and arguments:
        write(contracts)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
