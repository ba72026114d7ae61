"""Credentials of the LRS: who makes them, what they open, and how they end."""

import base64
from typing import Any

import grpc
import pytest
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.options.v1 import options_pb2
from tandem.progress.v1 import progress_pb2, resources_pb2

from chassis.context.principal import Principal
from chassis.data.store import Database
from chassis.edge.admission import SYSTEM
from chassis.errors import PermissionDenied
from services.progress.domain.xapi.clients import Client, Scope
from services.progress.store import ProgressStore
from services.progress.xapi.clients import Clients
from tests.integration.progress.classroom import RUN, Classroom, Stub, opened

BASE = "https://lrs.example/xapi"
OTHER = "run-2"


@pytest.fixture
def office(classroom: Classroom) -> Classroom:
    """Two runs: lise teaches the first; bohr observes both, and tom is of a group of the first."""
    for run_id in (RUN, OTHER):
        run = catalog.RunOpened()
        run.CopyFrom(opened())
        run.run_id = run_id
        run.staff.add(person_id="bohr", role=options_pb2.STAFF_ROLE_OBSERVER)
        if run_id == RUN:
            run.staff.add(person_id="lise", role=options_pb2.STAFF_ROLE_TEACHER)
            run.staff.add(person_id="tom", role=options_pb2.STAFF_ROLE_TEACHER, group_ids=["g1"])
        classroom.hear("plans", run)
    return classroom


def create(
    office: Classroom, person: str = "reg", *roles: str, **fields: Any
) -> progress_pb2.CreateLrsCredentialResponse:
    whole = {"name": "Simulator", "scopes": ["statements/write"], **fields}
    request = progress_pb2.CreateLrsCredentialRequest(**whole)
    return Stub(office.channel_for(person, *roles)).CreateLrsCredential(request)


def listed(office: Classroom, person: str, *roles: str, run_id: str = "") -> list[str]:
    request = progress_pb2.ListLrsCredentialsRequest(run_id=run_id)
    found = Stub(office.channel_for(person, *roles)).ListLrsCredentials(request)
    return [each.id for each in found.credentials]


def revoke(office: Classroom, person: str, id_: str, *roles: str) -> resources_pb2.LrsCredential:
    request = progress_pb2.RevokeLrsCredentialRequest(credential_id=id_)
    return Stub(office.channel_for(person, *roles)).RevokeLrsCredential(request)


def refused(error: pytest.ExceptionInfo[grpc.RpcError]) -> str:
    return str(error.value.code().name)


def test_a_secret_is_told_once_and_stored_nowhere(
    office: Classroom, progress_database: Database[ProgressStore]
) -> None:
    """No collection of the database holds it: neither the credential nor a remembered answer."""
    made = create(office, "reg", "registrar")
    assert len(base64.urlsafe_b64decode(made.secret + "=")) == 32
    mongo = progress_database.mongo
    for name in mongo.list_collection_names():
        for row in mongo[name].find():
            assert made.secret not in repr(row), name
    assert listed(office, "reg", "registrar") == [made.credential.id]


def test_a_teacher_makes_and_sees_credentials_of_own_runs(office: Classroom) -> None:
    """Neither of another run, nor of all; nobody of a group alone, and no observer, makes any."""
    own = create(office, "lise", run_ids=[RUN]).credential
    both = create(office, "reg", "registrar", run_ids=[RUN, OTHER]).credential
    whole = create(office, "reg", "registrar").credential
    assert (own.created_by, list(own.run_ids)) == ("lise", [RUN])
    assert listed(office, "lise") == listed(office, "lise", run_id=RUN) == [own.id, both.id]
    assert listed(office, "reg", "registrar") == [own.id, both.id, whole.id]
    assert listed(office, "reg", "registrar", run_id=OTHER) == [both.id]
    for person, runs in (("lise", []), ("lise", [RUN, OTHER]), ("tom", [RUN]), ("bohr", [RUN])):
        with pytest.raises(grpc.RpcError) as error:
            create(office, person, run_ids=runs)
        assert refused(error) == "PERMISSION_DENIED"
    for id_ in (both.id, whole.id):
        with pytest.raises(grpc.RpcError) as error:
            revoke(office, "lise", id_)
        assert refused(error) == "PERMISSION_DENIED"
    assert revoke(office, "lise", own.id).HasField("revoked_at")


