"""The gRPC edge around services of the test's own, with a real server and a real database."""

import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2 as details
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_status import rpc_status
from prometheus_client import REGISTRY
from tandem.notify.v1 import notify_pb2, notify_pb2_grpc
from tandem.notify.v1.resources_pb2 import Message, Preferences
from tandem.progress.v1 import progress_pb2, progress_pb2_grpc
from tandem.progress.v1.resources_pb2 import Statement
from tandem.types.v1.types_pb2 import RowResult

from chassis.context import deadline, principal
from chassis.data.store import Database, Store
from chassis.edge.access import Relation
from chassis.edge.methods import Servicer
from chassis.errors import FailedPrecondition, FieldViolation, Invalid, NotFound, PermissionDenied
from chassis.operations import tracing
from chassis.testing import ChannelFor

Behaviour = Callable[..., Any]


class NoStore(Store):
    service = "edge"


class Notify(notify_pb2_grpc.NotifyServiceServicer):
    """Answers what the test says."""

    def __init__(self) -> None:
        self.preferences: Behaviour = lambda _: Preferences(person_id="ada")
        self.seen: list[Any] = []
        self.ended = threading.Event()

    def GetPreferences(self, request: Any, context: Any) -> Preferences:
        self.seen.append((principal.current(), tracing.current(), deadline.left()))
        answer: Preferences = self.preferences(request)
        return answer

    def StreamMessages(self, request: Any, context: Any) -> Iterator[Message]:
        try:
            yield Message(id="first")
            while context.is_active():
                threading.Event().wait(0.02)
        finally:
            self.ended.set()

    def _unused(self, request: Any, context: Any) -> Any:
        raise NotImplementedError

    SetPreferences = ListMessages = MarkRead = ListDeliveries = _unused
    ReportBounce = ListSuppressions = RemoveSuppression = _unused
    CreateWebhook = ListWebhooks = ListWebhookDeliveries = _unused
    RotateWebhookSecret = ReplayWebhook = DeleteWebhook = _unused
    DigestCopies = _unused
    ExportPerson = GetErasure = _unused
    RegisterDevice = ConfirmDevice = ListDevices = RemoveDevice = _unused


class Progress(progress_pb2_grpc.ProgressServiceServicer):
    """Answers each batch with as many rows as it had."""

    def RecordStatements(self, request: Any, context: Any) -> Any:
        rows = [RowResult(row=place) for place in range(len(request.statements))]
        return progress_pb2.RecordStatementsResponse(results=rows)

    def StreamStatements(self, requests: Any, context: Any) -> Iterator[Any]:
        for request in requests:
            yield self.RecordStatements(request, context)

    def _unused(self, request: Any, context: Any) -> Any:
        raise NotImplementedError

    GetProgress = ListRunProgress = ListCatchUps = ExtendCatchUp = WaiveCatchUp = GetTimeline = (
        _unused
    )
    CreateLrsCredential = ListLrsCredentials = RevokeLrsCredential = _unused
    LaunchActivity = WaiveActivity = _unused
    ExportRunProgress = DigestCopies = ExportPerson = GetErasure = _unused
    ListFallingBehind = RebuildRun = GetRebuild = SetStudyHours = GetWeekLoad = _unused


def _stranger(_person_id: str, _about: str, _run_id: Any) -> Relation:
    """Nobody is staff or learner of a run here."""
    return Relation()


def servicers(notify: Notify) -> list[Servicer]:
    return [
        Servicer(
            notify,
            notify_pb2.DESCRIPTOR.services_by_name["NotifyService"],
        ),
        Servicer(
            Progress(),
            progress_pb2.DESCRIPTOR.services_by_name["ProgressService"],
            _stranger,
        ),
    ]


def stub_of(channel: grpc.Channel) -> Any:
    return notify_pb2_grpc.NotifyServiceStub(channel)


def own(person: str = "ada") -> Any:
    return notify_pb2.GetPreferencesRequest(person_id=person)


def refusal(call: Callable[[], Any]) -> Any:
    """The error that a call ends with."""
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value


def detail(error: Any, kind: type[Any]) -> Any:
    """The detail of that kind in an error."""
    status: Any = rpc_status.from_call(error)
    found = kind()
    assert any(each.Unpack(found) for each in status.details)
    return found


