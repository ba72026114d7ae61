"""One request, one trace: from its call through the relay to every service that gets the event."""

import secrets

from tandem.catalog.v1 import catalog_pb2
from tandem.types.v1 import types_pb2

from campus.platform import Platform
from campus.services import Services
from tests.collector import Collector, Seen
from tests.system.classes import MakeClass, until

HEARERS = {f"tandem-{name}" for name in ("library", "notify", "progress", "sessions")}


def test_a_request_is_one_trace_through_all_services(
    platform: Platform, staff: Services, make_class: MakeClass, collector: Collector
) -> None:
    """The caller's span is the parent of the call's, that of the sending's, that of each effect's.

    Each by the process that did it, with names by OpenTelemetry's conventions.
    """
    group = make_class(1)
    trace, caller = secrets.token_hex(16), secrets.token_hex(8)
    staff.catalog.Enrol(
        catalog_pb2.EnrolRequest(
            run_id=group.run,
            learner_id=group.learners[0],
            mode=types_pb2.ATTENDANCE_MODE_ONLINE,
        ),
        metadata=(("traceparent", f"00-{trace}-{caller}-01"),),
    )

    def of(kind: str) -> list[Seen]:
        return [span for span in collector.spans(trace) if span.kind == kind]

    def sent() -> dict[str, Seen]:
        calls = {span.id for span in of("SERVER")}
        return {span.id: span for span in of("PRODUCER") if span.parent_id in calls}

    def consumed() -> list[Seen]:
        return [span for span in of("CONSUMER") if span.parent_id in sent()]

    def applied() -> set[str]:
        found = [span for span in consumed() if span.attributes.get("tandem.verdict") == "applied"]
        return {span.service for span in found}

    def whole() -> bool:
        """Processes export in their own time, the effect maybe before its cause."""
        ids = {span.id for span in collector.spans(trace)} | {caller}
        parents = {span.parent_id for span in collector.spans(trace)}
        return applied() >= HEARERS and parents <= ids

    until("the trace's spans", whole)
    (call,) = of("SERVER")
    assert (call.service, call.role, call.parent_id) == ("tandem-catalog", "api", caller)
    assert call.name == "tandem.catalog.v1.CatalogService/Enrol"
    assert (call.attributes["rpc.grpc.status_code"], call.fault) == (0, "")
    assert {(span.service, span.role) for span in sent().values()} == {("tandem-catalog", "relay")}
    assert {span.service for span in consumed()} == HEARERS
    assert {span.role for span in consumed()} == {"worker"}
    for span in consumed():
        cause = sent()[span.parent_id].attributes
        assert span.attributes["messaging.message.id"] == cause["messaging.message.id"]
        # It waits where the person or the run has not arrived yet, and comes again.
        assert span.attributes["tandem.verdict"] in ("applied", "repeat", "wait")
    assert applied() == HEARERS
