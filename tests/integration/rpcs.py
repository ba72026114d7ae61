"""Every RPC of the role `api`, and the real api processes that answer them."""

import importlib
import json
import pkgutil
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import pymongo
import tandem
from google.protobuf import json_format
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from campus.platform import ROLES
from chassis.testing import AUDIENCE, ISSUER, Issuer
from tests.integration import access_runs
from tests.integration.processes import RoleProcess

NONE: Mapping[str, Any] = {}
# What roles of their own answer: their tests are elsewhere (tests/integration/sessions/live).
OF_OTHER_ROLES = {"LiveService"}


class Rpc(NamedTuple):
    """An RPC as a caller without stubs sees it."""

    service: str
    descriptor: Any

    def call(
        self,
        channel: grpc.Channel,
        token: str,
        fields: Mapping[str, Any] = NONE,
        let_in: bool = False,
    ) -> grpc.StatusCode:
        """The status that a call with a request of `fields` ends with.

        `let_in` says what is expected: only a stream that was let in lasts until its deadline.
        """
        wait = 1.0 if let_in and self.descriptor.server_streaming else 30.0
        return self.send(channel, token, self.request(fields), wait)

    def send(
        self, channel: grpc.Channel, token: str, request: Message, seconds: float = 30.0
    ) -> grpc.StatusCode:
        """The status that a call with a request ends with."""
        metadata = [("authorization", f"Bearer {token}")] if token else []
        method = self.descriptor
        shape = f"{_side(method.client_streaming)}_{_side(method.server_streaming)}"
        make = getattr(channel, shape)(self.path, lambda message: message.SerializeToString())
        given = iter([request]) if method.client_streaming else request
        try:
            answer = make(given, metadata=metadata, timeout=seconds)
            if method.server_streaming:
                list(answer)
        except grpc.RpcError as error:
            code: grpc.StatusCode = error.code()
            return code
        return grpc.StatusCode.OK

    def post(self, url: str, token: str, fields: Mapping[str, Any] = NONE) -> grpc.StatusCode:
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

    def request(self, fields: Mapping[str, Any]) -> Message:
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
    """Every RPC that a role `api` answers by its name in the table."""
    return {
        f"{method.full_name.removeprefix('tandem.').replace('.v1.', '.')}": Rpc(
            file.package.split(".")[1], method
        )
        for file in _files()
        for service in file.services_by_name.values()
        if service.name not in OF_OTHER_ROLES
        for method in service.methods
    }


def _files() -> Iterator[Any]:
    """Every file of the contracts, also one that is new."""
    for module in pkgutil.walk_packages(tandem.__path__, "tandem."):
        if module.name.endswith("_pb2"):
            yield importlib.import_module(module.name).DESCRIPTOR


ALL = rpcs()

ProcessOf = Callable[[Rpc], RoleProcess]


@contextmanager
def api_processes(stack: dict[str, str], issuer: Issuer, jwks: Path) -> Iterator[ProcessOf]:
    """The real api process of an RPC's service, started when first asked for.

    Its database has the runs of `access_runs`.
    """
    environment = {
        **stack,
        "TANDEM_ENVIRONMENT": "development",
        "TANDEM_JWKS_URL": issuer.write_jwks(jwks),
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
        access_runs.fill(service, stack["TANDEM_MONGO_URL"], databases[service])
        started.append(RoleProcess(["-m", f"services.{service}", "api"], settings))
        return started[-1]

    yield lambda rpc: start(rpc.service)
    for process in started:
        process.kill()
    with pymongo.MongoClient[Any](stack["TANDEM_MONGO_URL"]) as client:
        for name in databases.values():
            client.drop_database(name)