def test_what_is_asked_wrongly_is_told(office: Classroom) -> None:
    """An unknown scope, a scope that is not of runs, and an unknown run."""
    wrong: list[dict[str, Any]] = [
        {"scopes": ["statements"]},
        {"scopes": []},
        {"scopes": ["all"], "run_ids": [RUN]},
        {"run_ids": ["nowhere"]},
        {"name": " "},
    ]
    for fields in wrong:
        with pytest.raises(grpc.RpcError) as error:
            create(office, "reg", "registrar", **fields)
        assert refused(error) == "INVALID_ARGUMENT", fields
    with pytest.raises(grpc.RpcError) as error:
        revoke(office, "reg", "nothing", "registrar")
    assert refused(error) == "NOT_FOUND"


@pytest.fixture
def clients(progress_database: Database[ProgressStore]) -> Clients:
    return Clients(progress_database, BASE)


def test_a_credential_is_a_client_with_its_scopes_and_runs(
    office: Classroom, clients: Clients
) -> None:
    """Its authority is an account of the LRS; it has no role; and a revoked one is nobody."""
    made = create(office, "reg", "registrar", run_ids=[RUN])
    id_ = made.credential.id
    holder = clients.check(id_, made.secret)
    assert holder is not None
    assert (holder.subject, holder.roles, holder.is_office) == (
        f"lrs:{id_}",
        frozenset({SYSTEM}),
        False,
    )
    account = {"homePage": BASE, "name": f"lrs:{id_}"}
    authority = {"objectType": "Agent", "account": account}
    assert clients.of(holder) == Client(
        f"lrs:{id_}", authority, frozenset({Scope.STATEMENTS_WRITE}), run_ids=frozenset({RUN})
    )
    assert clients.check(id_, "wrong") is None
    assert clients.check("nothing", made.secret) is None
    revoke(office, "reg", id_, "registrar")
    assert clients.check(id_, made.secret) is None


@pytest.mark.parametrize(
    ("subject", "roles", "scopes", "learner", "runs"),
    [
        ("svc", {"service"}, {"all"}, "", None),
        ("reg", {"registrar"}, {"all/read"}, "", None),
        ("ada", {"learner"}, {"statements/write", "statements/read/mine", "state"}, "ada", None),
        ("lise", {"instructor"}, {"statements/read"}, "", {RUN}),
        ("bohr", {"learner", "instructor"}, {"statements/read"}, "", {RUN, OTHER}),
        ("bohr", set(), {"statements/read"}, "", {RUN, OTHER}),
    ],
)
def test_a_person_is_a_client_by_role_and_staff(
    office: Classroom,
    clients: Clients,
    subject: str,
    roles: set[str],
    scopes: set[str],
    learner: str,
    runs: set[str] | None,
) -> None:
    """A learner only for the own data, staff only for the runs where they are of the whole run."""
    assert office
    found = clients.of(Principal(subject, frozenset(roles)))
    assert {scope.value for scope in found.scopes} == scopes
    assert (found.learner_id, found.run_ids) == (learner, runs)
    assert found.authority["account"] == {"homePage": BASE, "name": subject}


@pytest.mark.parametrize(
    ("subject", "roles"),
    [("tom", {"instructor"}), ("eve", set()), ("op", {"operator"}), ("lrs:x", {"service"})],
)
def test_others_are_no_clients(
    office: Classroom, clients: Clients, subject: str, roles: set[str]
) -> None:
    """Staff of a group alone, who is nobody's staff, and a person named like a credential."""
    assert office
    with pytest.raises(PermissionDenied):
        clients.of(Principal(subject, frozenset(roles)))


def test_a_database_that_had_no_credentials_gets_them(
    progress_database: Database[ProgressStore],
) -> None:
    """The migration makes the collection with an index by run."""
    keys = [index["key"] for index in progress_database.mongo["lrs_credentials"].list_indexes()]
    assert {"run_ids": 1, "_id": 1} in [dict(key) for key in keys]
