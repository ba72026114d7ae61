"""The api role as a process: how it starts, reports its health, and stops."""

import http.client
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import grpc
import pymongo
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status
from tandem.notify.v1 import notify_pb2, notify_pb2_grpc

from chassis.clock import SystemClock
from chassis.data.store import Database, Store
from chassis.edge.grpc.client import calling_with
from chassis.testing import AUDIENCE, ISSUER, Issuer
from tests.conftest import MakeDatabase
from tests.deep import only_deep
from tests.integration.chassis.proxy import Proxy, hold_port
from tests.integration.chassis.test_memory import LIMIT, watching
from tests.integration.processes import RoleProcess, eventually

SCRIPT = Path(__file__).with_name("little_service.py")
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class Little(Store):
    """The store of the process that is started."""

    service = "little"


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def environment(
    stack: dict[str, str], issuer: Issuer, tmp_path: Path, make_database: MakeDatabase
) -> dict[str, str]:
    database = make_database(Little)
    return {
        "TANDEM_MONGO_URL": stack["TANDEM_MONGO_URL"],
        "TANDEM_MONGO_DATABASE": database.mongo.name,
        "TANDEM_AMQP_URL": "amqp://127.0.0.1:1",
        "TANDEM_JWKS_URL": issuer.write_jwks(tmp_path / "jwks.json"),
        "TANDEM_TOKEN_ISSUER": ISSUER,
        "TANDEM_TOKEN_AUDIENCE": AUDIENCE,
        "TANDEM_OPS_ADDRESS": "127.0.0.1:0",
        "TANDEM_GRPC_ADDRESS": "127.0.0.1:0",
        "TANDEM_HTTP_ADDRESS": "127.0.0.1:0",
        "TANDEM_DRAIN": "60",
    }


Start = Callable[..., RoleProcess]


@pytest.fixture
def start(environment: dict[str, str]) -> Iterator[Start]:
    """Starts processes that end with the test."""
    started: list[RoleProcess] = []

    def run(role: str = "api", **more: str) -> RoleProcess:
        started.append(RoleProcess([str(SCRIPT), role], {**environment, **more}))
        return started[-1]

    yield run
    for little in started:
        little.kill()


@pytest.fixture
def proxy(stack: dict[str, str]) -> Iterator[Proxy]:
    made = Proxy(stack["TANDEM_MONGO_URL"])
    yield made
    made.cut()


@pytest.fixture
def port() -> Iterator[int]:
    """A port that nobody else gets."""
    with hold_port() as held:
        yield held.getsockname()[1]


def stub_of(little: RoleProcess, issuer: Issuer) -> Any:
    token = issuer.token("ada", ["learner"])
    return notify_pb2_grpc.NotifyServiceStub(calling_with(little.channel(), lambda: token))


def state(little: RoleProcess) -> Any:
    stub: Any = health_pb2_grpc.HealthStub(little.channel())
    return stub.Check(health_pb2.HealthCheckRequest(), timeout=60).status


