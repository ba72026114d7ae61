"""HTTP beside gRPC: the Connect protocol, with a real server and a real database."""

import base64
import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import pytest
from google.rpc import error_details_pb2 as details
from tandem.notify.v1.resources_pb2 import Preferences

from chassis.context import deadline
from chassis.context.principal import Principal
from chassis.data.store import Database
from chassis.edge import bodies
from chassis.edge.executor import BoundedExecutor
from chassis.edge.grpc.client import calling_with
from chassis.edge.http import server as http_server
from chassis.edge.pipeline import LARGEST_REQUEST
from chassis.edge.server import Server
from chassis.errors import (
    AlreadyExists,
    FailedPrecondition,
    FieldViolation,
    Invalid,
    NotFound,
    PermissionDenied,
)
from chassis.operations import tracing
from chassis.testing import Issuer, figure, settings_for
from tests.conftest import MakeDatabase
from tests.integration.chassis.test_grpc_edge import (
    NoStore,
    Notify,
    detail,
    own,
    refusal,
    servicers,
    stub_of,
)

PATH = "/tandem.notify.v1.NotifyService/GetPreferences"
METHOD = "tandem.notify.v1.NotifyService.GetPreferences"
ADA = b'{"personId": "ada"}'


class Answer(NamedTuple):
    """An answer by HTTP."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Its body."""
        return json.loads(self.body)


