"""Grafana's dashboards as plain values, and as the JSON that Grafana reads.

Grafana's own generator, grafana-foundation-sdk, knows every option of every panel; the boards of
Tandem need three kinds of panels and a dozen options, which are plainer to read here than through
its builders, and are one dependency less.

https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

# Grafana 11 and later read it: each version migrates what is older, none what is newer.
SCHEMA_VERSION = 39
COLUMNS = 24
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
TAG = "tandem"


@dataclass(frozen=True)
class Query:
    """A query of a panel, and the legend of the series that it returns."""

    expr: str
    legend: str = ""


@dataclass(frozen=True)
class Panel:
    """Series over time."""

    title: str
    says: str
    """A description for readers who see the panel for the first time: meaning, normal value."""
    unit: str
    """One of Grafana's names: short, s, reqps, percentunit, bytes, ..."""
    queries: tuple[Query, ...]
    alert: str = ""
    """The alert on the same value; the panel links its runbook."""
    bad_from: float | None = None
    """The smallest bad value."""

    kind = "timeseries"
    width, height = 8, 8

    def options(self) -> Json:
        """Return the options that only this kind of panel has."""
        return {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
            "tooltip": {"mode": "multi", "sort": "desc"},
        }

    def custom(self) -> Json:
        """Return how the fields are drawn."""
        line = {"drawStyle": "line", "fillOpacity": 10, "lineWidth": 1, "showPoints": "auto"}
        return line | {"thresholdsStyle": {"mode": "off" if self.bad_from is None else "dashed"}}

    def target(self, place: int, query: Query) -> Json:
        """Return one of its queries as Grafana's JSON."""
        return {
            "refId": chr(ord("A") + place),
            "datasource": SOURCE,
            "expr": query.expr,
            "legendFormat": query.legend or "__auto",
            "range": True,
        }


@dataclass(frozen=True)
class Number(Panel):
    """One number, the latest."""

    kind = "stat"
    width, height = 4, 4

    def options(self) -> Json:
        """Return the options: the last value, coloured if it is bad."""
        return {
            "colorMode": "none" if self.bad_from is None else "value",
            "graphMode": "none",
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "textMode": "auto",
        }

    def custom(self) -> Json:
        """Return no options: a number draws no line."""
        return {}

    def target(self, place: int, query: Query) -> Json:
        """Return the query for the present instant only."""
        return super().target(place, query) | {"range": False, "instant": True}


@dataclass(frozen=True)
class Table(Panel):
    """A line for each series, a column for each label."""

    kind = "table"

    def options(self) -> Json:
        """Return the options of a table."""
        return {"showHeader": True}

    def custom(self) -> Json:
        """Return Grafana's defaults."""
        return {}

    def target(self, place: int, query: Query) -> Json:
        """Return the query for the present instant only, as a table."""
        instant = {"range": False, "instant": True, "format": "table"}
        return super().target(place, query) | instant


@dataclass(frozen=True)
class Row:
    """Panels under a heading."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True)
class Board:
    """One dashboard; its uid is part of its address and must not change."""

    uid: str
    title: str
    says: str
    rows: Sequence[Row]
    since: str = "now-6h"

    def json(self) -> Json:
        """Return the dashboard as Grafana's JSON."""
        return {
            "uid": self.uid,
            "title": self.title,
            "description": self.says,
            "tags": [TAG],
            "schemaVersion": SCHEMA_VERSION,
            "timezone": "browser",
            "time": {"from": self.since, "to": "now"},
            "refresh": "30s",
            "graphTooltip": 1,  # a shared crosshair
            "editable": True,
            "annotations": {"list": []},
            "links": [_OTHER_BOARDS],
            "templating": {"list": _VARIABLES},
            "panels": list(_panels(self.rows)),
        }


def _link(title: str, **what: Any) -> Json:
    """Return a link with every field that Grafana's schema requires."""
    return {
        "title": title,
        "type": "link",
        "icon": "doc",
        "tooltip": "",
        "tags": [],
        "asDropdown": False,
        "targetBlank": False,
        "includeVars": False,
        "keepTime": False,
    } | what


_OTHER_BOARDS = _link(
    "Tandem", type="dashboards", tags=[TAG], asDropdown=True, includeVars=True, keepTime=True
)
_VARIABLES: list[Json] = [
    {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"},
    {
        "name": "runbooks",
        "label": "Where docs/runbooks is read",
        "type": "textbox",
        "query": "docs/runbooks",
        "current": {"text": "docs/runbooks", "value": "docs/runbooks"},
        "hide": 0,
    },
]


def _panels(rows: Sequence[Row]) -> Iterator[Json]:
    """Yield rows below each other; panels of a row go left to right, in as many lines as needed."""
    number, y = 1, 0
    for row in rows:
        place = {"x": 0, "y": y, "w": COLUMNS, "h": 1}
        yield {"id": number, "type": "row", "title": row.title, "gridPos": place} | _NOT_COLLAPSED
        number, y, x, height = number + 1, y + 1, 0, 0
        for panel in row.panels:
            if x + panel.width > COLUMNS:
                x, y, height = 0, y + height, 0
            place = {"x": x, "y": y, "w": panel.width, "h": panel.height}
            yield {"id": number, "gridPos": place} | _panel(panel)
            number, x, height = number + 1, x + panel.width, max(height, panel.height)
        y += height


_NOT_COLLAPSED: Json = {"collapsed": False, "panels": []}


def _panel(panel: Panel) -> Json:
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.says,
        "datasource": SOURCE,
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "options": panel.options(),
        "targets": [panel.target(*each) for each in enumerate(panel.queries)],
        "links": [_runbook(panel.alert)] if panel.alert else [],
    }


def _defaults(panel: Panel) -> Json:
    steps: list[Mapping[str, Any]] = [{"color": "green", "value": None}]
    if panel.bad_from is not None:
        steps.append({"color": "red", "value": panel.bad_from})
    return {
        "unit": panel.unit,
        "min": 0,
        "color": {"mode": "thresholds" if panel.kind == "stat" else "palette-classic"},
        "thresholds": {"mode": "absolute", "steps": steps},
        "custom": panel.custom(),
    }


def _runbook(alert: str) -> Json:
    url = f"${{runbooks}}/{alert}.md"
    return _link(f"Runbook: {alert}", url=url, targetBlank=True)
