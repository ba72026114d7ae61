"""Queries of dashboards and rules match the platform's metrics, as the demo shows."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from campus.stack.prometheus import EVERY, Prometheus
from tests.contract.tools import need
from tests.dashboards import Asked, asked_by_panels, asked_by_rules, recorded
from tests.deep import only_deep
from tests.promql import Selector, grouping_labels, made_labels, selectors, unfolded
from tests.system.classes import Demo

# Prometheus has this series only while an alert fires; in the demo none does.
ONLY_WHILE_FIRING = "ALERTS"
pytestmark = pytest.mark.timeout(1800)  # the demo is played in one of them


@dataclass(frozen=True)
class Figures:
    """The values that a Prometheus read while the demo ran."""

    prometheus: Prometheus
    start: float
    end: float

    def series(self, selector: Selector) -> list[dict[str, str]]:
        """The labels of the series that a selector takes, where patterns take any value."""
        matchers = [
            f"{label}={value}" if operator == "=" else f'{label}!=""'
            for label, operator, value in selector.matchers
        ]
        match = f"{selector.metric}{{{','.join(matchers)}}}"
        span = {"start": self.start, "end": self.end}
        found: list[dict[str, str]] = self.prometheus.ask("series", **{"match[]": match}, **span)
        return found

    def has_values(self, query: str) -> bool:
        """Whether a query gave a number at any time."""
        span = {"start": self.start, "end": self.end, "step": EVERY}
        found = self.prometheus.ask("query_range", query=query, **span)["result"]
        return any(not math.isnan(float(value)) for row in found for _, value in row["values"])


@pytest.fixture(scope="module")
def figures(demo: Demo) -> Iterator[Figures]:
    """The demo's figures. Its platform is down by now; this reads what its Prometheus kept."""
    need("prometheus")
    prometheus = Prometheus(demo.folder / "demo")
    prometheus.start({}, None)
    yield Figures(prometheus, demo.began, demo.ended)
    prometheus.stop()


@pytest.fixture(scope="module")
def panels(demo: Demo) -> list[Asked]:
    """The dashboards' queries; series that are recorded over hours are computed here."""
    span = f"{math.ceil(demo.ended - demo.began)}s"
    asked = asked_by_panels(interval="30s", span=span)
    return [Asked(each.by, unfolded(each.query, recorded())) for each in asked]


@only_deep
def test_queries_name_what_the_platform_tells(figures: Figures, panels: list[Asked]) -> None:
    """Each metric with its labels, in rules and panels alike, has a series."""
    rules = [Asked(each.by, unfolded(each.query, recorded())) for each in asked_by_rules()]
    assert [fault for each in rules + panels for fault in _faults(figures, each)] == []


def _faults(figures: Figures, asked: Asked) -> Iterator[str]:
    labels = made_labels(asked.query)
    for selector in selectors(asked.query):
        if selector.metric == ONLY_WHILE_FIRING:
            continue
        series = figures.series(selector)
        labels.update(*series)
        if not series:
            yield f"{asked.by}: nothing is {selector}"
    for label in grouping_labels(asked.query) - labels:
        yield f"{asked.by}: no series has the label {label}"


@only_deep
def test_no_panel_is_empty(figures: Figures, panels: list[Asked]) -> None:
    """Each query of each panel gives numbers while the demo plays."""
    assert [each for each in panels if not figures.has_values(each.query)] == []
