"""Who may call what: every RPC of every service, through its real api process.

The table is written by hand. It must agree with the options in the contracts: a change of only
one of them fails.
"""

import importlib
import json
import pkgutil
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

import grpc
import pymongo
import pytest
import tandem
from google.protobuf import json_format
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from tandem.options.v1 import options_pb2

from campus.platform import ROLES
from chassis.testing import AUDIENCE, ISSUER, Issuer
from tests.integration.processes import RoleProcess

LEARNER, INSTRUCTOR, REGISTRAR, SERVICE, OPERATOR = EVERY_ROLE = (
    "learner",
    "instructor",
    "registrar",
    "service",
    "operator",
)
OFFICE = {REGISTRAR, SERVICE}
STAFF = {INSTRUCTOR, REGISTRAR, SERVICE}
EVERYONE = {LEARNER, INSTRUCTOR, REGISTRAR, SERVICE}
PERSON, LEARNER_ID, READER_ID = "person_id", "learner_id", "reader_id"

# RPC: the roles that may call it for anyone; the field by which others may call it for themselves
TABLE: dict[str, tuple[set[str], str]] = {
    "catalog.CatalogService.BatchUpsertPeople": (OFFICE, ""),
    "catalog.CatalogService.GetPerson": (STAFF, PERSON),
    "catalog.CatalogService.CreateCourse": (OFFICE, ""),
    "catalog.CatalogService.GetCourse": (EVERYONE, ""),
    "catalog.CatalogService.ListCourses": (EVERYONE, ""),
    "catalog.CatalogService.OpenRun": (OFFICE, ""),
    "catalog.CatalogService.UpdateRun": (OFFICE, ""),
    "catalog.CatalogService.SetRunStaff": (OFFICE, ""),
    "catalog.CatalogService.CloseRun": (OFFICE, ""),
    "catalog.CatalogService.ReopenRun": (OFFICE, ""),
    "catalog.CatalogService.GetRun": (EVERYONE, ""),
    "catalog.CatalogService.ListRuns": (EVERYONE, ""),
    "catalog.CatalogService.PublishPath": (STAFF, ""),
    "catalog.CatalogService.GetPath": (EVERYONE, ""),
    "catalog.CatalogService.Enrol": (OFFICE, LEARNER_ID),
    "catalog.CatalogService.BatchEnrol": (OFFICE, ""),
    "catalog.CatalogService.Withdraw": (OFFICE, LEARNER_ID),
    "catalog.CatalogService.ChangeMode": (OFFICE, LEARNER_ID),
    "catalog.CatalogService.ListEnrolments": (STAFF, LEARNER_ID),
    "catalog.CatalogService.ExtendDue": (STAFF, ""),
    "library.LibraryService.StartUpload": (STAFF, ""),
    "library.LibraryService.GetUpload": (STAFF, ""),
    "library.LibraryService.CompleteUpload": (STAFF, ""),
    "library.LibraryService.AbortUpload": (STAFF, ""),
    "library.LibraryService.GetItem": (EVERYONE, ""),
    "library.LibraryService.ListItems": (EVERYONE, ""),
    "library.LibraryService.GetReadUrl": (STAFF, READER_ID),
    "sessions.SessionsService.CreateRoom": (OFFICE, ""),
    "sessions.SessionsService.ListRooms": (EVERYONE, ""),
    "sessions.SessionsService.ScheduleSession": (STAFF, ""),
    "sessions.SessionsService.MoveSession": (STAFF, ""),
    "sessions.SessionsService.CancelSession": (STAFF, ""),
    "sessions.SessionsService.GetSession": (EVERYONE, ""),
    "sessions.SessionsService.ListSessions": (EVERYONE, ""),
    "sessions.SessionsService.ChooseSeat": (STAFF, LEARNER_ID),
    "sessions.SessionsService.ListSeats": (STAFF, LEARNER_ID),
    "sessions.SessionsService.StartSession": (STAFF, ""),
    "sessions.SessionsService.CheckIn": ({SERVICE}, LEARNER_ID),
    "sessions.SessionsService.RecordPresence": ({INSTRUCTOR, SERVICE}, ""),
    "sessions.SessionsService.EndSession": (STAFF, ""),
    "sessions.SessionsService.AttachRecording": (STAFF, ""),
    "sessions.SessionsService.ListAttendance": (STAFF, LEARNER_ID),
    "progress.ProgressService.RecordStatements": ({LEARNER, SERVICE}, ""),
    "progress.ProgressService.StreamStatements": ({LEARNER, SERVICE}, ""),
    "progress.ProgressService.GetProgress": (STAFF, LEARNER_ID),
    "progress.ProgressService.ListRunProgress": (STAFF, ""),
    "progress.ProgressService.ListCatchUps": (STAFF, LEARNER_ID),
    "progress.ProgressService.GetTimeline": (STAFF, LEARNER_ID),
    "notify.NotifyService.SetPreferences": ({SERVICE}, PERSON),
    "notify.NotifyService.GetPreferences": ({SERVICE}, PERSON),
    "notify.NotifyService.ListMessages": ({SERVICE}, PERSON),
    "notify.NotifyService.StreamMessages": ({SERVICE}, PERSON),
    "notify.NotifyService.MarkRead": ({SERVICE}, PERSON),
    "notify.NotifyService.ListDeliveries": ({OPERATOR, SERVICE}, PERSON),
}