def get(port: int, path: str, accept: str = "") -> tuple[int, str]:
    """Status and body of a GET on the operations' server."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", headers={"Accept": accept} if accept else {}
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def in_hand(little: RoleProcess, issuer: Issuer) -> Any:
    """A call that the process works on."""
    call = stub_of(little, issuer).GetPreferences.future(OWN, timeout=60)
    eventually(lambda: "in hand\n" in little.lines)
    return call


OWN = notify_pb2.GetPreferencesRequest(person_id="ada")
LISTEN = notify_pb2.StreamMessagesRequest(person_id="ada")


def test_sigterm_lets_calls_in_hand_end(start: Start, issuer: Issuer) -> None:
    """After SIGTERM an open call is answered and streams are redirected; the exit code is 0."""
    little = start(TANDEM_SECONDS="1")
    stream = stub_of(little, issuer).StreamMessages(LISTEN)
    assert next(stream).id == "first"
    call = in_hand(little, issuer)
    assert little.stop() == 0
    assert call.result().person_id == "ada"
    with pytest.raises(grpc.RpcError) as ended:
        next(stream)
    assert ended.value.code() is grpc.StatusCode.UNAVAILABLE
    eventually(lambda: little.logged("stopped"))


def test_health_says_not_serving_during_the_drain(
    start: Start, issuer: Issuer, tmp_path: Path
) -> None:
    """Health watchers get NOT_SERVING while open calls still end."""
    held = tmp_path / "held"
    held.touch()
    little = start(TANDEM_HELD=str(held))
    stub: Any = health_pb2_grpc.HealthStub(little.channel())
    states = stub.Watch(health_pb2.HealthCheckRequest())
    assert next(states).status == SERVING
    call = in_hand(little, issuer)
    little.process.send_signal(signal.SIGTERM)
    assert next(states).status == NOT_SERVING
    assert not call.done()
    held.unlink()
    assert list(states) == []
    assert call.result().person_id == "ada"


@only_deep
def test_health_follows_the_database(start: Start, issuer: Issuer, proxy: Proxy) -> None:
    """Without MongoDB health is NOT_SERVING, and calls end with UNAVAILABLE; both recover."""
    proxy.open()
    little = start(TANDEM_MONGO_URL=proxy.url)
    stub = stub_of(little, issuer)
    assert stub.GetPreferences(OWN).person_id == "ada"
    proxy.cut()
    eventually(lambda: state(little) == NOT_SERVING)
    with pytest.raises(grpc.RpcError) as refused:
        stub.GetPreferences(OWN, timeout=30)
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
    status: Any = rpc_status.from_call(refused.value)  # type: ignore[arg-type]
    assert status.details[0].Is(error_details_pb2.RetryInfo.DESCRIPTOR)
    status_code, parts = get(little.listening()["ops_port"], "/ready")
    assert (status_code, json.loads(parts)) == (503, {"mongodb": False, "serving": True})
    proxy.open()
    eventually(lambda: state(little) == SERVING)
    assert stub.GetPreferences(OWN).person_id == "ada"


def test_a_start_without_the_database_waits(start: Start, port: int, proxy: Proxy) -> None:
    """Without MongoDB a process is live, not ready, and says so; it starts when MongoDB comes."""
    little = start(
        TANDEM_MONGO_URL=proxy.url + "&serverSelectionTimeoutMS=300",
        TANDEM_OPS_ADDRESS=f"127.0.0.1:{port}",
    )
    waiting = eventually(lambda: little.logged("waiting for MongoDB"))
    assert waiting["level"] == "warning"
    assert get(port, "/live")[0] == 200
    assert get(port, "/ready") == (503, '{"mongodb": false}')
    proxy.open()
    assert little.listening()
    assert get(port, "/ready")[0] == 200


@pytest.fixture
def late_user(mongo: "pymongo.MongoClient[Any]") -> Iterator[Callable[[], object]]:
    """Makes the user `late` with the password `word`, whom MongoDB doesn't know before."""
    yield lambda: mongo.admin.command("createUser", "late", pwd="word", roles=["root"])
    mongo.admin.command("dropUser", "late")


@only_deep
def test_a_start_with_a_password_that_is_not_right_waits(
    start: Start, environment: dict[str, str], late_user: Callable[[], object]
) -> None:
    """A process whom MongoDB refuses says so, and begins when a person has mended it."""
    url = environment["TANDEM_MONGO_URL"].replace("mongodb://", "mongodb://late:word@")
    little = start(TANDEM_MONGO_URL=url)
    waiting = eventually(lambda: little.logged("waiting for MongoDB"))
    assert "Authentication failed" in waiting["why"]
    late_user()
    assert little.listening()
    assert "word@" not in "".join(little.lines)


def test_a_start_before_the_name_is_known_waits(start: Start) -> None:
    """A name that the DNS doesn't know (yet) is waited for."""
    little = start(TANDEM_MONGO_URL="mongodb+srv://nowhere.invalid")
    waiting = eventually(lambda: little.logged("waiting for MongoDB"))
    assert waiting["hosts"] == "nowhere.invalid"


def test_a_start_before_the_migration_waits(
    start: Start, port: int, environment: dict[str, str], mongo: "pymongo.MongoClient[Any]"
) -> None:
    """A process whose database is older than its code waits, live and not ready."""
    database = Database(mongo, environment["TANDEM_MONGO_DATABASE"], Little, SystemClock())
    database.mongo["migrations"].delete_many({})
    little = start(TANDEM_OPS_ADDRESS=f"127.0.0.1:{port}")
    waiting = eventually(lambda: little.logged("waiting for the database's migration"))
    assert waiting["run"] == "python -m services.little migrate"
    assert get(port, "/live")[0] == 200
    assert get(port, "/ready") == (503, '{"mongodb": true, "migrated": false}')
    database.prepare()
    assert little.listening()
    assert get(port, "/ready")[0] == 200


