"""Who calls the LRS: credentials and people as clients."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chassis.context.principal import Principal
from chassis.data.staff import members_of
from chassis.data.store import Database
from chassis.edge.admission import SERVICE, SYSTEM
from chassis.errors import PermissionDenied
from services.progress.domain.cmi5.sessions import SESSION
from services.progress.domain.xapi.clients import Client, Launch, Scope
from services.progress.domain.xapi.credentials import LrsCredential
from services.progress.store import ProgressStore

CREDENTIAL = "lrs:"
"""What the name of a credential begins with in an authority, and no person's id."""
OF_LEARNERS = frozenset({Scope.STATEMENTS_WRITE, Scope.STATEMENTS_READ_MINE, Scope.STATE})
OF_UNITS = OF_LEARNERS | {Scope.PROFILE}
NOBODY = Client("", {}, frozenset())


@dataclass(frozen=True, slots=True)
class CredentialHolder(Principal):
    """The system that a credential of the LRS authenticates. It has no role, and so no right by an
    RPC.
    """

    credential: LrsCredential | None = None


@dataclass(frozen=True, slots=True)
class SessionHolder(Principal):
    """The assignable unit that the credential of a session of cmi5 authenticates. It has no role,
    either.
    """

    launch: Launch | None = None


@dataclass(frozen=True, slots=True)
class Clients:
    """The clients of an LRS. `base`: its public URL, the home page of all accounts."""

    database: Database[ProgressStore]
    base: str

    def check(self, user_id: str, secret: str) -> Principal | None:
        """Return the holder of a credential; None if user-id and secret are not right."""
        if user_id.startswith(SESSION):
            return self._check_session(user_id, secret)
        found = self.database.reader().lrs_credential(user_id)
        if found is None or not found.opens_with(secret):
            return None
        return CredentialHolder(CREDENTIAL + found.id, frozenset({SYSTEM}), credential=found)

    def _check_session(self, user_id: str, secret: str) -> Principal | None:
        """Return the holder of a session of cmi5; None if the secret is wrong, or it has ended."""
        reader = self.database.reader()
        found = reader.cmi5_session(user_id.removeprefix(SESSION))
        if found is None or not found.opens_with(secret, reader.now):
            return None
        return SessionHolder(CREDENTIAL + user_id, frozenset({SYSTEM}), launch=found.launch)

    def of(self, principal: Principal) -> Client:
        """Return the client that a principal is. Raises PermissionDenied if it may do nothing."""
        if isinstance(principal, CredentialHolder) and principal.credential is not None:
            return self._holder(principal.subject, principal.credential)
        if isinstance(principal, SessionHolder) and principal.launch is not None:
            return self._unit(principal.subject, principal.launch)
        if principal.subject.startswith(CREDENTIAL):
            raise PermissionDenied(f"no person's id begins with {CREDENTIAL!r}")
        return self._person(principal)

    def _holder(self, name: str, credential: LrsCredential) -> Client:
        runs = frozenset(credential.run_ids) or None
        return Client(name, self._authority(name), credential.granted, run_ids=runs)

    def _unit(self, name: str, launch: Launch) -> Client:
        return Client(
            name,
            self._authority(name),
            OF_UNITS,
            learner_id=launch.learner_id,
            run_ids=frozenset({launch.run_id}),
            launch=launch,
        )

    def _person(self, who: Principal) -> Client:
        authority = self._authority(who.subject)
        if SERVICE in who.roles:
            return Client(who.subject, authority, frozenset({Scope.ALL}))
        if "registrar" in who.roles:
            return Client(who.subject, authority, frozenset({Scope.ALL_READ}))
        if "learner" in who.roles and "instructor" not in who.roles:
            return Client(who.subject, authority, OF_LEARNERS, learner_id=who.subject)
        runs = self._whole_runs(who.subject)
        if not runs:
            raise PermissionDenied("the LRS needs the role learner, or to be staff of a whole run")
        return Client(who.subject, authority, frozenset({Scope.STATEMENTS_READ}), run_ids=runs)

    def _whole_runs(self, person_id: str) -> frozenset[str]:
        """Return the runs where a person is staff of all groups: statements tell no group."""
        members = members_of(self.database.reader(), person_id)
        return frozenset(
            run_id for run_id, member in members.items() if member and not member.group_ids
        )

    def _authority(self, name: str) -> Mapping[str, Any]:
        return {"objectType": "Agent", "account": {"homePage": self.base, "name": name}}