NONE: Mapping[str, str] = {}
REFUSED = {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED}


class Rpc(NamedTuple):
    """An RPC as a caller without stubs sees it."""

    service: str
    descriptor: Any

    def call(
        self,
        channel: grpc.Channel,
        token: str,
        fields: Mapping[str, str] = NONE,
        let_in: bool = False,
    ) -> grpc.StatusCode:
        """The status that a call with a request of `fields` ends with.

        `let_in` says what is expected: only a stream that was let in lasts until its deadline.
        """
        metadata = [("authorization", f"Bearer {token}")] if token else []
        request = self.request(fields)
        method = self.descriptor
        shape = f"{_side(method.client_streaming)}_{_side(method.server_streaming)}"
        make = getattr(channel, shape)(self.path, lambda message: message.SerializeToString())
        given = iter([request]) if method.client_streaming else request
        wait = 1.0 if let_in and method.server_streaming else 30.0
        try:
            answer = make(given, metadata=metadata, timeout=wait)
            if method.server_streaming:
                list(answer)
        except grpc.RpcError as error:
            code: grpc.StatusCode = error.code()
            return code
        return grpc.StatusCode.OK

    def post(self, url: str, token: str, fields: Mapping[str, str] = NONE) -> grpc.StatusCode:
        """The same by the Connect protocol as JSON; unary RPCs only."""
        headers = {"content-type": "application/json"}
        if token:
            headers["authorization"] = f"Bearer {token}"
        body = json_format.MessageToJson(self.request(fields)).encode()
        request = urllib.request.Request(f"{url}{self.path}", body, headers)
        try:
            with urllib.request.urlopen(request, timeout=30):
                return grpc.StatusCode.OK
        except urllib.error.HTTPError as error:
            code = json.load(error)["code"]
            return grpc.StatusCode["CANCELLED" if code == "canceled" else code.upper()]

    def request(self, fields: Mapping[str, str]) -> Message:
        """A request with those fields."""
        found: Message = GetMessageClass(self.descriptor.input_type)(**fields)
        return found

    @property
    def path(self) -> str:
        """The path in both protocols."""
        return f"/{self.descriptor.containing_service.full_name}/{self.descriptor.name}"

    @property
    def is_unary(self) -> bool:
        """Whether it is one request and one answer."""
        return not (self.descriptor.client_streaming or self.descriptor.server_streaming)


def _side(streaming: bool) -> str:
    return "stream" if streaming else "unary"


def rpcs() -> dict[str, Rpc]:
    """Every RPC of the contracts by its name in the table."""
    return {
        f"{method.full_name.removeprefix('tandem.').replace('.v1.', '.')}": Rpc(
            file.package.split(".")[1], method
        )
        for file in _files()
        for service in file.services_by_name.values()
        for method in service.methods
    }


def _files() -> Iterator[Any]:
    """Every file of the contracts, also one that is new."""
    for module in pkgutil.walk_packages(tandem.__path__, "tandem."):
        if module.name.endswith("_pb2"):
            yield importlib.import_module(module.name).DESCRIPTOR


ALL = rpcs()


def test_the_table_has_every_rpc() -> None:
    """An RPC that is missing from the table, or is gone from the contracts, fails here."""
    assert {rpc.service for rpc in ALL.values()} == set(ROLES)
    assert TABLE.keys() == ALL.keys()


def test_the_table_has_every_role() -> None:
    """A role that is new in the contracts is one that the calls below must try."""
    assert {name.removeprefix("ROLE_").lower() for name in options_pb2.Role.keys()[1:]} == set(
        EVERY_ROLE
    )


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return Issuer()


