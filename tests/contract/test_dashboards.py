"""deploy/monitoring's dashboards, without a Grafana: current, whole, and about our own metrics."""

import importlib
import itertools
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from prometheus_client import REGISTRY

from campus.architecture import services
from tests.contract.tools import need
from tests.dashboards import (
    BOARDS,
    MONITORING,
    asked_by_panels,
    asked_by_rules,
    panels,
    recorded,
)
from tests.promql import selectors

ROOT = Path(__file__).resolve().parents[2]
QUERIES = list(asked_by_panels("1m", "1h"))
SCHEMA = Draft202012Validator(
    yaml.load((MONITORING / "dashboard.schema.yaml").read_text(), yaml.CSafeLoader)
)
# What others expose: Prometheus itself, RabbitMQ.
OTHERS = {
    "ALERTS",
    "rabbitmq_alarms_free_disk_space_watermark",
    "rabbitmq_alarms_memory_used_watermark",
    "rabbitmq_detailed_queue_messages_ready",
    "up",
}
# By the type of a metric, what is behind its name.
ENDINGS = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}
board = pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)


def _exposed() -> Iterator[str]:
    """The names of all series that a role of Tandem may report."""
    for module in (
        "chassis.operations.metrics",
        *(f"services.{path.parent.name}.metrics" for path in ROOT.glob("services/*/metrics.py")),
    ):
        importlib.import_module(module)
    for family in REGISTRY.collect():
        yield from (family.name + ending for ending in ENDINGS.get(family.type, ("",)))


def test_the_generated_files_are_current(tmp_path: Path) -> None:
    """The files are what `make dashboards` would write."""
    subprocess.run([sys.executable, ROOT / "scripts" / "dashboards.py", tmp_path], check=True)
    written = {path.name: path.read_text() for path in tmp_path.iterdir()}
    there = (MONITORING / "dashboards").iterdir()
    assert written == {path.name: path.read_text() for path in there}


def test_there_is_a_board_for_each_service() -> None:
    """And one for the platform, and one for the bridge."""
    boards = {"platform", "bridge", *services()}
    assert set(BOARDS) == {f"tandem-{each}.json" for each in boards}
    assert all(f"{board['uid']}.json" == name for name, board in BOARDS.items())


def test_a_cluster_gets_every_board() -> None:
    """Each as a ConfigMap with the label by which Grafana's sidecar finds it."""
    built = subprocess.run(
        [need("kubectl"), "kustomize", MONITORING], capture_output=True, text=True, check=True
    )
    objects = list(yaml.load_all(built.stdout, yaml.CSafeLoader))
    maps = [each for each in objects if each["kind"] == "ConfigMap"]
    assert {name for each in maps for name in each["data"]} == set(BOARDS)
    assert all(each["metadata"]["labels"]["grafana_dashboard"] == "1" for each in maps)


def test_streams_are_left_out_where_calls_are_timed() -> None:
    """A pattern that is to leave streams out fits each of them, and no other call."""
    methods = {
        f"{service.contract}.{name}": name in service.streams
        for service in services().values()
        for name in service.methods
    }
    asked = (*QUERIES, *asked_by_rules())
    patterns = {
        value
        for each in asked
        for selector in selectors(each.query)
        for label, operator, value in selector.matchers
        if (label, operator) == ("method", "!~")
    }
    assert patterns
    for pattern in patterns:
        fits = re.compile(pattern.strip('"'))
        assert {name: bool(fits.fullmatch(name)) for name in methods} == methods


@board
def test_grafana_can_read_it(board: dict[str, Any]) -> None:
    """It is what Grafana's schema says, and nothing that it doesn't know."""
    faults = [f"{fault.json_path}: {fault.message}" for fault in SCHEMA.iter_errors(board)]
    assert faults == []


@board
def test_each_panel_says_what_it_shows(board: dict[str, Any]) -> None:
    """Title, description and unit are there; the source of data is the reader's choice."""
    for panel in panels(board):
        assert panel["title"], panel
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
        assert {source["uid"] for source in sources} == {"${datasource}"}
    assert "datasource" in {each["name"] for each in board["templating"]["list"]}


@board
def test_panels_have_places_of_their_own(board: dict[str, Any]) -> None:
    """No panel covers another or crosses the edge, and each has its own number."""
    places = [panel["gridPos"] for panel in board["panels"]]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    assert not [pair for pair in itertools.combinations(places, 2) if _overlap(*pair)]
    assert len({panel["id"] for panel in board["panels"]}) == len(places)


def _overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    return all(
        one[start] < other[start] + other[size] and other[start] < one[start] + one[size]
        for start, size in (("x", "w"), ("y", "h"))
    )


@board
def test_links_lead_to_runbooks(board: dict[str, Any]) -> None:
    """A panel that an alert watches links the alert's page."""
    for link in (link for panel in panels(board) for link in panel["links"]):
        page = link["url"].removeprefix("${runbooks}/")
        assert (ROOT / "docs" / "runbooks" / page).exists(), link


def test_every_query_is_sound(tmp_path: Path) -> None:
    """Prometheus can read them all."""
    rules = [{"record": f"q{number}", "expr": each.query} for number, each in enumerate(QUERIES)]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    command = [need("promtool"), "check", "rules", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_query_names_metrics_that_there_are() -> None:
    """Ours by our own registry, recorded ones by the rules, others' by name."""
    known = OTHERS | set(_exposed()) | set(recorded())
    named = {(s.metric, each.by) for each in QUERIES for s in selectors(each.query)}
    assert {(metric, by) for metric, by in named if metric not in known} == set()
    assert len(named) > 100
