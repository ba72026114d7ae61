"""deploy/monitoring's rules, without a Prometheus: they are sound, tested, current, explained."""

import re
import runpy
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.contract.tools import need
from tests.deep import only_deep

ROOT = Path(__file__).resolve().parents[2]
MONITORING = ROOT / "deploy" / "monitoring"
RUNBOOKS = ROOT / "docs" / "runbooks"
RULES = sorted((MONITORING / "rules").glob("*.yml"))
CASES = sorted((MONITORING / "tests").glob("*.yml"))


def _yaml(path: Path) -> Any:
    return _parsed(path.read_text())


@cache
def _parsed(text: str) -> Any:
    return yaml.load(text, yaml.CSafeLoader)


def _alerts() -> Iterator[dict[str, Any]]:
    for path in RULES:
        for group in _yaml(path)["groups"]:
            yield from (rule for rule in group["rules"] if "alert" in rule)


ALERTS = {each["alert"]: each for each in _alerts()}


def _promtool(*arguments: str) -> None:
    command = [need("promtool"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _runbook(alert: dict[str, Any]) -> Path:
    return ROOT / str(alert["annotations"]["runbook_url"])


def test_the_generated_files_are_current() -> None:
    """The files are what `make rules` would write."""
    made = runpy.run_path(str(ROOT / "scripts" / "rules.py"))["files"]()
    assert {place: (MONITORING / place).read_text() for place in made} == made


def test_prometheus_takes_the_rules() -> None:
    """They are valid as plain files; the PrometheusRule contains the same rules."""
    _promtool("check", "rules", *map(str, RULES))


@only_deep
def test_the_rules_say_what_they_should() -> None:
    """Each case of deploy/monitoring/tests comes to what it says."""
    _promtool("test", "rules", *map(str, CASES))


@pytest.mark.parametrize("name", sorted(ALERTS.keys() - {"TandemWatchdog"}))  # which always does
def test_each_alert_fires_once_and_is_silent_once(name: str) -> None:
    """A case names every alert that fires in it, so who is not named in one is silent there."""
    fired = {
        (path.name, case["name"]): name in re.findall(r'alertname="(\w+)"', str(checked))
        for path in CASES
        for case in _yaml(path)["tests"]
        if "ALERTS" in str(checked := case["promql_expr_test"])
        and _measures(case, ALERTS[name]["expr"], path)
    }
    assert set(fired.values()) == {True, False}, fired


def _measures(case: dict[str, Any], expr: str, path: Path) -> bool:
    """Whether a case gives an alert something to judge: absent() judges that there is nothing."""
    series = {re.split(r"[{ ]", each["series"])[0] for each in case["input_series"]}
    wanted = _metrics(expr, path.parent.parent / "rules" / path.name)
    return bool(series & wanted) or "absent" in expr


def _metrics(expr: str, rules: Path) -> set[str]:
    """The metrics of an expression, and of the recorded series that it names."""
    recorded = {
        rule["record"]: rule["expr"]
        for group in _yaml(rules)["groups"]
        for rule in group["rules"]
        if "record" in rule
    }
    names = set(re.findall(r"[a-z_0-9]+(?::[a-z_]+:\w+)?", expr))
    return names.union(*(_metrics(recorded[name], rules) for name in names & recorded.keys()))


@pytest.mark.parametrize("name", ALERTS)
def test_each_alert_has_its_page(name: str) -> None:
    """The page states what the alert means, whom it hurts, where to look, and what to do."""
    text = _runbook(ALERTS[name]).read_text()
    for part in ("**Means.**", "**Hurts.**", "**Look.**", "**Mend.**"):
        assert part in text, (name, part)


def test_each_page_has_its_alert_and_is_listed() -> None:
    """No page is left behind, and the index has a row for each."""
    pages = {path.name for path in RUNBOOKS.glob("Tandem*.md")}
    assert pages == {_runbook(alert).name for alert in ALERTS.values()}
    assert pages == set(re.findall(r"\((Tandem\w+\.md)\)", (RUNBOOKS / "README.md").read_text()))


@pytest.mark.parametrize("path", sorted(RUNBOOKS.glob("*.md")), ids=lambda path: path.stem)
def test_links_of_pages_lead_somewhere(path: Path) -> None:
    """Each link leads to an existing page."""
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text())
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_alerts_say_how_urgent_they_are() -> None:
    """An alert calls a person, or creates a ticket, or shows that alerts work."""
    severities = {alert["labels"]["severity"] for alert in ALERTS.values()}
    assert severities == {"page", "ticket", "watchdog"}
