"""The golden contracts: a break fails, an addition passes, and the checker itself is right."""

import copy
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, json_format
from tandem.options.v1 import options_pb2

ROOT = Path(__file__).resolve().parents[2]
golden: dict[str, Any] = runpy.run_path(str(ROOT / "scripts" / "golden.py"))

MADE = json_format.ParseDict(
    {
        "name": "made.proto",
        "package": "made",
        "syntax": "proto3",
        "messageType": [
            {
                "name": "Asked",
                "field": [
                    {"name": "id", "number": 1, "type": "TYPE_STRING", "label": "LABEL_OPTIONAL"},
                    {"name": "rows", "number": 2, "type": "TYPE_UINT32", "label": "LABEL_REPEATED"},
                    {
                        "name": "mode",
                        "number": 3,
                        "type": "TYPE_ENUM",
                        "typeName": ".made.Mode",
                        "label": "LABEL_OPTIONAL",
                    },
                ],
            },
            {"name": "Told"},
        ],
        "enumType": [
            {
                "name": "Mode",
                "value": [
                    {"name": "MODE_UNSPECIFIED", "number": 0},
                    {"name": "MODE_ONLINE", "number": 1},
                ],
            }
        ],
        "service": [
            {
                "name": "Made",
                "method": [{"name": "Ask", "inputType": ".made.Asked", "outputType": ".made.Told"}],
            }
        ],
    },
    descriptor_pb2.FileDescriptorProto(),
)
MADE.message_type[0].options.Extensions[options_pb2.event].CopyFrom(
    options_pb2.Event(type="tandem.made.thing.asked.v1", subject="id", partition_key=["id"])
)

MADE.message_type[0].field[0].options.Extensions[options_pb2.rule].CopyFrom(
    options_pb2.Rule(max_length=64)
)
MADE.service[0].method[0].options.Extensions[options_pb2.access].CopyFrom(
    options_pb2.Access(roles=[options_pb2.ROLE_SERVICE], own="id")
)

Change = Callable[[Any], None]


def contract(change: Change = lambda _: None) -> Any:
    """The contract above, changed."""
    file = copy.deepcopy(MADE)
    change(file)
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return golden["describe"](pool.FindFileByName("made.proto"))


def test_no_promise_is_broken() -> None:
    """All that the committed golden contracts promise still holds; scripts/golden.py has more."""
    assert golden["all_breaks"](golden["committed"](), golden["current"]()) == []


def test_the_golden_contracts_guard_every_package() -> None:
    """No package, message, RPC or event is without its golden promise: `make protos` adds them."""
    assert golden["all_breaks"](golden["current"](), golden["committed"]()) == []


def _remove_field(file: Any) -> None:
    del file.message_type[0].field[0]


def _renumber_field(file: Any) -> None:
    file.message_type[0].field[0].number = 9


def _rename_field(file: Any) -> None:
    file.message_type[0].field[0].name = "key"


def _retype_field(file: Any) -> None:
    file.message_type[0].field[0].type = descriptor_pb2.FieldDescriptorProto.TYPE_BYTES


def _repeat_field(file: Any) -> None:
    file.message_type[0].field[0].label = descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED


def _make_optional(file: Any) -> None:
    field = file.message_type[0].field[0]
    field.proto3_optional, field.oneof_index = True, 0
    file.message_type[0].oneof_decl.add(name="_id")


def _remove_message(file: Any) -> None:
    file.message_type.add(name="Other")
    file.service[0].method[0].output_type = ".made.Other"
    del file.message_type[1]


def _remove_value(file: Any) -> None:
    del file.enum_type[0].value[1]


def _renumber_value(file: Any) -> None:
    file.enum_type[0].value[1].number = 2


def _rename_value(file: Any) -> None:
    file.enum_type[0].value[1].name = "MODE_REMOTE"


def _remove_rpc(file: Any) -> None:
    del file.service[0].method[0]


def _change_request(file: Any) -> None:
    file.service[0].method[0].input_type = ".made.Told"


def _change_answer(file: Any) -> None:
    file.service[0].method[0].output_type = ".made.Asked"


def _stream_request(file: Any) -> None:
    file.service[0].method[0].client_streaming = True


def _stream_answer(file: Any) -> None:
    file.service[0].method[0].server_streaming = True


