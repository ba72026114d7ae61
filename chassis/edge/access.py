"""Access: who may call an RPC, by the `access` option of its contract."""

from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.message import Message
from tandem.options.v1 import options_pb2

from chassis.context.principal import Principal, current
from chassis.contracts.mapping import enum_name
from chassis.errors import PermissionDenied
from chassis.staff import StaffMember, StaffRole

# protobuf's type stubs know two unrelated classes for this
MethodDescriptor = Any
NO_RUNS: frozenset[str] = frozenset()
NO_GROUPS: frozenset[str] = frozenset()


class UndeclaredAccess(Exception):
    """The contract of an RPC does not say who may call it. The service does not start."""


@dataclass(frozen=True, slots=True)
class Relation:
    """What a caller is to what a request is about."""

    staff: Mapping[str, StaffMember | None] = field(default_factory=dict)
    """The caller among the staff of each run that the request is about. If it names none: of each
    run where the caller is staff."""
    learner_in: Set[str] = NO_RUNS
    """The runs, of the same ones, whose learner the caller is."""
    is_owner: bool = False
    """Whether the caller began what the request is about."""


Relate = Callable[[str, str, Any], Relation]
"""How a service finds the relation of a person (id) to the value of a request field (name, value).

Raises NotFound if the value names nothing, and Unavailable if its run is not known here yet.
"""


@dataclass(frozen=True, slots=True)
class Access:
    """Who may call an RPC: the fields of `tandem.options.v1.Access`."""

    roles: frozenset[str] = frozenset()
    """In lower case, like the roles of a principal."""
    own: str = ""
    staff: StaffRole | None = None
    learners: bool = False
    owner: bool = False
    about: str = ""
    groups: bool = False

    @property
    def needs_relation(self) -> bool:
        """Return whether callers may be let in by what they are to what the request is about."""
        return self.staff is not None or self.learners or self.owner

    def check(
        self, principal: Principal, request: Message, relate: Relate
    ) -> Mapping[str, Set[str]] | None:
        """Return the runs to which `principal` is limited in `request`, each with the groups to
        which it is limited there (none: the whole run); None: no limit.

        `relate` is asked only if nothing else lets the caller in. Raises PermissionDenied, and
        what `relate` raises.
        """
        if self.roles & principal.roles or self._is_own(principal, request):
            return None
        if not (self.needs_relation and principal.subject):
            raise self._denied()
        about = getattr(request, self.about) if self.about else ""
        relation = relate(principal.subject, self.about, about)
        if self.owner and relation.is_owner:
            return None
        runs = self._runs(relation)
        if not runs or (about and not runs.keys() >= relation.staff.keys()):
            raise self._denied()
        return runs

    def check_any(self, principal: Principal) -> None:
        """Raise PermissionDenied unless `principal` may make some request of a stream."""
        if not (self.own or self.roles & principal.roles):
            raise self._denied()

    def _is_own(self, principal: Principal, request: Message) -> bool:
        return bool(
            self.own and principal.subject and getattr(request, self.own) == principal.subject
        )

    def _runs(self, relation: Relation) -> dict[str, Set[str]]:
        """Return the runs, of those that the request is about, in which the caller may do it, each
        with the groups to which the caller is limited.
        """
        runs: dict[str, Set[str]] = {
            run_id: frozenset(member.group_ids)
            for run_id, member in relation.staff.items()
            if member is not None and self._lets_in(member)
        }
        if self.learners:
            runs |= dict.fromkeys(relation.learner_in, NO_GROUPS)
        return runs

    def _lets_in(self, member: StaffMember) -> bool:
        if self.staff is None or not member.role.includes(self.staff):
            return False
        return self.groups or not member.group_ids

    def _denied(self) -> PermissionDenied:
        ways = [f"one of the roles {', '.join(sorted(self.roles))}"] if self.roles else []
        if self.own:
            ways.append(f"your own {self.own}")
        if self.staff is not None:
            ways.append(f"to be {self.staff} of the run, or of its group, or more")
        if self.learners:
            ways.append("to be a learner of the run")
        if self.owner:
            ways.append(f"to have begun what {self.about} names")
        return PermissionDenied(f"this call needs {', or '.join(ways)}")


def check_reach(run_id: str, group_ids: Iterable[str]) -> None:
    """Check that what is for some groups of a run, or (none) for the whole run, is within the
    present caller's limits. Raises PermissionDenied.
    """
    if not current().reaches(run_id, group_ids):
        raise PermissionDenied(f"this call needs to be staff of run {run_id!r}, or of the group")


def access_of(method: MethodDescriptor) -> Access:
    """Return the access rule of a method. Raises UndeclaredAccess where the contract has none."""
    option = method.GetOptions().Extensions[options_pb2.access]
    access = Access(
        roles=frozenset(
            options_pb2.Role.Name(role).removeprefix("ROLE_").lower()
            for role in option.roles
            if role
        ),
        own=option.own,
        staff=_staff_role(option),
        learners=option.learners,
        owner=option.owner,
        about=option.about,
        groups=option.groups,
    )
    if not (access.roles or access.own or access.needs_relation):
        raise UndeclaredAccess(f"{method.full_name} has no tandem.options.v1.access")
    for name in filter(None, (option.own, option.about)):
        if name not in method.input_type.fields_by_name:
            raise UndeclaredAccess(f"{method.full_name}: {name!r} is no request field")
    return access


def _staff_role(option: options_pb2.Access) -> StaffRole | None:
    name = enum_name(options_pb2.StaffRole.DESCRIPTOR, option.staff)
    return StaffRole(name) if name else None
