"""`python -m bench [NAME]`: measure, tell, and write var/bench.json."""

import dataclasses
import json
import sys
from pathlib import Path

from bench import grpc_command, latency, memory, relay, rig, worker
from bench.figures import Benchmark, Figure
from campus.output import console, show_rows

BENCHMARKS: dict[str, Benchmark] = {
    "relay": relay.measure,
    "worker": worker.measure,
    "latency": latency.measure,
    "grpc": grpc_command.measure,
    "memory": memory.measure,
}
RESULT = Path("var/bench.json")


def main(only: list[str]) -> int:
    """Run all or the named ones; 0 when every goal is met."""
    unknown = [name for name in only if name not in BENCHMARKS]
    if unknown:
        console.print(f"no benchmark {unknown[0]!r}; there are {', '.join(BENCHMARKS)}")
        return 2
    figures: list[Figure] = []
    try:
        for name in only or BENCHMARKS:
            console.print(f"[dim]measuring {name}[/]")
            figures += BENCHMARKS[name]()
    finally:
        rig.close()
    RESULT.write_text(json.dumps([dataclasses.asdict(row) for row in figures], indent=2) + "\n")
    show_rows("Figures", figures, as_json=False)
    return 0 if all(figure.met for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