def _retype_event(file: Any) -> None:
    options = file.message_type[0].options.Extensions[options_pb2.event]
    options.type = "tandem.made.thing.asked.v2"


def _move_key(file: Any) -> None:
    file.message_type[0].options.Extensions[options_pb2.event].partition_key[:] = ["mode"]


def _no_event(file: Any) -> None:
    file.message_type[0].options.ClearExtension(options_pb2.event)


def _access(file: Any) -> Any:
    return file.service[0].method[0].options.Extensions[options_pb2.access]


def _shut_a_role_out(file: Any) -> None:
    del _access(file).roles[:]


def _shut_people_out(file: Any) -> None:
    _access(file).own = ""


def _rule_stricter(file: Any) -> None:
    file.message_type[0].field[0].options.Extensions[options_pb2.rule].max_length = 32


def _rule_where_none_was(file: Any) -> None:
    file.message_type[0].field[1].options.Extensions[options_pb2.rule].required = True


def _demand_field(file: Any) -> None:
    _add_field(file)
    file.message_type[0].field[3].options.Extensions[options_pb2.rule].required = True


def _demand_rows(file: Any) -> None:
    _add_field(file)
    field = file.message_type[0].field[3]
    field.label = descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED
    field.options.Extensions[options_pb2.rule].min_items = 1


def _demand_number(file: Any) -> None:
    _add_field(file)
    field = file.message_type[0].field[3]
    field.type = descriptor_pb2.FieldDescriptorProto.TYPE_DOUBLE
    field.options.Extensions[options_pb2.rule].min = 1


def _rename_in_json(file: Any) -> None:
    file.message_type[0].field[0].json_name = "key"


def _into_a_oneof(file: Any) -> None:
    file.message_type[0].oneof_decl.add(name="either")
    file.message_type[0].field[0].oneof_index = 0


@pytest.mark.parametrize(
    "change",
    [
        _demand_field,
        _demand_rows,
        _demand_number,
        _rename_in_json,
        _into_a_oneof,
        _shut_a_role_out,
        _shut_people_out,
        _rule_stricter,
        _rule_where_none_was,
        _remove_field,
        _renumber_field,
        _rename_field,
        _retype_field,
        _repeat_field,
        _make_optional,
        _remove_message,
        _remove_value,
        _renumber_value,
        _rename_value,
        _remove_rpc,
        _change_request,
        _change_answer,
        _stream_request,
        _stream_answer,
        _retype_event,
        _move_key,
        _no_event,
    ],
)
def test_a_break_is_seen(change: Change) -> None:
    """Every change that would break a reader of the contract is reported."""
    assert golden["breaks"](contract(), contract(change))


def _add_field(file: Any) -> None:
    file.message_type[0].field.add(
        name="more",
        number=4,
        type=descriptor_pb2.FieldDescriptorProto.TYPE_STRING,
        label=descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL,
    )


def _add_bounded_field(file: Any) -> None:
    _add_field(file)
    file.message_type[0].field[3].options.Extensions[options_pb2.rule].max_length = 9


def _add_value(file: Any) -> None:
    file.enum_type[0].value.add(name="MODE_CLASSROOM", number=2)


def _add_message_and_rpc(file: Any) -> None:
    file.message_type.add(name="More")
    file.service[0].method.add(name="AskMore", input_type=".made.More", output_type=".made.More")


def _let_a_role_in(file: Any) -> None:
    _access(file).roles.append(options_pb2.ROLE_OPERATOR)


def _rule_gone(file: Any) -> None:
    file.message_type[0].field[0].ClearField("options")


def _add_event(file: Any) -> None:
    option = file.message_type.add(name="More").options.Extensions[options_pb2.event]
    option.type = "tandem.made.thing.changed.v1"


@pytest.mark.parametrize(
    "change",
    [
        _add_field,
        _add_bounded_field,
        _add_value,
        _add_message_and_rpc,
        _add_event,
        _let_a_role_in,
        _rule_gone,
    ],
)
def test_an_addition_breaks_nothing(change: Change) -> None:
    """New fields, values, messages, RPCs, events and callers pass, and fewer rules."""
    assert golden["breaks"](contract(), contract(change)) == []


def test_a_package_that_is_gone_is_seen() -> None:
    """Every message of a package that was removed is reported."""
    assert golden["all_breaks"]({"made": contract()}, {}) != []