class Running:
    """A server that runs, and its callers."""

    def __init__(self, server: Server, issuer: Issuer, notify: Notify) -> None:
        self.server, self.issuer, self.notify = server, issuer, notify

    def headers(self, person: str = "ada", *roles: str, **more: str) -> dict[str, str]:
        """What a person's request has; names in `more` are written with underscores."""
        named = {name.replace("_", "-"): value for name, value in more.items()}
        token = {"authorization": f"Bearer {self.issuer.token(person, roles)}"} if person else {}
        return {"content-type": "application/json", **token, **named}

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.server.http_port, timeout=60)

    def send(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request on a connection of its own."""
        with closing(self.connection()) as connection:
            connection.request(method, path, body, dict(headers or {}))
            found = connection.getresponse()
            return Answer(found.status, dict(found.getheaders()), found.read())

    def post(self, body: Any = ADA, headers: Mapping[str, str] | None = None) -> Answer:
        """Ask for preferences, as ada unless `headers` say otherwise."""
        return self.send("POST", PATH, body, self.headers() if headers is None else headers)

    def silent(self, headers: Mapping[str, str]) -> socket.socket:
        """A caller that sends headers and no body."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"POST {PATH} HTTP/1.1\r\nhost: tandem\r\ncontent-length: 20\r\n{lines}\r\n"
        found = socket.create_connection(("127.0.0.1", self.server.http_port), timeout=60)
        found.sendall(head.encode())
        return found

    @contextmanager
    def channel(self, person: str = "ada", *roles: str) -> Iterator[grpc.Channel]:
        """The same server by gRPC."""
        token = self.issuer.token(person, roles)
        with grpc.insecure_channel(f"127.0.0.1:{self.server.port}") as plain:
            yield calling_with(plain, lambda: token)


@pytest.fixture
def database(make_database: MakeDatabase) -> Database[Any]:
    return make_database(NoStore)


Run = Callable[..., Running]


@pytest.fixture
def run(database: Database[Any], tmp_path: Path) -> Iterator[Run]:
    """Runs servers; `settings` are theirs."""
    servers = []

    def start(**settings: Any) -> Running:
        issuer, notify = Issuer(), Notify()
        told = settings_for(issuer.write_jwks(tmp_path / "jwks"), **settings)
        server = Server(told, "tests", database, servicers(notify))
        server.start()
        servers.append((server, told))
        return Running(server, issuer, notify)

    yield start
    for server, told in servers:
        server.drain(told.drain)


@pytest.fixture
def running(run: Run) -> Running:
    return run()


def raising(error: Exception) -> Callable[[Any], Any]:
    """Service's code that fails."""

    def fail(_: Any) -> Any:
        raise error

    return fail


def read_status(found: socket.socket) -> int:
    """The status of the answer that comes there."""
    answer = http.client.HTTPResponse(found)
    answer.begin()
    return answer.status


def until(true: Callable[[], bool]) -> None:
    """Wait until something is true."""
    pause = threading.Event()
    for _ in range(1200):
        if true():
            return
        pause.wait(0.05)
    pytest.fail("it did not become true within a minute")


def test_json_and_binary_say_the_same(running: Running) -> None:
    """A message comes and goes as JSON or in binary form, by the request's content type."""
    by_json = running.post()
    assert (by_json.status, by_json.headers["content-type"]) == (200, "application/json")
    assert by_json.json == {"personId": "ada"}
    binary = running.headers(content_type="application/proto")
    by_proto = running.post(own().SerializeToString(), binary)
    assert (by_proto.status, by_proto.headers["content-type"]) == (200, "application/proto")
    assert Preferences.FromString(by_proto.body) == Preferences(person_id="ada")


def test_a_charset_and_unknown_fields_are_taken(running: Running) -> None:
    """What stock clients of later versions send is no fault."""
    body = json.dumps({"person_id": "ada", "laterField": [1]})
    assert running.post(body, running.headers(content_type="Application/JSON; charset=utf-8")).json


def test_the_service_knows_caller_trace_and_deadline(running: Running) -> None:
    """What a request carries reaches the service's code by HTTP as by gRPC."""
    parent = f"00-{'a' * 32}-{'b' * 16}-01"
    answer = running.post(
        headers=running.headers(
            "ada", "learner", x_request_id="r-1", traceparent=parent, connect_timeout_ms="20000"
        )
    )
    assert answer.headers["x-request-id"] == "r-1"
    ((principal, traceparent, seconds),) = running.notify.seen
    assert principal == Principal("ada", frozenset({"learner"}))
    assert tracing.trace_id(traceparent) == "a" * 32
    assert 0 < seconds <= 20
    assert deadline.left() > 1e9


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Invalid([FieldViolation("a", "is b", "c"), FieldViolation("d", "is e")]), 400),
        (NotFound("no person ada"), 404),
        (AlreadyExists("a person ada"), 409),
        (PermissionDenied("not yours"), 403),
        (FailedPrecondition("not now", [FieldViolation("a", "b")]), 400),
        (RuntimeError("the password is swordfish"), 500),
    ],
)
def test_an_error_is_the_same_by_both_protocols(
    running: Running, error: Exception, status: int
) -> None:
    """Code, message and details by HTTP are those by gRPC; nothing else is told."""
    running.notify.preferences = raising(error)
    named = running.headers(x_request_id="r-1")
    by_http = running.post(headers=named)
    with running.channel() as channel:
        by_grpc = refusal(
            lambda: stub_of(channel).GetPreferences(own(), metadata=[("x-request-id", "r-1")])
        )
    assert by_http.status == status
    assert by_http.headers["content-type"] == "application/json"
    assert by_http.json["code"] == by_grpc.code().name.lower()
    assert by_http.json["message"] == by_grpc.details()
    assert "swordfish" not in str(by_http)
    for each in by_http.json["details"]:
        kind = getattr(details, each["type"].rpartition(".")[2])
        value = kind.FromString(base64.b64decode(each["value"] + "=="))
        assert value == detail(by_grpc, kind)
        assert each["debug"]


def test_all_violations_are_told(running: Running) -> None:
    """A body has room for faults that a trailer has not."""
    violations = [
        FieldViolation(f"rows[{place}]", "is wrong " * 20, "right") for place in range(500)
    ]
    running.notify.preferences = raising(Invalid(violations))
    (bad,) = running.post().json["details"]
    told = bad["debug"]["fieldViolations"]
    assert [each["field"] for each in told] == [violation.field for violation in violations]


