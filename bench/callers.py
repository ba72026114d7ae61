"""Callers of a gRPC server, in a process of their own: what is measured is the server.

`python -m bench.callers COMMAND TARGET TOKEN RUN CALLERS CALLS` prints calls a second.
"""

import itertools
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from tandem.catalog.v1 import catalog_pb2
from tandem.catalog.v1.catalog_pb2_grpc import CatalogServiceStub
from tandem.types.v1 import types_pb2

from bench import catalog


def open_run(stub: CatalogServiceStub, name: str, number: int) -> tuple[Callable[..., Any], Any]:
    """Open a run of the course."""
    request = catalog_pb2.OpenRunRequest(
        request_id=f"{name}-{number}",
        course_id=catalog.COURSE,
        term=catalog.TERM,
        title="Course",
        delivery_mode=types_pb2.DELIVERY_MODE_BLENDED,
        zone=catalog.ZONE,
        start_date=catalog.START,
        end_date=catalog.END,
    )
    return stub.OpenRun, request


def enrol(stub: CatalogServiceStub, name: str, number: int) -> tuple[Callable[..., Any], Any]:
    """Enrol the next learner in the run."""
    request = catalog_pb2.EnrolRequest(
        request_id=f"{name}-{number}",
        run_id=name,
        learner_id=catalog.learner(number),
        mode=types_pb2.ATTENDANCE_MODE_ONLINE,
    )
    return stub.Enrol, request


COMMANDS = {"open_run": open_run, "enrol": enrol}


def rate(command: str, target: str, token: str, name: str, callers: int, calls: int) -> float:
    """How many calls a second, each caller one after the other. `name`: of the run."""
    metadata = [("authorization", f"Bearer {token}")]
    numbers = itertools.count()

    def caller(_: int) -> None:
        with grpc.insecure_channel(target, [("grpc.use_local_subchannel_pool", 1)]) as channel:
            stub = CatalogServiceStub(channel)
            while (number := next(numbers)) < calls:
                call, request = COMMANDS[command](stub, name, number)
                call(request, metadata=metadata, timeout=60)

    began = time.perf_counter()
    with ThreadPoolExecutor(callers) as pool:
        list(pool.map(caller, range(callers)))
    return calls / (time.perf_counter() - began)


if __name__ == "__main__":
    named, at, bearer, run, *counts = sys.argv[1:]
    print(rate(named, at, bearer, run, *map(int, counts)))
