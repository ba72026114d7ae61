"""Reports the result of the demo: a summary for people, var/demo-report.json for programs."""

import json
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from campus.demo.check import Check
from campus.demo.world import World

_ACTUAL_WIDTH = 60


def write(path: Path, checks: list[Check]) -> None:
    """Write the checks as `{"checks": [{"name", "expected", "actual", "ok"}, ...]}`."""
    rows = [
        {"name": row.name, "expected": row.expected, "actual": row.actual, "ok": row.ok}
        for row in checks
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"checks": rows}, indent=2, default=_plain) + "\n")


def show(console: Console, world: World, checks: list[Check], events: Counter[str]) -> None:
    """Print a summary of the day, and the checks."""
    console.print()
    console.print(Panel(_summary(world, events), title="[bold]The day in short[/]", expand=False))
    console.print(_table(checks))
    good = sum(row.ok for row in checks)
    colour = "green" if good == len(checks) else "red"
    console.print(f"[bold {colour}]{good} of {len(checks)} checks passed[/]")


def _summary(world: World, events: Counter[str]) -> str:
    size = {name: len(people) for name, people in world.groups.items()}
    return (
        f"{size['present']} learners attended the class, {size['partial']} a part of it, "
        f"{size['absent']} missed it, one was excused.\n"
        f"All {size['absent']} got the recording as a catch-up, the {size['partial']} the part "
        f"that they missed. {size['full'] + size['partial'] + size['offline']} completed it in "
        "time, one of them without a network;\n"
        f"{size['half'] + size['none']} did not, and got a message. One class was cancelled. One "
        "freed seat and one freed place\nwent to the waiting lists. "
        f"{len(world.questions)} questions were asked; all were answered but one, which is on the "
        "next\nlecture's agenda.\n"
        "One learner fell behind, was invited to a help session, and has recovered.\n"
        f"[dim]The history has {sum(events.values())} events of {len(events)} types; "
        f"{events['tandem.notify.message.delivered.v1']} messages were delivered.[/]"
    )


def _table(checks: list[Check]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column()
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for row in checks:
        mark = "[green]ok[/]" if row.ok else "[red]failed[/]"
        difference = (
            "" if row.ok else f"expected {_short(row.expected)}, found {_short(row.actual)}"
        )
        table.add_row(mark, escape(row.name), escape(difference))
    return table


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= _ACTUAL_WIDTH else text[: _ACTUAL_WIDTH - 3] + "..."


def _plain(value: object) -> object:
    return sorted(value, key=str) if isinstance(value, set | frozenset) else str(value)
