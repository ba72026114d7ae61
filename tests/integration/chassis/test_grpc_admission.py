"""Admission at the gRPC edge of a real server."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2 as details
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tandem.notify.v1 import notify_pb2, notify_pb2_grpc
from tandem.notify.v1.resources_pb2 import Preferences

from chassis.data.store import Database, Store
from chassis.edge import server
from chassis.edge.grpc.client import calling_with
from chassis.edge.methods import Servicer
from chassis.edge.server import Server
from chassis.edge.statuses import RETRY_AFTER
from chassis.testing import ChannelFor, Issuer, figure, settings_for
from tests.conftest import MakeDatabase
from tests.integration.chassis.test_grpc_edge import detail, own, refusal, stub_of

METHOD = "/tandem.notify.v1.NotifyService/GetPreferences"


class NoStore(Store):
    service = "edge"


class Holding(notify_pb2_grpc.NotifyServiceServicer):
    """Answers nobody before it may."""

    def __init__(self) -> None:
        self.taken, self.free = threading.Semaphore(0), threading.Event()

    def GetPreferences(self, request: Any, context: Any) -> Preferences:
        self.taken.release()
        assert self.free.wait(60)
        return Preferences(person_id=request.person_id)

    def hold(self, stub: Any, calls: int, person: str = "ada") -> list[Any]:
        """Open a number of calls, one after the other."""
        held = []
        for _ in range(calls):
            held.append(stub.GetPreferences.future(own(person), timeout=60))
            assert self.taken.acquire(timeout=60)
        return held

    def _unused(self, request: Any, context: Any) -> Any:
        raise NotImplementedError

    SetPreferences = ListMessages = MarkRead = ListDeliveries = StreamMessages = _unused
    ReportBounce = ListSuppressions = RemoveSuppression = _unused
    CreateWebhook = ListWebhooks = ListWebhookDeliveries = _unused
    RotateWebhookSecret = ReplayWebhook = DeleteWebhook = _unused
    DigestCopies = _unused
    ExportPerson = GetErasure = _unused
    RegisterDevice = ConfirmDevice = ListDevices = RemoveDevice = _unused


@pytest.fixture
def holding() -> Holding:
    return Holding()


@pytest.fixture
def channel_for(
    holding: Holding, make_database: MakeDatabase, tmp_path: Path
) -> Iterator[ChannelFor]:
    """A server in which a person may have two open requests, and a system three."""
    database = make_database(NoStore)
    with serving(holding, database, tmp_path, person_requests=2, service_requests=3) as found:
        yield found


@contextmanager
def serving(
    holding: Holding, database: Database[Any], folder: Path, **settings: Any
) -> Iterator[ChannelFor]:
    issuer = Issuer()
    servicer = Servicer(
        holding,
        notify_pb2.DESCRIPTOR.services_by_name["NotifyService"],
    )
    chosen = settings_for(issuer.write_jwks(folder / "jwks"), **settings)
    server = Server(chosen, "tests", database, [servicer])
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as plain:
        yield lambda subject="", *roles: calling_with(
            plain, lambda: issuer.token(subject, roles) if subject else ""
        )
    server.drain(chosen.drain)


def exhausted(call: Any, of: str) -> None:
    """The call is refused with RESOURCE_EXHAUSTED, and counted."""
    before = figure("tandem_grpc_exhausted_total", service="tests", of=of)
    error = refusal(call)
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert detail(error, details.RetryInfo).retry_delay == RETRY_AFTER
    assert figure("tandem_grpc_exhausted_total", service="tests", of=of) == before + 1


def test_a_caller_has_a_share_of_the_places(holding: Holding, channel_for: ChannelFor) -> None:
    """One more of a person or a system is refused while others are taken; later it is taken."""
    ada, lms = stub_of(channel_for("ada")), stub_of(channel_for("lms", "service"))
    held = [*holding.hold(ada, 2), *holding.hold(lms, 3)]
    for stub in (ada, lms):
        exhausted(lambda stub=stub: stub.GetPreferences(own(), timeout=60), "caller")
    held += holding.hold(stub_of(channel_for("bob")), 1, "bob")
    holding.free.set()
    assert {call.result().person_id for call in held} == {"ada", "bob"}
    assert ada.GetPreferences(own(), timeout=60).person_id == "ada"


def test_a_full_server_says_so_and_stays_healthy(
    holding: Holding, make_database: MakeDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request too many is RESOURCE_EXHAUSTED at once; health answers, whatever waits."""
    monkeypatch.setattr(server, "MOST_REQUESTS", 2)
    with serving(holding, make_database(NoStore), tmp_path) as channel_for:
        stub = stub_of(channel_for("ada"))
        held = holding.hold(stub, 2)
        exhausted(lambda: stub.GetPreferences(own(), timeout=60), "places")
        health: Any = health_pb2_grpc.HealthStub(channel_for())
        answer = health.Check(health_pb2.HealthCheckRequest(), timeout=60)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        holding.free.set()
        assert all(call.result().person_id == "ada" for call in held)


def test_no_body_is_read_of_who_may_not_come_in(holding: Holding, channel_for: ChannelFor) -> None:
    """Without a token, or with too many open calls, the answer comes before the body is read."""
    silent = threading.Event()

    def answer(channel: grpc.Channel) -> grpc.StatusCode:
        # On the wire a unary call is a stream of one request.
        call: Any = channel.stream_unary(METHOD)
        code: grpc.StatusCode = refusal(lambda: call(iter(silent.wait, True), timeout=60)).code()
        return code

    assert answer(channel_for()) is grpc.StatusCode.UNAUTHENTICATED
    held = holding.hold(stub_of(channel_for("ada")), 2)
    assert answer(channel_for("ada")) is grpc.StatusCode.RESOURCE_EXHAUSTED
    silent.set()
    holding.free.set()
    assert all(call.result() for call in held)


def test_calls_that_are_cancelled_leave_their_places(
    holding: Holding, channel_for: ChannelFor
) -> None:
    """After calls are cancelled, started or not, other calls have room."""
    stub = stub_of(channel_for("ada"))
    holding.free.set()

    def give_up(_: int) -> None:
        stub.GetPreferences.future(own(), timeout=60).cancel()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(give_up, range(200)))
    pause = threading.Event()
    for _ in range(600):  # a cancelled call ends a moment later on the server
        try:
            assert [stub.GetPreferences(own(), timeout=60).person_id for _ in range(2)]
            return
        except grpc.RpcError:
            pause.wait(0.1)
    pytest.fail("there is no room any more")
