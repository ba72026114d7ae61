"""Callers of an api role, in a process of their own: what is measured is the server.

`python -m bench.callers PROTOCOL COMMAND TARGET TOKEN RUN CALLERS CALLS` prints calls a second.
"""

import http.client
import itertools
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any

import grpc
from google.protobuf import json_format
from google.protobuf.message import Message
from tandem.catalog.v1 import catalog_pb2, resources_pb2
from tandem.catalog.v1.catalog_pb2_grpc import CatalogServiceStub
from tandem.types.v1 import types_pb2

from bench import catalog

Send = Callable[[str, Message], object]
SERVICE = "tandem.catalog.v1.CatalogService"


def open_run(name: str, number: int) -> Message:
    """Open a run of the course."""
    return catalog_pb2.OpenRunRequest(
        request_id=f"{name}-{number}",
        course_id=catalog.COURSE,
        term=catalog.TERM,
        title="Course",
        delivery_mode=types_pb2.DELIVERY_MODE_BLENDED,
        zone=catalog.ZONE,
        start_date=catalog.START,
        end_date=catalog.END,
    )


def enrol(name: str, number: int) -> Message:
    """Enrol the next learner in the run."""
    return catalog_pb2.EnrolRequest(
        request_id=f"{name}-{number}",
        run_id=name,
        learner_id=catalog.learner(number),
        mode=types_pb2.ATTENDANCE_MODE_ONLINE,
    )


def get_run(name: str, _: int) -> Message:
    """Read the run."""
    return catalog_pb2.GetRunRequest(run_id=name)


COMMANDS = {"OpenRun": open_run, "Enrol": enrol, "GetRun": get_run}


@contextmanager
def by_grpc(target: str, token: str) -> Iterator[Send]:
    """A caller with a connection of its own."""
    metadata = [("authorization", f"Bearer {token}")]
    with grpc.insecure_channel(target, [("grpc.use_local_subchannel_pool", 1)]) as channel:
        stub: Any = CatalogServiceStub(channel)
        yield lambda name, request: getattr(stub, name)(request, metadata=metadata, timeout=60)


@contextmanager
def by_connect(target: str, token: str) -> Iterator[Send]:
    """The same by the Connect protocol, as JSON."""
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}

    def send(name: str, request: Message) -> object:
        body = json_format.MessageToJson(request, indent=None).encode()
        connection.request("POST", f"/{SERVICE}/{name}", body, headers)
        answer = connection.getresponse()
        found = json_format.Parse(answer.read(), ANSWERS[name]())
        assert answer.status == http.client.OK
        return found

    with closing(http.client.HTTPConnection(target, timeout=60)) as connection:
        yield send


ANSWERS = {
    "OpenRun": resources_pb2.Run,
    "GetRun": resources_pb2.Run,
    "Enrol": resources_pb2.Enrolment,
}
PROTOCOLS = {"grpc": by_grpc, "connect": by_connect}


def rate(
    protocol: str, command: str, target: str, token: str, name: str, callers: int, calls: int
) -> float:
    """How many calls a second, each caller one after the other. `name`: of the run."""
    numbers = itertools.count()

    def caller(_: int) -> None:
        with PROTOCOLS[protocol](target, token) as send:
            while (number := next(numbers)) < calls:
                send(command, COMMANDS[command](name, number))

    began = time.perf_counter()
    with ThreadPoolExecutor(callers) as pool:
        list(pool.map(caller, range(callers)))
    return calls / (time.perf_counter() - began)


if __name__ == "__main__":
    by, named, at, bearer, run, *counts = sys.argv[1:]
    print(rate(by, named, at, bearer, run, *map(int, counts)))