def test_field_rules_and_access_are_the_same(running: Running) -> None:
    """The edge refuses by HTTP what it refuses by gRPC, before the service hears of it."""
    assert running.post(b'{"personId": "eve"}').json["code"] == "permission_denied"
    service = running.headers("mail", "service")
    answer = running.post(json.dumps({"personId": "x" * 129}), service)
    assert answer.json["code"] == "invalid_argument"
    violations = answer.json["details"][0]["debug"]["fieldViolations"]
    assert violations[0]["field"] == "person_id"
    assert running.notify.seen == []


@pytest.mark.parametrize("authorization", ["", "Bearer x", "Basic YTpi", "Bearer"])
def test_who_proves_nobody_is_told_how_to(running: Running, authorization: str) -> None:
    """401 names the schemes (RFC 9110, section 15.5.2)."""
    answer = running.post(headers=running.headers("", authorization=authorization))
    assert (answer.status, answer.json["code"]) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"] == 'Bearer realm="tandem"'


def test_no_body_is_read_of_who_may_not_come_in(running: Running) -> None:
    """The answer comes while the body is still with its caller."""
    stranger = {"content-type": "application/json", "authorization": "Bearer x"}
    with closing(running.silent(stranger)) as silent:
        assert read_status(silent) == 401


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"connect_protocol_version": "2"}, 400, "invalid_argument"),
        ({"connect_timeout_ms": "soon"}, 400, "invalid_argument"),
        ({"connect_timeout_ms": "12345678901"}, 400, "invalid_argument"),
        ({"connect_timeout_ms": "0"}, 504, "deadline_exceeded"),
        ({"content_encoding": "gzip"}, 501, "unimplemented"),
    ],
)
def test_a_header_that_is_not_right_is_told(
    running: Running, headers: dict[str, str], status: int, code: str
) -> None:
    """What the protocol has no meaning for is refused by its own errors."""
    answer = running.post(headers=running.headers(**headers))
    assert (answer.status, answer.json["code"]) == (status, code)
    assert running.notify.seen == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"personId": 7}',
        b"\xff",
        b'{"personId": "\\ud800"}',
        b"[" * 9999,
    ],
)
def test_a_body_that_is_no_message_is_told(running: Running, body: bytes) -> None:
    """Noise ends as invalid_argument, not as an internal error."""
    answer = running.post(body)
    assert (answer.status, answer.json["code"]) == (400, "invalid_argument")


@pytest.mark.parametrize(
    ("method", "path", "kind", "status"),
    [
        ("POST", "/tandem.notify.v1.NotifyService/Nothing", "application/json", 404),
        ("POST", "/tandem.notify.v1.NotifyService/StreamMessages", "application/json", 404),
        ("POST", "/", "application/json", 404),
        ("GET", PATH, "application/json", 405),
        ("POST", PATH, "text/plain", 415),
        ("POST", PATH, "application/connect+json", 415),
    ],
)
def test_what_is_not_served_is_a_problem(
    running: Running, method: str, path: str, kind: str, status: int
) -> None:
    """Before there is an RPC, errors are problem details (RFC 9457)."""
    answer = running.send(method, path, ADA, running.headers(content_type=kind))
    assert answer.status == answer.json["status"] == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["title"]


