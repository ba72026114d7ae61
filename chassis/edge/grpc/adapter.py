"""What happens around every RPC before and after its service's code.

In this order: request id, trace context, metrics and log, authentication, access, validation,
deadline, the service's code, and refusals turned into statuses. What is known of a method before
its first call is worked out once, at the start.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import grpc
from google.protobuf.message import DecodeError, Message
from pymongo.errors import PyMongoError

from chassis.context import deadline
from chassis.context.caller import Caller, calling
from chassis.edge import validation
from chassis.edge.access import Access, access_of
from chassis.edge.admission import Place, Places
from chassis.edge.auth import Authenticator
from chassis.edge.exchange import Call, Measures
from chassis.edge.executor import BoundedExecutor, on_threads
from chassis.edge.grpc.streams import Stream, Streams
from chassis.edge.statuses import AWAY, DatabaseAway, DeadlinePassed
from chassis.refusals import check

# A caller who names no deadline gets this one, so that no request outlives everyone's interest.
LONGEST_REQUEST = 30.0
ROW_RESULT = "tandem.types.v1.RowResult"

# protobuf's type stubs know two unrelated classes for this
MethodDescriptor = Any
Handler = Any  # grpc.RpcMethodHandler, generic in the stubs only
Behaviour = Callable[[Any, Any], Any]


@dataclass(frozen=True, slots=True)
class Method:
    """What the edge knows of an RPC."""

    access: Access
    rows: frozenset[str]
    """Fields of the request whose messages are rows: the service answers for each of them."""
    parse: Callable[[bytes], Message]
    serialize: Callable[[Message], bytes]
    behaviour: Behaviour
    measures: Measures

    def admit(self, caller: Caller, raw: bytes) -> Message:
        """The request, once `caller` may make it and every field holds what it must.

        Raises DecodeError, Denied, or Invalid with every fault.
        """
        request = self.parse(raw)
        self.access.check(caller, request)
        check(validation.faults_of(request, skip=self.rows))
        return request


class RequestHandler:
    """One request, one answer: each call needs a place, which `Edge.intercept_service` takes."""

    def __init__(self, answer: Callable[[Place, Iterator[bytes], Any], bytes]) -> None:
        self.answer = answer


class Edge(grpc.ServerInterceptor):
    """Wraps the RPCs of a service."""

    def __init__(
        self,
        service: str,
        authenticator: Authenticator,
        places: Places,
        requests: BoundedExecutor,
        streams: Streams,
        database_answers: Callable[[], bool],
    ) -> None:
        self._service = service
        self._authenticator = authenticator
        self._places, self._requests, self._streams = places, requests, streams
        self._database_answers = database_answers

    def wrap(self, descriptor: MethodDescriptor, handler: Handler) -> Handler:
        """The handler that grpc is to call for a method. Raises UndeclaredAccess.

        It is given bytes and gives bytes: grpc would parse before we know who calls, in the one
        thread that reads from all connections.
        """
        method = Method(
            access=access_of(descriptor),
            rows=_rows_of(descriptor),
            parse=_given(handler.request_deserializer),
            serialize=_given(handler.response_serializer),
            behaviour=_behaviour_of(handler),
            measures=Measures(self._service, descriptor.full_name),
        )
        shape = (handler.request_streaming, handler.response_streaming)
        return _SHAPES[shape](self, method)

    def intercept_service(self, continuation: Callable[[Any], Any], details: Any) -> Handler:
        """A call has come, and nobody has a thread for it yet: find out whether there is room."""
        handler = continuation(details)
        if not isinstance(handler, RequestHandler):
            return handler
        place = self._places.take(self._authenticator.known(_authorization(details)))
        threads = self._requests.refusing if place.is_refused else self._requests
        behaviour = on_threads(threads, partial(handler.answer, place))
        return grpc.stream_unary_rpc_method_handler(behaviour)

    def request(self, method: Method) -> Handler:
        """One request, one answer.

        To grpc it is a stream of requests, which is the same on the wire: of a unary one grpc would
        read the body before we know who calls, and whether there is room.
        """

        def answer(place: Place, raws: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
            with place, Call(method.measures, context) as call:
                place.check()
                caller, _ = self._authenticator.caller_of(call.authorization)
                place.belongs_to(caller)
                request = method.admit(caller, _only(raws))
                self._fail_fast()
                with calling(caller), _limit(context):
                    return method.serialize(method.behaviour(request, context))
            raise AssertionError("unreachable: a refused call is aborted")

        return RequestHandler(answer)

    def download(self, method: Method) -> Handler:
        """One request, a stream of answers."""

        def answers(raws: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
            with Call(method.measures, context) as call:
                caller, until = self._authenticator.caller_of(call.authorization)
                request = method.admit(caller, _only(raws))
                with self._opened(call, context, caller, until) as stream, calling(caller):
                    for message in method.behaviour(request, stream):
                        stream.check_token()
                        yield method.serialize(message)

        return grpc.stream_stream_rpc_method_handler(on_threads(self._streams.threads, answers))

    def upload(self, method: Method) -> Handler:
        """A stream of requests, one answer."""

        def answer(raws: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
            with Call(method.measures, context) as call:
                caller, until = self._authenticator.caller_of(call.authorization)
                method.access.check_any(caller)
                with self._opened(call, context, caller, until) as stream, calling(caller):
                    requests = _admitted(method, caller, stream, raws)
                    return method.serialize(method.behaviour(requests, stream))
            raise AssertionError("unreachable: a refused call is aborted")

        return grpc.stream_unary_rpc_method_handler(on_threads(self._streams.threads, answer))

    def talk(self, method: Method) -> Handler:
        """A stream of requests, a stream of answers."""

        def answers(raws: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
            with Call(method.measures, context) as call:
                caller, until = self._authenticator.caller_of(call.authorization)
                method.access.check_any(caller)
                with self._opened(call, context, caller, until) as stream, calling(caller):
                    requests = _admitted(method, caller, stream, raws)
                    for message in method.behaviour(requests, stream):
                        stream.check_token()
                        yield method.serialize(message)

        return grpc.stream_stream_rpc_method_handler(on_threads(self._streams.threads, answers))

    @contextmanager
    def _opened(
        self, call: Call, context: grpc.ServicerContext, caller: Caller, until: float
    ) -> Iterator[Stream]:
        """A stream's place, once its caller is known and let in: there are few, and each counts."""
        self._fail_fast()
        with self._streams.one(context, caller.subject, until) as stream:
            call.open()
            yield stream

    def _fail_fast(self) -> None:
        """Raise DatabaseAway in an outage.

        Within a deadline the driver tries again and again, which bridges the seconds of an
        election; in a longer outage it would only hold all threads up to their deadlines.
        """
        if not self._database_answers():
            raise DatabaseAway(AWAY)


