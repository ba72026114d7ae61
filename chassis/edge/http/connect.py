"""Unary RPCs by the Connect protocol (connectrpc.com/docs/protocol, Unary-RPCs).

POST /<package>.<Service>/<Method> with a message as JSON or in protobuf's binary format. Messages
are not compressed, and the server refuses compressed requests.
"""

import base64
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from google.protobuf import json_format
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from chassis.edge.exchange import Exchange, Measures
from chassis.edge.http.body import Reading
from chassis.edge.http.problems import STATUSES, details_of, headers_of
from chassis.edge.http.threads import on_thread
from chassis.edge.methods import Contract, Method
from chassis.edge.pipeline import LARGEST_REQUEST, LONGEST_REQUEST, Pipeline
from chassis.edge.spans import Protocol, connect_code
from chassis.edge.statuses import (
    ROOM_IN_BODY,
    Malformed,
    TooLarge,
    Unimplemented,
    code_of,
)

VERSION = "1"
_OBJECT = re.compile(rb"[ \t\r\n]*\{")
_TIMEOUT = re.compile(r"\d{1,10}")
# Characters of protobuf's reason why a text is no message.
LONGEST_REASON = 200


class Codec(NamedTuple):
    """A format of messages."""

    media_type: str
    read: Callable[[type[Message], bytes], Message]
    write: Callable[[Message], bytes]


def _from_json(kind: type[Message], body: bytes) -> Message:
    """Return the message. Unknown fields are ignored, as in the binary format.

    Raises Malformed with the reason if the body is no such message.
    """
    if not _OBJECT.match(body):
        raise Malformed("the body is not a JSON object")
    try:
        return json_format.Parse(body, kind(), ignore_unknown_fields=True)
    except (json_format.ParseError, ValueError, TypeError, RecursionError) as error:
        raise Malformed(f"the body is no message: {str(error)[:LONGEST_REASON]}") from error


def _to_json(message: Message) -> bytes:
    return json_format.MessageToJson(message, indent=None).encode()


JSON = Codec("application/json", _from_json, _to_json)
BINARY = Codec(
    "application/proto",
    lambda kind, body: kind.FromString(body),
    lambda message: message.SerializeToString(),
)
CODECS = {codec.media_type: codec for codec in (JSON, BINARY)}


class Connect:
    """The unary methods of a service by Connect."""

    def __init__(self, service: str, pipeline: Pipeline, contracts: Sequence[Contract]) -> None:
        self._pipeline = pipeline
        self._methods = {
            (contract.full_name, method.name): (
                method,
                Measures(Protocol.CONNECT, service, method.full_name),
            )
            for contract in contracts
            for method in contract.methods
            if method.is_unary
        }

    async def answer(self, request: Request) -> Response:
        """Return the answer, or an error in Connect's format.

        Raises HTTPException for an unknown method (404), another verb than POST (405), or another
        content type (415).
        """
        method, measures = self._method_of(request)
        codec = _codec_of(request)
        exchange = Exchange(measures, request.headers)
        exchange.begin()
        try:
            body = await self._answer(method, codec, exchange.authorization, request)
        except ClientDisconnect:
            exchange.end("CANCELLED")
            return Response(status_code=STATUSES["CANCELLED"])
        except Exception as error:
            return self._error(exchange.refuse(error, ROOM_IN_BODY), exchange.request_id)
        else:
            exchange.end("OK")
            headers = {"x-request-id": exchange.request_id}
            return Response(body, 200, headers, media_type=codec.media_type)
        finally:
            exchange.leave()

    async def _answer(
        self, method: Method, codec: Codec, authorization: str, request: Request
    ) -> bytes:
        ends = time.monotonic() + _seconds(request.headers)
        _check_headers(request.headers)
        with self._pipeline.slot(authorization) as slot:
            identity = await on_thread(
                self._pipeline, lambda: self._pipeline.authenticate(authorization, slot)
            )
            reading = Reading(ends)
            with await reading.room(slot) as body:
                raw = await reading.read(request, body)
                return await on_thread(
                    self._pipeline,
                    lambda: codec.write(
                        self._pipeline.answer(
                            method,
                            identity.principal,
                            body,
                            raw,
                            partial(codec.read, method.request),
                            reading.seconds_left,
                        )
                    ),
                )

    def _method_of(self, request: Request) -> tuple[Method, Measures]:
        wanted = request.path_params["contract"], request.path_params["method"]
        found = self._methods.get(wanted)
        if found is None:
            raise HTTPException(404, f"there is no unary method {wanted[1]} of {wanted[0]} here")
        if request.method != "POST":
            raise HTTPException(405, "methods are called by POST", {"allow": "POST"})
        return found

    def _error(self, status: Status, request_id: str) -> Response:
        code = code_of(status)
        body = {
            "code": connect_code(code),
            "message": status.message,
            "details": [_detail(detail) for detail in details_of(status)],
        }
        challenge = self._pipeline.authenticator.challenge
        headers = {"x-request-id": request_id, **dict(headers_of(status, challenge))}
        return Response(json.dumps(body), STATUSES[code], headers, media_type=JSON.media_type)


def _codec_of(request: Request) -> Codec:
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    codec = CODECS.get(given)
    if codec is None:
        wanted = ", ".join(CODECS)
        raise HTTPException(415, f"the content type must be {wanted}", {"accept-post": wanted})
    return codec


def _check_headers(headers: Mapping[str, str]) -> None:
    """Raise Malformed, Unimplemented or TooLarge for wrong headers, before the body is read."""
    version = headers.get("connect-protocol-version", VERSION)
    if version != VERSION:
        raise Malformed(f"connect-protocol-version is {version[:40]!r}; wanted: {VERSION!r}")
    encoding = headers.get("content-encoding", "identity")
    if encoding.lower() != "identity":
        raise Unimplemented(f"content-encoding is {encoding[:40]!r}; wanted: 'identity', or none")
    length = headers.get("content-length", "0")
    if length.isascii() and length.isdigit() and int(length) > LARGEST_REQUEST:
        raise TooLarge(LARGEST_REQUEST)


def _seconds(headers: Mapping[str, str]) -> float:
    """Return the caller's timeout in seconds, LONGEST_REQUEST at most."""
    given = headers.get("connect-timeout-ms")
    if given is None:
        return LONGEST_REQUEST
    if not _TIMEOUT.fullmatch(given):
        raise Malformed(f"connect-timeout-ms is {given[:40]!r}; wanted: up to 10 digits")
    return min(int(given) / 1000, LONGEST_REQUEST)


def _detail(detail: Message) -> Mapping[str, Any]:
    """Return a detail in the binary format, and as readable JSON."""
    value = base64.b64encode(detail.SerializeToString()).decode().rstrip("=")
    debug = json_format.MessageToDict(detail)
    return {"type": detail.DESCRIPTOR.full_name, "value": value, "debug": debug}
