"""The RPCs of a service as the edge needs them. They are read from the contract at the start."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from chassis.context.principal import Principal
from chassis.edge import validation
from chassis.edge.access import (
    Access,
    MethodDescriptor,
    Relate,
    Relation,
    UndeclaredAccess,
    access_of,
)
from chassis.errors import check

ROW_RESULT = "tandem.types.v1.RowResult"

# protobuf's type stubs know two unrelated classes for this
ServiceDescriptor = Any
Behaviour = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Servicer:
    """The implementation of a service (one method for each RPC), and its contract."""

    implementation: object
    descriptor: ServiceDescriptor
    relate: Relate | None = None
    """Needed if the access to an RPC depends on what it is about."""


@dataclass(frozen=True, slots=True)
class Method:
    """An RPC."""

    name: str
    full_name: str
    access: Access
    relate: Relate
    rows: frozenset[str]
    """Request fields that hold rows: the service checks each row and answers for each."""
    request: type[Message]
    behaviour: Behaviour
    client_streams: bool
    server_streams: bool
    follows: bool = False
    """Whether the behaviour returns a Following (chassis/edge/follow.py)."""

    @property
    def is_unary(self) -> bool:
        """Whether it is one request and one answer."""
        return not (self.client_streams or self.server_streams)

    def admit(
        self, principal: Principal, request: Message, fail_fast: Callable[[], None]
    ) -> Principal:
        """Return the principal with the runs and groups to which it is limited in this request.

        `fail_fast` is called before the database is. Raises PermissionDenied; Invalid with all
        violations; and what finding the caller's relation to the request raises.
        """

        def relate(person_id: str, about: str, value: Any) -> Relation:
            fail_fast()
            return self.relate(person_id, about, value)

        runs = self.access.check(principal, request, relate)
        check(validation.violations_of(request, skip=self.rows))
        return principal if runs is None else replace(principal, runs=runs)


@dataclass(frozen=True, slots=True)
class Contract:
    """A service with its RPCs."""

    full_name: str
    methods: Sequence[Method]


def contracts_of(servicers: Iterable[Servicer]) -> list[Contract]:
    """Return the contracts of servicers. Raises UndeclaredAccess for an RPC without access rule."""
    return [
        Contract(
            servicer.descriptor.full_name,
            [_method(each, servicer) for each in servicer.descriptor.methods],
        )
        for servicer in servicers
    ]


def _method(descriptor: MethodDescriptor, servicer: Servicer) -> Method:
    access = access_of(descriptor)
    if access.needs_relation and servicer.relate is None:
        raise UndeclaredAccess(f"{descriptor.full_name}: its service can't tell relations")
    if access.needs_relation and descriptor.client_streaming:
        raise UndeclaredAccess(f"{descriptor.full_name}: requests of a stream are about no one run")
    behaviour = getattr(servicer.implementation, descriptor.name)
    return Method(
        name=descriptor.name,
        full_name=descriptor.full_name,
        access=access,
        relate=servicer.relate or _strangers,
        rows=_rows_of(descriptor),
        request=GetMessageClass(descriptor.input_type),
        behaviour=behaviour,
        client_streams=descriptor.client_streaming,
        server_streams=descriptor.server_streaming,
        follows=getattr(behaviour, "follows", False),
    )


def _strangers(_person_id: str, _about: str, _value: Any) -> Relation:
    """Relate nobody to anything, in a service whose access rules don't ask."""
    return Relation()


def _rows_of(descriptor: MethodDescriptor) -> frozenset[str]:
    """Return the request's row fields, if the answer has a result for each row."""
    results = descriptor.output_type.fields_by_name.get("results")
    if results is None or results.message_type is None:
        return frozenset()
    if results.message_type.full_name != ROW_RESULT:
        return frozenset()
    fields = descriptor.input_type.fields
    return frozenset(field.name for field in fields if field.is_repeated and field.message_type)
