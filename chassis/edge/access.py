"""Who may call an RPC, as its `access` option says."""

from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message
from tandem.options.v1 import options_pb2

from chassis.context.principal import Principal
from chassis.errors import PermissionDenied

# protobuf's type stubs know two unrelated classes for this
MethodDescriptor = Any


class UndeclaredAccess(Exception):
    """An RPC whose contract doesn't say who may call it: it is not served."""


@dataclass(frozen=True, slots=True)
class Access:
    """Who may call an RPC."""

    roles: frozenset[str]
    """Role names in lower case that may call for anyone."""
    own: str
    """The request field that may name the caller; empty: roles alone decide."""

    def check(self, principal: Principal, request: Message) -> None:
        """Raise Denied unless `caller` may make `request`."""
        own = self.own and principal.subject and getattr(request, self.own) == principal.subject
        if not own:
            self._check_roles(principal)

    def check_any(self, principal: Principal) -> None:
        """Raise Denied unless there is a request that `caller` may make."""
        if not self.own:
            self._check_roles(principal)

    def _check_roles(self, principal: Principal) -> None:
        if not self.roles & principal.roles:
            own = f", or your own {self.own}" if self.own else ""
            raise PermissionDenied(
                f"this call needs one of the roles {', '.join(sorted(self.roles))}{own}"
            )


def access_of(method: MethodDescriptor) -> Access:
    """What the contract says of a method. Raises UndeclaredAccess where it says nothing usable."""
    option = method.GetOptions().Extensions[options_pb2.access]
    roles = frozenset(
        options_pb2.Role.Name(role).removeprefix("ROLE_").lower() for role in option.roles if role
    )
    if not roles and not option.own:
        raise UndeclaredAccess(f"{method.full_name} has no tandem.options.v1.access")
    if option.own and option.own not in method.input_type.fields_by_name:
        raise UndeclaredAccess(f"{method.full_name}: own names {option.own!r}, no request field")
    return Access(roles, option.own)
