"""What exporting traces costs: a gRPC command with every call's span exported, and with none."""

from collections.abc import Iterator
from functools import partial

from bench import catalog, rig
from bench.figures import Figure, beside
from bench.grpc_command import CALLS, FEW, ROUNDS, database_of, rate, serving
from campus.stack.ports import HOST, Ports


def measure() -> Iterator[Figure]:
    """The same api with an exporter, to a sink that throws all away, and without."""
    port = Ports(rig.FOLDER / "otlp_sink.json").claim("http")["http"]
    exporting = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{HOST}:{port}"}
    catalog.prepare(database_of("services.catalog"), CALLS)
    with (
        rig.running("bench.otlp_sink", str(port)),
        serving("services.catalog", "api", settings=exporting) as traced,
        serving("services.catalog", "api") as plain,
    ):
        yield beside(
            "grpc command, traced",
            "calls/s",
            None,
            ROUNDS,
            partial(rate, traced.grpc, "services.catalog", "OpenRun", FEW),
            partial(rate, plain.grpc, "services.catalog", "OpenRun", FEW),
        )