def test_log_lines_are_json_with_the_requests_ids(start: Start, issuer: Issuer) -> None:
    """Each call's log line has time, level, service, role, trace and request id, and no token."""
    little = start()
    stub = stub_of(little, issuer)
    trace = f"00-{'a' * 32}-{'b' * 16}-01"
    stub.GetPreferences(OWN, metadata=[("x-request-id", "r-7"), ("traceparent", trace)])
    line = eventually(lambda: little.logged("call"))
    wanted = {"level": "info", "service": "little", "role": "api", "code": "OK"}
    assert wanted.items() <= line.items()
    assert (line["request_id"], line["trace_id"]) == ("r-7", "a" * 32)
    assert line["time"].endswith("Z")
    assert "ey" not in "".join(little.lines)


def test_metrics_come_in_both_formats(start: Start) -> None:
    """/metrics answers Prometheus text, and OpenMetrics to whom accepts it."""
    port = start().listening()["ops_port"]
    text = get(port, "/metrics")[1]
    assert 'tandem_build_info{role="api",service="little"' in text
    assert 'tandem_ready{part="serving",role="api",service="little"} 1.0' in text
    assert get(port, "/metrics", "application/openmetrics-text")[1].endswith("# EOF\n")
    assert get(port, "/nothing")[0] == 404


def test_operations_answer_in_a_patched_process(start: Start) -> None:
    """The worker role is patched before all else, and its operations' server answers.

    Python was told to look for cycles seldom.
    """
    little = start("worker")
    port = int(eventually(lambda: [line for line in little.lines if line.strip().isdigit()])[0])
    assert get(port, "/ready") == (200, '{"patched": true, "collects seldom": true}')
    assert get(port, "/metrics")[0] == 200
    assert little.stop() == 0


def test_every_fault_of_the_settings_is_told(start: Start) -> None:
    """A process that can't run exits with 78 and names each setting that is wrong."""
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith("TANDEM_")
    } | {"TANDEM_DRAIN": "soon"}
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "api"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 78
    for name in ("TANDEM_MONGO_URL", "TANDEM_JWKS_URL", "TANDEM_DRAIN"):
        assert name in done.stderr


def test_an_api_without_an_identity_provider_does_not_start(start: Start) -> None:
    """An api without valid settings for tokens exits with 78 instead of serving."""
    little = start(TANDEM_JWKS_URL="http://plain.example", TANDEM_TOKEN_ISSUER="")
    assert little.process.wait(120) == 78


def test_help_lists_every_setting() -> None:
    """--help names the roles and each setting with its meaning and default."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--help"], capture_output=True, text=True, check=True
    )
    assert "api|worker" in done.stdout
    assert "TANDEM_SECONDS\n      how long a request takes (default: 0.0)" in done.stdout
    assert "TANDEM_MONGO_URL" in done.stdout


@only_deep
@pytest.mark.parametrize("known", [True, False], ids=["known", "strangers"])
def test_large_bodies_fit_into_an_api(start: Start, issuer: Issuer, known: bool) -> None:
    """By both protocols, 200 bodies of 4 MB at once fit into the memory limit of deploy/."""
    little = start(TANDEM_SERVICE_REQUESTS="1000")
    token = issuer.token("lms", ["service"]) if known else "nobody's"
    padded = b'{"personId": "ada"' + b" " * 3_900_000 + b"}"
    # A field that the contract does not know, of the same size (protobuf's encoding of bytes).
    binary = notify_pb2.GetPreferencesRequest(person_id="ada").SerializeToString() + (
        b"\xfa\x07" + b"\xe0\x84\xee\x01" + bytes(3_900_000)
    )
    channel = little.channel()
    path = "/tandem.notify.v1.NotifyService/GetPreferences"
    raw: Any = channel.unary_unary(path)
    host = little.url().removeprefix("http://")

    def by_grpc(_: int) -> str:
        try:
            raw(binary, metadata=[("authorization", f"Bearer {token}")], timeout=100)
        except grpc.RpcError as error:
            return str(error.code().name)
        return "OK"

    def by_http(_: int) -> str:
        headers = {"content-type": "application/json", "authorization": f"Bearer {token}"}
        with closing(http.client.HTTPConnection(host, timeout=100)) as connection:
            try:
                connection.request("POST", path, padded, headers)
            except OSError:
                """It was answered before it was sent, and closed."""
            return str(connection.getresponse().status)

    with watching(little.process.pid) as most, ThreadPoolExecutor(100) as pool:
        answers = [pool.submit(call, n) for n in range(100) for call in (by_grpc, by_http)]
        codes = {answer.result() for answer in answers}
    wanted = {"OK", "200"} if known else {"UNAUTHENTICATED", "401"}
    # On a busy machine some wait for room until their deadline.
    assert codes <= {*wanted, "RESOURCE_EXHAUSTED", "429", "DEADLINE_EXCEEDED", "504"}
    assert codes & wanted
    assert most[0] < LIMIT, f"{most[0] / 2**20:.0f} MiB"
