"""The LRS takes statements in, beside Ralph on the same MongoDB: singles, and batches."""

import gzip
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import grpc
from tandem.progress.v1 import progress_pb2
from tandem.progress.v1.progress_pb2_grpc import ProgressServiceStub

from bench import ralph_peer, rig
from bench.bare_inserts import bare_inserts
from bench.figures import Figure, beside, told
from bench.grpc_command import database_of, serving
from bench.xapi_callers import Load, Lrs, tell
from campus.identity import IdentityProvider
from campus.stack.process import python_command
from chassis.data.store import connect
from chassis.edge.grpc.client import calling_with

MODULE = "services.progress"
DATA = Path(__file__).parents[2] / "shared" / "data" / "xapi" / "fun-mooc-statements.json.gz"
# Statements in a request, statements of one round, and callers: those of single statements are
# players, of which many are open at once; those of batches are systems.
SHAPES = ((1, 2_000, 8), (1, 4_000, 32), (100, 22_000, 8), (500, 22_000, 8))
ROUNDS = 5
LEAST = 3.0
# The growth: after each of these counts stored, the rate of three more rounds of batches.
GROWTH = (20_000, 250_000, 1_000_000, 3_000_000, 10_000_000)
MOST = int(os.environ.get("BENCH_STATEMENTS", "1000000"))
GROWING, GROWING_ROUNDS = 20_000, 3


def measure() -> Iterator[Figure]:
    """Real statements of a MOOC's videos, each with a new id; both servers are one process.

    Ours stores them with an event in the outbox, in one transaction; Ralph inserts them.
    """
    if not DATA.exists():
        raise FileNotFoundError(f"{DATA.name} is not beside the project; nothing was measured")
    source = _source()
    with ExitStack() as servers:
        ours = servers.enter_context(_ours())
        ralph = servers.enter_context(ralph_peer.serving("bench_ralph"))
        for batch, count, callers in SHAPES:
            what = "single statements" if batch == 1 else f"batches of {batch}"
            yield beside(
                f"ingest, {what}, {callers} callers",
                "statements/s",
                LEAST,
                ROUNDS,
                partial(rate, ours, source, count, batch, callers),
                partial(rate, ralph, source, count, batch, callers),
            )


def measure_growth() -> Iterator[Figure]:
    """The rate of batches of 500 while ever more is stored, beside a bare loop."""
    source = _source()
    with _ours() as lrs, connect(rig.environment()["TANDEM_MONGO_URL"], "bench") as client:
        mongo = client[database_of(MODULE)]
        for goal in (each for each in GROWTH if each <= MOST):
            while (stored := mongo["statements"].estimated_document_count()) < goal:
                rate(lrs, source, min(100_000, goal - stored), 500)
                mongo["outbox"].delete_many({})
            yield beside(
                f"ingest, {goal:,} stored",
                "statements/s",
                None,
                GROWING_ROUNDS,
                partial(rate, lrs, source, GROWING, 500),
                partial(bare_inserts, client, database_of(MODULE), "statements"),
            )
        size = mongo.command("collStats", "statements")
        bytes_each = (size["storageSize"] + size["totalIndexSize"]) / size["count"]
        yield told("ingest, on disk", bytes_each, "bytes/statement")


def rate(lrs: Lrs, source: Path, count: int, batch: int, callers: int = 8) -> float:
    """How many statements a second an LRS stores."""
    file = rig.FOLDER / "load.json"
    tell(Load(lrs, str(source), count, batch, callers), file)
    done = subprocess.run(
        python_command("bench.xapi_callers", str(file)), capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def _source() -> Path:
    rig.environment()
    file = rig.FOLDER / "statements.jsonl"
    file.write_bytes(gzip.decompress(DATA.read_bytes()))
    return file


@contextmanager
def _ours() -> Iterator[Lrs]:
    """Progress' api as an LRS, on an empty database, with a credential that may do everything."""
    with connect(rig.environment()["TANDEM_MONGO_URL"], "bench") as client:
        client.drop_database(database_of(MODULE))
    rig.run(MODULE, "migrate", settings={"TANDEM_MONGO_DATABASE": database_of(MODULE)})
    url = {"TANDEM_XAPI_URL": "https://lrs.example.edu/xapi"}
    with serving(MODULE, "api", settings=url) as at, grpc.insecure_channel(at.grpc) as channel:
        token = IdentityProvider(rig.FOLDER).mint("registrar", ["registrar"])
        service = ProgressServiceStub(calling_with(channel, lambda: token))
        made = service.CreateLrsCredential(
            progress_pb2.CreateLrsCredentialRequest(name="bench", scopes=["all"])
        )
        yield Lrs(f"http://{at.http}/xapi/statements", made.credential.id, made.secret)
