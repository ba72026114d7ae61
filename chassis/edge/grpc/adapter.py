"""The adapter of gRPC: the handlers that call the edge's pipeline."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import grpc
from google.protobuf.message import DecodeError, Message

from chassis.context import deadline
from chassis.context.principal import Principal, acting_as
from chassis.edge.admission import Slot
from chassis.edge.auth import Identity
from chassis.edge.exchange import Measures
from chassis.edge.grpc.call import Call
from chassis.edge.grpc.following import Followed, Followers
from chassis.edge.grpc.streams import LONGEST_OPERATION, Stream, Streams
from chassis.edge.grpc.threads import on_threads
from chassis.edge.methods import Method
from chassis.edge.pipeline import LONGEST_REQUEST, Pipeline
from chassis.edge.spans import Protocol

# Returned for a call that has already ended; nobody receives it.
NO_ANSWER = b""
Handler = Any  # grpc.RpcMethodHandler, generic in the stubs only


class RequestHandler:
    """A unary method. Each call needs a slot, which `Adapter.intercept_service` takes."""

    def __init__(self, answer: Callable[[Slot, Iterator[bytes], Any], bytes]) -> None:
        self.answer = answer


class Adapter(grpc.ServerInterceptor):
    """Makes the handlers that grpc calls.

    Handlers take and return bytes. Otherwise grpc would parse the request before authentication,
    in the only thread that reads from all connections.
    """

    def __init__(
        self, service: str, pipeline: Pipeline, streams: Streams, followers: Followers
    ) -> None:
        self._service, self._pipeline, self._streams = service, pipeline, streams
        self._followers = followers

    def handler(self, method: Method) -> Handler:
        """Return the handler of a method, by which of its sides are streams."""
        measures = Measures(Protocol.GRPC, self._service, method.full_name)
        if method.follows:
            return self.follow(method, measures)
        shape = method.client_streams, method.server_streams
        return _SHAPES[shape](self, method, measures)

    def intercept_service(self, continuation: Callable[[Any], Any], details: Any) -> Handler:
        """Take a slot for a call that has just arrived, before it gets a thread."""
        handler = continuation(details)
        if not isinstance(handler, RequestHandler):
            return handler
        slot = self._pipeline.slot(_authorization(details))
        executor = self._pipeline.executor
        threads = executor.refusing if slot.is_refused else executor
        behaviour = on_threads(threads, partial(handler.answer, slot))
        return grpc.stream_unary_rpc_method_handler(behaviour)

    def request(self, method: Method, measures: Measures) -> Handler:
        """Return the handler of a unary method.

        For grpc it is a stream of requests, which looks the same on the wire. For a unary method
        grpc would read the body before authentication and admission.
        """

        def answer(slot: Slot, raws: Iterator[bytes], context: Any) -> bytes:
            with slot, Call(measures, context) as call:
                identity = self._pipeline.authenticate(call.authorization, slot)
                with slot.room(context.cancel, _seconds_left(context)) as body:
                    with body.reading():
                        raw = _only(raws)
                    answered = self._pipeline.answer(
                        method,
                        identity.principal,
                        body,
                        raw,
                        method.request.FromString,
                        context.time_remaining,
                    )
                return _serialized(answered)
            return NO_ANSWER

        return RequestHandler(answer)

    def download(self, method: Method, measures: Measures) -> Handler:
        """Return the handler of a method with one request and a stream of answers."""

        def answers(raws: Iterator[bytes], context: Any) -> Iterator[bytes]:
            with Call(measures, context) as call:
                identity = self._authenticate(call)
                with (
                    self._streams.room(identity.principal.subject, context) as body,
                    body.reading(),
                ):
                    raw = _only(raws)
                with deadline.within(LONGEST_OPERATION):
                    request, admitted = self._admitted(method, identity.principal, raw)
                limited = identity._replace(principal=admitted)
                with self._opened(call, context, limited) as stream:
                    for message in method.behaviour(request, stream):
                        stream.check_token()
                        yield _serialized(message)

        return grpc.stream_stream_rpc_method_handler(on_threads(self._streams.threads, answers))

    def follow(self, method: Method, measures: Measures) -> Handler:
        """Return the handler of a method whose stream follows a feed: it has a thread only until
        the stream is open, and while something is sent.
        """

        def begin(
            raws: Iterator[bytes], context: Any, send: Callable[[bytes | None], None]
        ) -> None:
            with Call(measures, context) as call:
                principal, until = self._authenticate(call)
                self._followers.check(principal.subject)
                with self._streams.room(principal.subject, context) as body, body.reading():
                    raw = _only(raws)
                with deadline.within(LONGEST_OPERATION):
                    request, admitted = self._admitted(method, principal, raw)
                    self._pipeline.fail_fast()
                    with acting_as(admitted):
                        following = method.behaviour(request, None)
                call.open()
                with acting_as(admitted):
                    stream = Followed(call.stay(send), principal.subject, until, following)
                self._followers.add(stream)

        behaviour = on_threads(self._streams.threads, begin)
        behaviour.experimental_non_blocking = True  # grpc/_server.py, _stream_response_in_pool
        return grpc.stream_stream_rpc_method_handler(behaviour)

    def upload(self, method: Method, measures: Measures) -> Handler:
        """Return the handler of a method with a stream of requests and one answer."""

        def answer(raws: Iterator[bytes], context: Any) -> bytes:
            with Call(measures, context) as call:
                identity = self._authenticate(call)
                method.access.check_any(identity.principal)
                with self._opened(call, context, identity) as stream:
                    requests = self._all_admitted(method, identity.principal, stream, raws)
                    return _serialized(method.behaviour(requests, stream))
            return NO_ANSWER

        return grpc.stream_unary_rpc_method_handler(on_threads(self._streams.threads, answer))

    def talk(self, method: Method, measures: Measures) -> Handler:
        """Return the handler of a method with streams of requests and answers."""

        def answers(raws: Iterator[bytes], context: Any) -> Iterator[bytes]:
            with Call(measures, context) as call:
                identity = self._authenticate(call)
                method.access.check_any(identity.principal)
                with self._opened(call, context, identity) as stream:
                    requests = self._all_admitted(method, identity.principal, stream, raws)
                    for message in method.behaviour(requests, stream):
                        stream.check_token()
                        yield _serialized(message)

        return grpc.stream_stream_rpc_method_handler(on_threads(self._streams.threads, answers))

    def _authenticate(self, call: Call) -> Identity:
        return self._pipeline.authenticator.authenticate(call.authorization)

    def _admitted(
        self, method: Method, principal: Principal, raw: bytes
    ) -> tuple[Message, Principal]:
        """Return a request, and its caller with the runs to which the caller is limited in it."""
        request = method.request.FromString(raw)
        return request, method.admit(principal, request, self._pipeline.fail_fast)

    def _all_admitted(
        self, method: Method, principal: Principal, stream: Stream, raws: Iterator[bytes]
    ) -> Iterator[Message]:
        for raw in stream.incoming(raws):
            stream.check_token()
            yield self._admitted(method, principal, raw)[0]

    @contextmanager
    def _opened(
        self, call: Call, context: grpc.ServicerContext, identity: Identity
    ) -> Iterator[Stream]:
        """Open a stream for an authenticated caller. The number of open streams is limited."""
        self._pipeline.fail_fast()
        principal, until = identity
        with self._streams.one(context, principal.subject, until) as stream, acting_as(principal):
            call.open()
            yield stream


_SHAPES: dict[tuple[bool, bool], Callable[[Adapter, Method, Measures], Handler]] = {
    (False, False): Adapter.request,
    (False, True): Adapter.download,
    (True, False): Adapter.upload,
    (True, True): Adapter.talk,
}


def _seconds_left(context: Any) -> float:
    return float(min(context.time_remaining(), LONGEST_REQUEST))


def _authorization(details: Any) -> str:
    values = (value for name, value in details.invocation_metadata if name == "authorization")
    return next(values, "")


def _only(raws: Iterator[bytes]) -> bytes:
    """Return the one request of a call. Raises DecodeError if there is none."""
    for raw in raws:
        return raw
    raise DecodeError("a call without a request")


def _serialized(message: Message) -> bytes:
    return message.SerializeToString()