def test_a_caller_without_a_token_is_unauthenticated(channel_for: ChannelFor) -> None:
    """A call without a token ends as UNAUTHENTICATED and says what is needed."""
    error = refusal(lambda: stub_of(channel_for()).GetPreferences(own()))
    assert error.code() is grpc.StatusCode.UNAUTHENTICATED
    assert "Bearer" in error.details()


def test_a_person_may_call_about_themselves(channel_for: ChannelFor, notify: Notify) -> None:
    """The token's subject passes where `own` names the field, and the service knows the caller."""
    answer = stub_of(channel_for("ada", "learner")).GetPreferences(own("ada"))
    assert answer.person_id == "ada"
    assert notify.seen[0][0] == principal.Principal("ada", frozenset({"learner"}))


def test_a_person_may_not_call_about_another(channel_for: ChannelFor, notify: Notify) -> None:
    """Calling about another person is PERMISSION_DENIED, and the service does not get the call."""
    error = refusal(lambda: stub_of(channel_for("ada", "learner")).GetPreferences(own("eve")))
    assert error.code() is grpc.StatusCode.PERMISSION_DENIED
    assert notify.seen == []


def test_a_role_may_call_about_anyone(channel_for: ChannelFor) -> None:
    """A role that the contract names passes whatever the request's person."""
    assert stub_of(channel_for("mail", "service")).GetPreferences(own("eve"))


def test_all_field_violations_come_back(channel_for: ChannelFor) -> None:
    """INVALID_ARGUMENT carries every field's fault as google.rpc.BadRequest."""
    request = notify_pb2.ListMessagesRequest(
        person_id="x" * 129, page_size=2000, page_token="t" * 501
    )
    error = refusal(lambda: stub_of(channel_for("mail", "service")).ListMessages(request))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    violations = detail(error, details.BadRequest).field_violations
    assert [violation.field for violation in violations] == ["person_id", "page_size", "page_token"]
    assert violations[1].description == "is 2000; at most 1000"


def test_a_request_of_noise_is_invalid(channel_for: ChannelFor) -> None:
    """Bytes that are no message end as INVALID_ARGUMENT, not as an internal error."""
    raw: Any = channel_for("mail", "service").unary_unary(
        "/tandem.notify.v1.NotifyService/GetPreferences"
    )
    error = refusal(lambda: raw(b"\xff\xff\xff"))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("refused", "code"),
    [
        (Invalid([FieldViolation("a", "is b", "c")]), grpc.StatusCode.INVALID_ARGUMENT),
        (NotFound("no person ada"), grpc.StatusCode.NOT_FOUND),
        (PermissionDenied("not yours"), grpc.StatusCode.PERMISSION_DENIED),
        (
            FailedPrecondition("not now", [FieldViolation("a", "b")]),
            grpc.StatusCode.FAILED_PRECONDITION,
        ),
    ],
)
def test_a_refusal_becomes_its_status(
    channel_for: ChannelFor, notify: Notify, refused: Exception, code: grpc.StatusCode
) -> None:
    """Each refusal of a use case ends as the status that the contracts name for it."""

    def refuse(_: Any) -> Any:
        raise refused

    notify.preferences = refuse
    error = refusal(lambda: stub_of(channel_for("ada")).GetPreferences(own()))
    assert error.code() is code


def test_an_unforeseen_error_tells_only_the_request_id(
    channel_for: ChannelFor, notify: Notify
) -> None:
    """INTERNAL carries the request id that the log has too, and nothing of what went wrong."""

    def fail(_: Any) -> Any:
        raise RuntimeError("the password is swordfish")

    notify.preferences = fail
    stub = stub_of(channel_for("ada"))
    error = refusal(lambda: stub.GetPreferences(own(), metadata=[("x-request-id", "r-1")]))
    assert error.code() is grpc.StatusCode.INTERNAL
    assert "r-1" in error.details()
    assert "swordfish" not in str(error) + str(rpc_status.from_call(error))
    assert detail(error, details.RequestInfo).request_id == "r-1"
    assert dict(error.trailing_metadata())["x-request-id"] == "r-1"


