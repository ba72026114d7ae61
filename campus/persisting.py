"""Calls that are repeated while a service is away, for callers whose calls can be repeated."""

import time
from collections.abc import Callable
from typing import Any

import grpc

from campus.upload import AWAY, growing_pauses

MAY_PASS = frozenset({*AWAY, grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.ABORTED})


class Persisting(grpc.UnaryUnaryClientInterceptor):
    """Repeats a unary call that failed for a reason that passes, for about a minute.

    The call must have the same effect if it was done before: it has a request id, or it names what
    it stores.
    """

    def intercept_unary_unary(
        self, continuation: Callable[..., Any], call: Any, request: Any
    ) -> Any:
        for pause in growing_pauses():
            answer = continuation(call, request)
            if answer.code() not in MAY_PASS:
                return answer
            time.sleep(pause)
        return continuation(call, request)
