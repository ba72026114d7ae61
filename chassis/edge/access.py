"""Access: who may call an RPC, by the `access` option of its contract."""

from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message
from tandem.options.v1 import options_pb2

from chassis.context.principal import Principal
from chassis.errors import PermissionDenied

# protobuf's type stubs know two unrelated classes for this
MethodDescriptor = Any


class UndeclaredAccess(Exception):
    """The contract of an RPC does not say who may call it. The service does not start."""


@dataclass(frozen=True, slots=True)
class Access:
    """Who may call an RPC."""

    roles: frozenset[str]
    """Roles, in lower case, that may call on behalf of anyone."""
    own: str
    """The request field that must hold the caller's own id; empty: only roles count."""

    def check(self, principal: Principal, request: Message) -> None:
        """Raise PermissionDenied unless `principal` may make `request`."""
        own = self.own and principal.subject and getattr(request, self.own) == principal.subject
        if not own:
            self._check_roles(principal)

    def check_any(self, principal: Principal) -> None:
        """Raise PermissionDenied unless `principal` may make some request."""
        if not self.own:
            self._check_roles(principal)

    def _check_roles(self, principal: Principal) -> None:
        if not self.roles & principal.roles:
            own = f", or your own {self.own}" if self.own else ""
            raise PermissionDenied(
                f"this call needs one of the roles {', '.join(sorted(self.roles))}{own}"
            )


def access_of(method: MethodDescriptor) -> Access:
    """Return the access rule of a method. Raises UndeclaredAccess where the contract has none."""
    option = method.GetOptions().Extensions[options_pb2.access]
    roles = frozenset(
        options_pb2.Role.Name(role).removeprefix("ROLE_").lower() for role in option.roles if role
    )
    if not roles and not option.own:
        raise UndeclaredAccess(f"{method.full_name} has no tandem.options.v1.access")
    if option.own and option.own not in method.input_type.fields_by_name:
        raise UndeclaredAccess(f"{method.full_name}: own names {option.own!r}, no request field")
    return Access(roles, option.own)