def test_a_body_that_is_too_large_is_not_read(running: Running) -> None:
    """By its declared length it is refused at once; without one, as soon as it is too much."""
    declared = running.headers(content_length=str(LARGEST_REQUEST + 1))
    with closing(running.connection()) as connection:
        connection.putrequest("POST", PATH)
        for name, value in declared.items():
            connection.putheader(name, value)
        connection.endheaders()
        found = connection.getresponse()
        assert (found.status, json.loads(found.read())["code"]) == (429, "resource_exhausted")
    parts = (b"x" * 65536 for _ in range(LARGEST_REQUEST // 65536 + 1))
    answer = running.post(parts, running.headers())
    assert answer.json["code"] == "resource_exhausted"
    assert "retry-after" not in answer.headers


def test_a_caller_has_one_share_by_both_protocols(run: Run) -> None:
    """What a person has in hand by gRPC counts by HTTP."""
    running = run(person_requests=1)
    inside, go_on = threading.Event(), threading.Event()

    def hold(_: Any) -> Preferences:
        inside.set()
        assert go_on.wait(60)
        return Preferences(person_id="ada")

    running.notify.preferences = hold
    before = figure("tandem_http_exhausted_total", service="tests", of="caller")
    with running.channel() as channel:
        held = stub_of(channel).GetPreferences.future(own(), timeout=60)
        assert inside.wait(60)
        answer = running.post()
        go_on.set()
        assert held.result().person_id == "ada"
    assert (answer.status, answer.json["code"]) == (429, "resource_exhausted")
    assert answer.headers["retry-after"] == "1"
    assert figure("tandem_http_exhausted_total", service="tests", of="caller") == before + 1
    until(lambda: running.post().status == 200)


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_who_sends_headers_and_no_body_holds_nothing(
    run: Run, monkeypatch: pytest.MonkeyPatch, protocol: str
) -> None:
    """However many callers are silent after their headers, others are served.

    The one who waits longest is given up for the next.
    """
    monkeypatch.setattr("chassis.edge.server.MOST_REQUESTS", 4)
    running = run(person_requests=4)
    silent = threading.Event()
    with ExitStack() as stack, ThreadPoolExecutor(12) as pool:
        eve: Any = stack.enter_context(running.channel("eve")).stream_unary(PATH)

        def by_http(_: int) -> str:
            with closing(running.silent(running.headers("eve"))) as found:
                return str(read_status(found))

        def by_grpc(_: int) -> str:
            return str(refusal(lambda: eve(iter(silent.wait, True), timeout=60)).code().name)

        calls = [pool.submit(by_http if protocol == "http" else by_grpc, n) for n in range(12)]
        until(lambda: sum(each.done() for each in calls) >= 8)
        assert running.server.pipeline.admission.taken() == {"eve": 4}
        assert [running.post().status for _ in range(3)] == [200] * 3
        silent.set()
        running.server.drain(timedelta(seconds=20))
        codes = {each.result(60) for each in calls}
    assert codes <= {"429", "RESOURCE_EXHAUSTED", "CANCELLED", "INVALID_ARGUMENT", "UNAVAILABLE"}


def test_bodies_that_are_waited_for_are_bounded(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where all room is taken, the one who has been silent longest loses it; others go on."""
    monkeypatch.setattr(bodies.Bodies.__init__, "__defaults__", (2, 0.2))
    running = run()
    with ExitStack() as stack:
        silent = [
            stack.enter_context(closing(running.silent(running.headers("eve")))) for _ in range(2)
        ]
        until(lambda: running.server.pipeline.admission.taken() == {"eve": 2})
        ada = stack.enter_context(closing(running.silent(running.headers())))
        assert read_status(silent[0]) == 429
        ada.sendall(b'{"personId": "ada"}\n')
        assert read_status(ada) == 200
        assert running.post().status == 200


def test_a_body_that_does_not_come_in_time_is_given_up(running: Running) -> None:
    """A caller's deadline counts while its body is awaited."""
    with closing(running.silent(running.headers(connect_timeout_ms="200"))) as silent:
        assert read_status(silent) == 504


def test_a_caller_that_leaves_is_counted(running: Running) -> None:
    """Who closes the connection before the body is sent leaves nothing behind."""
    labels = {"service": "tests", "method": METHOD, "code": "CANCELLED"}
    before = figure("tandem_http_requests_total", **labels)
    running.silent(running.headers()).close()
    until(lambda: figure("tandem_http_requests_total", **labels) == before + 1)


def test_a_connection_without_headers_is_closed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither silence nor one byte now and then keeps a connection."""
    monkeypatch.setattr(http_server, "HEADERS_WITHIN", 0.3)
    running = run()
    address = "127.0.0.1", running.server.http_port
    with socket.create_connection(address, timeout=60) as silent:
        assert silent.recv(1) == b""
    with socket.create_connection(address, timeout=60) as slow:
        slow.sendall(b"POST / HTTP/1.1\r\nx")
        assert slow.recv(1) == b""
    with closing(running.connection()) as usual:
        for _ in range(2):
            usual.request("POST", PATH, ADA, running.headers())
            assert usual.getresponse().read()


def test_a_call_is_counted_timed_and_known_by_its_code(running: Running) -> None:
    """tandem_http_* tell of HTTP what tandem_grpc_* tell of gRPC."""
    labels = {"service": "tests", "method": METHOD}
    calls = figure("tandem_http_requests_total", **labels, code="PERMISSION_DENIED")
    times = figure("tandem_http_seconds_count", **labels)
    running.post(b'{"personId": "eve"}')
    assert figure("tandem_http_requests_total", **labels, code="PERMISSION_DENIED") == calls + 1
    assert figure("tandem_http_seconds_count", **labels) == times + 1


def test_a_drain_lets_calls_in_hand_end_and_takes_no_other(running: Running) -> None:
    """Who is in hand is answered, readiness is told, and the port is free at the end."""
    inside, go_on = threading.Event(), threading.Event()

    def hold(_: Any) -> Preferences:
        inside.set()
        assert go_on.wait(60)
        return Preferences(person_id="ada")

    running.notify.preferences = hold
    port = running.server.http_port
    assert running.send("GET", "/ready").json == {"mongodb": True, "serving": True}
    with ThreadPoolExecutor(2) as pool:
        held = pool.submit(running.post)
        assert inside.wait(60)
        draining = pool.submit(running.server.drain, settings_for("file:///none").drain)
        until(lambda: not running.server.ready()["serving"])
        go_on.set()
        assert held.result(60).status == 200
        draining.result(60)
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=60)


def test_only_pages_of_known_origins_may_call(run: Run) -> None:
    """A browser asks first (CORS), and is told only for origins of the settings."""
    running = run(http_origins="https://study.example.edu,https://b.example.edu")
    for origin, allowed in (("https://study.example.edu", True), ("https://else.example", False)):
        asked = {
            "origin": origin,
            "access-control-request-method": "POST",
            "access-control-request-headers": "authorization,connect-protocol-version",
        }
        preflight = running.send("OPTIONS", PATH, headers=asked)
        answer = running.post(headers=running.headers(origin=origin))
        for found in (preflight, answer):
            assert (found.headers.get("access-control-allow-origin") == origin) is allowed


def test_without_origins_no_page_may_call(running: Running) -> None:
    """The default lets no other site's page in."""
    answer = running.post(headers=running.headers(origin="https://else.example"))
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("rooms", [1, 2])
def test_many_at_once_by_both_protocols_are_all_answered(
    run: Run, monkeypatch: pytest.MonkeyPatch, rooms: int
) -> None:
    """With hardly any room for bodies and threads, requests wait, and none for ever."""
    monkeypatch.setattr(bodies.Bodies.__init__, "__defaults__", (rooms, 20.0))
    monkeypatch.setattr(BoundedExecutor.__init__, "__defaults__", (1, 1))
    running = run(person_requests=64)
    body, headers = b'{"personId": "ada"}' + b" " * 200_000, running.headers()
    with ThreadPoolExecutor(32) as pool, running.channel() as channel:
        stub = stub_of(channel)
        by_http = [pool.submit(running.post, body, headers) for _ in range(100)]
        by_grpc = [pool.submit(stub.GetPreferences, own(), timeout=60) for _ in range(100)]
        assert {each.result(60).status for each in by_http} == {200}
        assert {each.result(60).person_id for each in by_grpc} == {"ada"}


def test_a_body_that_waits_for_room_keeps_its_deadline(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose deadline passes before there is room is told so, and leaves nothing behind."""
    monkeypatch.setattr(bodies.Bodies.__init__, "__defaults__", (1, 60.0))
    running = run()
    with closing(running.silent(running.headers("eve"))) as silent:
        until(lambda: running.server.pipeline.admission.taken() == {"eve": 1})
        late = running.post(headers=running.headers(connect_timeout_ms="300"))
        assert (late.status, late.json["code"]) == (504, "deadline_exceeded")
        silent.sendall(b'{"personId": "ada"}\n')
        assert read_status(silent) == 403
    assert running.post().status == 200