def _authorization(details: Any) -> str:
    values = (value for name, value in details.invocation_metadata if name == "authorization")
    return next(values, "")


def _only(raws: Iterator[bytes]) -> bytes:
    """The one request of a call. Raises DecodeError where there is none."""
    for raw in raws:
        return raw
    raise DecodeError("a call without a request")


_SHAPES: dict[tuple[bool, bool], Callable[[Edge, Method], Handler]] = {
    (False, False): Edge.request,
    (False, True): Edge.download,
    (True, False): Edge.upload,
    (True, True): Edge.talk,
}


def _admitted(
    method: Method, caller: Caller, stream: Stream, raws: Iterator[bytes]
) -> Iterator[Message]:
    for raw in stream.incoming(raws):
        stream.check_token()
        yield method.admit(caller, raw)


@contextmanager
def _limit(context: Any) -> Iterator[None]:
    """Work within the caller's deadline, down to the database's operations."""
    seconds = min(context.time_remaining(), LONGEST_REQUEST)
    if seconds <= 0:
        raise DeadlinePassed("the deadline passed before the call was begun")
    with deadline.within(seconds):
        try:
            yield
        except PyMongoError as error:
            if error.timeout and deadline.left() <= 0:
                raise DeadlinePassed("the deadline passed before the database answered") from error
            raise


def _rows_of(descriptor: MethodDescriptor) -> frozenset[str]:
    """The request's rows, where the answer tells of each one."""
    results = descriptor.output_type.fields_by_name.get("results")
    if results is None or results.message_type is None:
        return frozenset()
    if results.message_type.full_name != ROW_RESULT:
        return frozenset()
    fields = descriptor.input_type.fields
    return frozenset(field.name for field in fields if field.is_repeated and field.message_type)


def _behaviour_of(handler: Handler) -> Behaviour:
    for behaviour in (
        handler.unary_unary,
        handler.unary_stream,
        handler.stream_unary,
        handler.stream_stream,
    ):
        if behaviour is not None:
            return cast(Behaviour, behaviour)
    raise ValueError("a handler without behaviour")


def _given(function: Any) -> Callable[[Any], Any]:
    assert function is not None, "generated stubs always tell how to parse and to serialize"
    return function  # type: ignore[no-any-return]
