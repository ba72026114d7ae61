"""Who may call, by the option in the contract."""

from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool
from tandem.catalog.v1 import catalog_pb2
from tandem.options.v1 import options_pb2

from chassis.context.principal import Principal
from chassis.edge.access import Access, UndeclaredAccess, access_of
from chassis.errors import PermissionDenied

ACCESS = Access(frozenset({"registrar"}), "person_id")
REQUEST = catalog_pb2.GetPersonRequest(person_id="ada")


@pytest.mark.parametrize(
    "principal",
    [Principal("eve", frozenset({"registrar"})), Principal("ada", frozenset())],
)
def test_a_role_or_the_own_id_passes(principal: Principal) -> None:
    """One of the roles suffices, and so does being the person that the request names."""
    ACCESS.check(principal, REQUEST)


@pytest.mark.parametrize(
    ("principal", "person"),
    [
        (Principal("eve", frozenset({"learner"})), "ada"),
        (Principal("ada", frozenset()), ""),
        (Principal("", frozenset()), ""),
        (Principal("ada", frozenset()), "ADA"),
    ],
)
def test_anyone_else_is_denied(principal: Principal, person: str) -> None:
    """Another id, an empty one and an empty subject don't pass."""
    with pytest.raises(PermissionDenied):
        ACCESS.check(principal, catalog_pb2.GetPersonRequest(person_id=person))


def test_the_contract_is_read() -> None:
    """Roles are the option's, in lower case; `own` is the field's name."""
    method = catalog_pb2.DESCRIPTOR.services_by_name["CatalogService"].methods_by_name["Enrol"]
    assert access_of(method) == Access(frozenset({"registrar", "service"}), "learner_id")


def method_with(access: options_pb2.Access | None) -> Any:
    """A method of a contract made here."""
    file = descriptor_pb2.FileDescriptorProto(name="made.proto", package="made", syntax="proto3")
    file.message_type.add(name="Ask")
    method = file.service.add(name="Made").method.add(
        name="Do", input_type=".made.Ask", output_type=".made.Ask"
    )
    if access is not None:
        method.options.Extensions[options_pb2.access].CopyFrom(access)
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return pool.FindServiceByName("made.Made").methods_by_name["Do"]


@pytest.mark.parametrize(
    "access",
    [
        None,
        options_pb2.Access(),
        options_pb2.Access(roles=[options_pb2.ROLE_UNSPECIFIED]),
        options_pb2.Access(own="nobody"),
    ],
)
def test_an_rpc_that_does_not_say_who_may_call_is_not_served(
    access: options_pb2.Access | None,
) -> None:
    """No option, an empty one, or one that names no field of the request is refused."""
    with pytest.raises(UndeclaredAccess):
        access_of(method_with(access))
