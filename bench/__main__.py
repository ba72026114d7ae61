"""`python -m bench [NAME]`: measure, tell, and write var/bench.json."""

import dataclasses
import json
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path

from bench import (
    class_end,
    class_page,
    closure,
    connect,
    falling_behind,
    falling_behind_tuning,
    grpc_command,
    ingest,
    latency,
    live,
    mail,
    memory,
    oulad,
    planning,
    polls,
    relay,
    rig,
    roster,
    sealing,
    search,
    statements,
    tracing,
    worker,
)
from bench.figures import Benchmark, Figure
from campus.output import console, show_rows

BENCHMARKS: dict[str, Benchmark] = {
    "relay": relay.measure,
    "worker": worker.measure,
    "statements": statements.measure,
    "class_end": class_end.measure,
    "planning": planning.measure,
    "polls": polls.measure,
    "latency": latency.measure,
    "grpc": grpc_command.measure,
    "connect": connect.measure,
    "tracing": tracing.measure,
    "memory": memory.measure,
    "mail": mail.measure,
    "roster": roster.measure,
}
# These take minutes, so they run by name only.
BY_NAME: dict[str, Benchmark] = {
    "relay_backlog": relay.measure_backlog,
    "relay_long": relay.measure_long,
    "search": search.measure,
    "live": live.measure,
    "class_page": class_page.measure,
    "closure": closure.measure,
    "sealing": sealing.measure,
    "falling_behind": falling_behind.measure,
    "falling_behind_tuning": falling_behind_tuning.measure,
    "oulad": oulad.measure,
    "ingest": ingest.measure,
    "ingest_growth": ingest.measure_growth,
}
RESULT = Path("var/bench.json")


def main(only: list[str]) -> int:
    """Run all or the named ones; 0 when each came to its end and met its goals."""
    known = {**BENCHMARKS, **BY_NAME}
    unknown = [name for name in only if name not in known]
    if unknown:
        console.print(f"no benchmark {unknown[0]!r}; there are {', '.join(known)}")
        return 2
    figures: list[Figure] = []
    broken: list[str] = []
    try:
        for name in only or BENCHMARKS:
            console.print(f"[dim]measuring {name}[/]")
            try:
                for figure in known[name]():
                    figures.append(figure)
                    console.print(f"[dim]{figure}[/]")
            except Exception:
                traceback.print_exc()
                broken.append(name)
    finally:
        rig.close()
    write(RESULT, figures, keep=bool(only))
    show_rows("Figures", figures, as_json=False)
    if broken:
        console.print(f"[red]broke off:[/] {', '.join(broken)}")
    return 0 if not broken and all(figure.met for figure in figures) else 1


def write(path: Path, figures: Iterable[Figure], keep: bool) -> None:
    """The figures as a list; to `keep` is to leave those of other names that are there already."""
    before = json.loads(path.read_text()) if keep and path.exists() else []
    rows = {row["name"]: row for row in [*before, *map(dataclasses.asdict, figures)]}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(list(rows.values()), indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
