"""Commands in the channel: each is the request of a unary RPC, and goes through the same pipeline.

So a new command needs a field in `AttendRequest.what`, and nothing here.
"""

from collections.abc import Iterable
from typing import Any

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc import error_details_pb2 as details
from google.rpc.code_pb2 import Code
from google.rpc.status_pb2 import Status
from tandem.sessions.v1 import live_pb2

from chassis.edge.auth import Identity
from chassis.edge.bodies import Bodies, Body
from chassis.edge.exchange import Exchange, Measures
from chassis.edge.http.threads import on_thread
from chassis.edge.methods import Method
from chassis.edge.pipeline import LONGEST_REQUEST, Pipeline
from chassis.edge.spans import Protocol
from chassis.edge.statuses import ROOM_IN_BODY, Malformed, status_of
from services.sessions import metrics
from services.sessions.live.frames import Request, Response

SERVICE = "sessions"
# What the channel fills in, if the command leaves it out.
FILLED = ("request_id", "session_id")


class Commands:
    """The commands of members, by the name of their requests' message."""

    def __init__(self, pipeline: Pipeline, methods: Iterable[Method]) -> None:
        self._pipeline, self._bodies = pipeline, Bodies()
        self._methods = {
            method.request.DESCRIPTOR.full_name: (method, _measures(method))
            for method in methods
            if method.is_unary
        }

    async def answer(self, identity: Identity, session_id: str, frame: Request) -> Response:
        """Do a command of a member of a class, on a thread; return `done` or `refused`."""
        request = _filled(frame, session_id)
        found = self._methods.get(request.DESCRIPTOR.full_name)
        if found is None:
            return refused(frame.request_id, Malformed("this message is no command"))
        method, measures = found
        return await on_thread(
            self._pipeline,
            lambda: self._answer(identity, frame.request_id, request, method, measures),
        )

    def _answer(
        self,
        identity: Identity,
        request_id: str,
        request: Message,
        method: Method,
        measures: Measures,
    ) -> Response:
        exchange = Exchange(measures, {})
        exchange.begin()
        try:
            answer = self._answered(identity, request, method)
            exchange.end("OK")
            return _done(request_id, answer)
        except Exception as error:
            return _refused(request_id, exchange.refuse(error, ROOM_IN_BODY))
        finally:
            exchange.leave()

    def _answered(self, identity: Identity, request: Message, method: Method) -> Message:
        pipeline = self._pipeline
        with pipeline.admission.take(identity.principal) as slot:
            slot.check()
            # A small body that has come needs no room of its own.
            body = Body(self._bodies, identity.principal.subject, _nothing)
            answer: Message = pipeline.answer(
                method, identity.principal, body, b"", lambda _: request, _no_limit
            )
            return answer


def refused(request_id: str, error: Exception) -> Response:
    """Return the refusal of a message."""
    return _refused(request_id, status_of(error, request_id, ROOM_IN_BODY))


def _refused(request_id: str, status: Status) -> Response:
    code = Code.Name(status.code)
    metrics.LIVE_REFUSED.labels(code).inc()
    found = live_pb2.Refused(request_id=request_id, code=code, message=status.message)
    for detail in status.details:
        _add(found, detail)
    return Response(refused=found)


def _add(found: live_pb2.Refused, detail: AnyMessage) -> None:
    """Add a detail of a status to a refusal."""
    wrong, state = details.BadRequest(), details.PreconditionFailure()
    retry = details.RetryInfo()
    if detail.Unpack(wrong):
        for each in wrong.field_violations:
            found.faults.add(field=each.field, description=each.description)
    elif detail.Unpack(state):
        for fault in state.violations:
            found.faults.add(field=fault.subject, description=fault.description)
    elif detail.Unpack(retry):
        found.retry_after.CopyFrom(retry.retry_delay)


def _done(request_id: str, answer: Message) -> Response:
    packed = AnyMessage()
    packed.Pack(answer)
    return Response(done=live_pb2.Done(request_id=request_id, answer=packed))


def _filled(frame: Request, session_id: str) -> Any:
    """Return the request in a command, with the command's id and the class if it names none."""
    request = getattr(frame, str(frame.WhichOneof("what")))
    for name, value in zip(FILLED, (frame.request_id, session_id), strict=True):
        if name in request.DESCRIPTOR.fields_by_name and not getattr(request, name):
            setattr(request, name, value)
    return request


def _measures(method: Method) -> Measures:
    return Measures(Protocol.GRPC, SERVICE, method.full_name)


def _no_limit() -> float:
    return LONGEST_REQUEST


def _nothing() -> None:
    """Stop nothing: the body has come."""