ProcessOf = Callable[[Rpc], RoleProcess]


@pytest.fixture(scope="module")
def process_of(
    stack: dict[str, str], issuer: Issuer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ProcessOf]:
    """The real api process of an RPC's service, started when first asked for."""
    folder = tmp_path_factory.mktemp("access")
    environment = {
        **stack,
        "TANDEM_ENVIRONMENT": "development",
        "TANDEM_JWKS_URL": issuer.write_jwks(folder / "jwks.json"),
        "TANDEM_TOKEN_ISSUER": ISSUER,
        "TANDEM_TOKEN_AUDIENCE": AUDIENCE,
        "TANDEM_OPS_ADDRESS": "127.0.0.1:0",
        "TANDEM_GRPC_ADDRESS": "127.0.0.1:0",
        "TANDEM_HTTP_ADDRESS": "127.0.0.1:0",
        **{f"TANDEM_{service.upper()}_TARGET": "127.0.0.1:1" for service in ROLES},
    }
    started: list[RoleProcess] = []
    databases = {service: f"t_{uuid.uuid4().hex[:8]}_{service}" for service in ROLES}

    @cache
    def start(service: str) -> RoleProcess:
        settings = {**environment, "TANDEM_MONGO_DATABASE": databases[service]}
        migration = RoleProcess(["-m", f"services.{service}", "migrate"], settings)
        assert migration.process.wait(150) == 0, "".join(migration.lines)
        started.append(RoleProcess(["-m", f"services.{service}", "api"], settings))
        return started[-1]

    yield lambda rpc: start(rpc.service)
    for process in started:
        process.kill()
    with pymongo.MongoClient[Any](stack["TANDEM_MONGO_URL"]) as client:
        for name in databases.values():
            client.drop_database(name)


Call = Callable[[Rpc, str, Mapping[str, str], bool], grpc.StatusCode]


@pytest.fixture(scope="module", params=["grpc", "http"])
def call(request: pytest.FixtureRequest, process_of: ProcessOf) -> Call:
    """Calls an RPC by one of the protocols; a stream by gRPC, which alone has them."""
    channels: dict[str, grpc.Channel] = {}

    def by_grpc(rpc: Rpc, token: str, fields: Mapping[str, str], let_in: bool) -> grpc.StatusCode:
        if rpc.service not in channels:
            channels[rpc.service] = process_of(rpc).channel()
        return rpc.call(channels[rpc.service], token, fields, let_in)

    def by_http(rpc: Rpc, token: str, fields: Mapping[str, str], let_in: bool) -> grpc.StatusCode:
        if not rpc.is_unary:
            return by_grpc(rpc, token, fields, let_in)
        return rpc.post(process_of(rpc).url(), token, fields)

    return by_http if request.param == "http" else by_grpc


@pytest.mark.parametrize("name", TABLE)
def test_nobody_calls_without_a_token(name: str, call: Call) -> None:
    """A call without a token, or with one of another issuer, is UNAUTHENTICATED."""
    stranger = Issuer().token("ada", EVERY_ROLE)
    for token in ("", stranger):
        assert call(ALL[name], token, NONE, False) is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize("name", TABLE)
def test_each_role_calls_what_is_its_own(name: str, call: Call, issuer: Issuer) -> None:
    """Each role that the table doesn't name is PERMISSION_DENIED; each that it names is let in."""
    rpc, (allowed, own) = ALL[name], TABLE[name]
    fields = {own: "somebody-else"} if own else {}
    for role in EVERY_ROLE:
        let_in, token = role in allowed, issuer.token("ada", [role])
        code = call(rpc, token, fields, let_in)
        assert (code is grpc.StatusCode.PERMISSION_DENIED) is not let_in, (role, code)
    nobody = call(rpc, issuer.token("ada", ["admin"]), fields, False)
    assert nobody is grpc.StatusCode.PERMISSION_DENIED


@pytest.mark.parametrize("name", [name for name, (_, own) in TABLE.items() if own])
def test_people_call_for_themselves_only(name: str, call: Call, issuer: Issuer) -> None:
    """People may call about themselves, whatever their roles, and about nobody else."""
    rpc, own, token = ALL[name], TABLE[name][1], issuer.token("ada")
    assert call(rpc, token, {own: "ada"}, True) not in REFUSED
    for other in ("eve", "", "ADA", "ada "):
        assert call(rpc, token, {own: other}, False) is grpc.StatusCode.PERMISSION_DENIED
