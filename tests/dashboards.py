"""What deploy/monitoring asks Prometheus: the dashboards' panels and the rules."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

MONITORING = Path(__file__).resolve().parents[1] / "deploy" / "monitoring"
# Metrics of other exporters, which the demo does not run.
OTHERS = "cluster.yml"
BOARDS: dict[str, Any] = {
    path.name: json.loads(path.read_text())
    for path in sorted((MONITORING / "dashboards").glob("*.json"))
}


@dataclass(frozen=True)
class Asked:
    """A query, and who asks it."""

    by: str
    query: str


def panels(board: dict[str, Any]) -> list[dict[str, Any]]:
    """A board's panels, without the headings."""
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def asked_by_panels(interval: str, span: str) -> Iterator[Asked]:
    """Every panel's queries, with Grafana's variables filled in."""
    for board in BOARDS.values():
        for panel in panels(board):
            for target in panel["targets"]:
                query = target["expr"].replace("$__rate_interval", interval)
                who = f"{board['title']}: {panel['title']} {target['refId']}"
                yield Asked(who, query.replace("$__range", span))


def asked_by_rules() -> list[Asked]:
    """Every rule's query."""
    return [Asked(str(rule.get("alert") or rule["record"]), rule["expr"]) for rule in _rules()]


def recorded() -> dict[str, str]:
    """The queries of the recorded series, by their names."""
    return {rule["record"]: rule["expr"] for rule in _rules() if "record" in rule}


def _rules() -> Iterator[dict[str, Any]]:
    for path in sorted({*(MONITORING / "rules").glob("*.yml")} - {MONITORING / "rules" / OTHERS}):
        for group in yaml.load(path.read_text(), yaml.CSafeLoader)["groups"]:
            yield from group["rules"]
