"""The role `auditor`: compares all copies with their originals again and again, and reports what
differs as metrics. It asks the services by gRPC, and has neither database nor broker.

Two auditors at once do the same twice, and no harm; so it needs no lease.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import grpc
import structlog
from tandem.catalog.v1.catalog_pb2_grpc import CatalogServiceStub
from tandem.library.v1.library_pb2_grpc import LibraryServiceStub
from tandem.notify.v1.notify_pb2_grpc import NotifyServiceStub
from tandem.progress.v1.progress_pb2_grpc import ProgressServiceStub
from tandem.sessions.v1.sessions_pb2_grpc import SessionsServiceStub

from chassis.edge.grpc import client
from chassis.operations import ops
from chassis.resync.comparing import Copy, Drift, compare
from services.catalog import metrics
from services.catalog.copied import COPIES
from services.catalog.settings import Settings

STUBS: Mapping[str, Callable[[grpc.Channel], Any]] = {
    "catalog": CatalogServiceStub,
    "library": LibraryServiceStub,
    "notify": NotifyServiceStub,
    "progress": ProgressServiceStub,
    "sessions": SessionsServiceStub,
}
SECOND_LOOK = 60.0
"""Seconds until what differs is looked at again: events may be on their way."""
RETRY = 60.0
"""Seconds until all is compared again after a service did not answer."""
SHOWN = 20
"""Keys that one line of the log names; `tandem events drift` names all."""

log = structlog.get_logger()


def serve(settings: Settings) -> None:
    """Compare all copies every `audit_every`, until the process is ended: it holds nothing that
    would have to be finished.
    """
    with ExitStack() as stack:
        stubs = {
            name: stub(stack.enter_context(client.channel(target, settings)))
            for name, stub in STUBS.items()
            for target in [getattr(settings, f"{name}_target")]
        }
        # Always ready: others need not wait for it, and the alert tells if it can't compare.
        watched = ops.serve(settings.ops_address, lambda: {"auditor": True})
        seconds = settings.audit_every.total_seconds()
        log.info("comparing copies", ops_port=watched.port, seconds=seconds)
        while True:
            is_whole = compare_all(COPIES, stubs, min(SECOND_LOOK, seconds))
            time.sleep(seconds if is_whole else min(RETRY, seconds))


def compare_all(copies: Sequence[Copy], stubs: Mapping[str, Any], wait: float) -> bool:
    """Compare copies with their originals, and report what differs; return whether all could be
    compared. A service that does not answer stops no other comparison; what was reported of its
    copies stays. `stubs`: of the services, by name.
    """
    is_whole = True
    for copy in copies:
        try:
            report(copy, compare(copy, stubs[copy.owner], stubs[copy.keeper], wait))
        except grpc.RpcError as error:
            is_whole = False
            log.warning(
                "copies can't be compared",
                owner=copy.owner,
                keeper=copy.keeper,
                kind=copy.kind,
                why=f"{error.code().name}: {error.details()}",
            )
    return is_whole


def report(copy: Copy, drift: Drift) -> None:
    """Set the metrics of one kind of copies; the log names keys that differ."""
    labels = (copy.owner, copy.keeper, copy.kind)
    found = {
        "missing": drift.missing,
        "surplus": drift.surplus,
        "different": drift.different,
    }
    for how, keys in found.items():
        metrics.DRIFT.labels(*labels, how).set(len(keys))
        if keys:
            log.warning(
                "copies differ from their originals",
                owner=copy.owner,
                keeper=copy.keeper,
                kind=copy.kind,
                how=how,
                count=len(keys),
                keys=list(keys[:SHOWN]),
                repaired_by=drift.repaired_by,
            )
    metrics.COMPARED.labels(*labels).set(drift.compared)
    metrics.COMPARED_AT.labels(*labels).set_to_current_time()