def test_thousands_of_violations_fit_in_a_plain_clients_trailer(
    channel_for: ChannelFor, notify: Notify
) -> None:
    """With any number of violations, a client with default limits gets the status."""

    def refuse(_: Any) -> Any:
        raise Invalid([FieldViolation(f"é[{n}]", "й" * 200, "ы" * 200) for n in range(5000)])

    notify.preferences = refuse
    stub = stub_of(channel_for("ada"))
    for _ in range(20):
        error = refusal(lambda: stub.GetPreferences(own()))
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "more faults" in detail(error, details.BadRequest).field_violations[-1].description


def test_the_request_id_is_answered(channel_for: ChannelFor) -> None:
    """A well-formed x-request-id comes back; an ill-formed one is replaced by one of ours."""
    stub = stub_of(channel_for("ada"))
    for given, kept in (("abc-1", True), ("x" * 65, False), ("a b", False)):
        _, call = stub.GetPreferences.with_call(own(), metadata=[("x-request-id", given)])
        answered = dict(call.trailing_metadata())["x-request-id"]
        assert (answered == given) is kept
        assert answered


def test_the_trace_goes_on(channel_for: ChannelFor, notify: Notify) -> None:
    """The service works in a span of the caller's trace."""
    parent = f"00-{'a' * 32}-{'b' * 16}-01"
    stub_of(channel_for("ada")).GetPreferences(own(), metadata=[("traceparent", parent)])
    assert tracing.trace_id(notify.seen[0][1]) == "a" * 32
    assert notify.seen[0][1] != parent


def test_a_call_is_counted_with_its_code(channel_for: ChannelFor) -> None:
    """tandem_grpc_requests_total counts each call by method and code."""
    method = "tandem.notify.v1.NotifyService.GetPreferences"
    labels = {"service": "tests", "method": method, "code": "PERMISSION_DENIED"}
    before = REGISTRY.get_sample_value("tandem_grpc_requests_total", labels) or 0
    refusal(lambda: stub_of(channel_for("ada")).GetPreferences(own("eve")))
    assert REGISTRY.get_sample_value("tandem_grpc_requests_total", labels) == before + 1


def test_the_database_obeys_the_callers_deadline(
    channel_for: ChannelFor, notify: Notify, database: Database[Any]
) -> None:
    """An operation of the database is given up when the caller's deadline passes."""
    begun, ended = threading.Event(), threading.Event()

    def slow(_: Any) -> Any:
        begun.set()
        try:
            database.mongo.command("find", "leases", filter={"$where": "sleep(60000) || true"})
        finally:
            ended.set()

    database.mongo["leases"].insert_one({"_id": "one"})
    stub = stub_of(channel_for("ada"))
    assert stub.GetPreferences(own(), timeout=60)  # else connecting takes of the deadline
    notify.preferences = slow
    for seconds in (1, 5, 25):  # a call that comes late on a busy machine is not begun at all
        error = refusal(partial(stub.GetPreferences, own(), timeout=seconds))
        assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        if begun.is_set():
            break
    assert ended.wait(60)


def test_batch_rows_are_left_to_the_service(channel_for: ChannelFor) -> None:
    """Faulty rows of a batch pass the edge, which checks the list itself only."""
    stub: Any = progress_pb2_grpc.ProgressServiceStub(channel_for("lrs", "service"))
    answer = stub.RecordStatements(
        progress_pb2.RecordStatementsRequest(statements=[Statement(), Statement()])
    )
    assert [row.row for row in answer.results] == [0, 1]
    error = refusal(lambda: stub.RecordStatements(progress_pb2.RecordStatementsRequest()))
    assert detail(error, details.BadRequest).field_violations[0].field == "statements"


def test_health_and_reflection_need_no_token(channel_for: ChannelFor) -> None:
    """Probes and tools can ask without a token: the server serves, and says which services."""
    channel = channel_for()
    health: Any = health_pb2_grpc.HealthStub(channel)
    for name in ("", "tandem.notify.v1.NotifyService"):
        answer = health.Check(health_pb2.HealthCheckRequest(service=name))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    reflection: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
    wanted = reflection_pb2.ServerReflectionRequest(list_services="")
    listed = next(reflection.ServerReflectionInfo(iter([wanted]))).list_services_response
    assert "tandem.progress.v1.ProgressService" in {service.name for service in listed.service}
