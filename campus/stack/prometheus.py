"""Prometheus from Debian: scrapes every role and the broker, with the rules of deploy/monitoring.

The Debian package also starts a system server on port 9090, which is not used here.
"""

import json
import shutil
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from campus.stack.errors import StackError
from campus.stack.ports import HOST, Ports
from campus.stack.process import Process, ensure
from campus.waiting import wait_until

RULES = Path(__file__).resolve().parents[2] / "deploy" / "monitoring" / "rules"
# Short, so that the dashboards of a one-minute demo have curves. A scrape takes a few milliseconds.
EVERY = 2  # seconds
# On Kubernetes each installation has a namespace; the rules group by this label.
NAMESPACE = "campus"

MISSING = """\
Prometheus is missing. Type
    sudo apt-get install -y --no-install-recommends prometheus
or leave --monitoring out."""


class Prometheus:
    """The Prometheus of a data folder; its data are kept there."""

    name = "prometheus"

    def __init__(self, folder: Path) -> None:
        self.process = Process(self.name, folder)
        self._home = folder / self.name
        self._ports = Ports(self._home / "ports.json")

    @property
    def wanted(self) -> bool:
        """Return whether it was started and not stopped since; a crash does not change that."""
        return self._configuration.exists()

    def start(self, roles: Mapping[str, str], broker: str | None) -> None:
        """Start it with these targets ("host:port", roles by name). Raises StackError.

        `broker`: the address of RabbitMQ's metrics; None if it is not known.
        """
        self._watch("tandem", roles)
        self._watch("rabbitmq", {"rabbitmq": broker} if broker else {})
        ensure(self.process, self._launch, self.ready)

    def stop(self) -> None:
        """Stop it, and keep its data."""
        self.process.stop()
        self._configuration.unlink(missing_ok=True)

    def ready(self) -> bool:
        """Return whether it answers queries."""
        try:
            with urllib.request.urlopen(f"{self.address}/-/ready", timeout=5) as answer:  # noqa: S310
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    @property
    def address(self) -> str:
        """Return the URL of its pages."""
        # Port 1 means that the server was never started: this stack never uses that port.
        return f"http://{HOST}:{self._ports.remembered().get('http', 1)}"

    def ask(self, path: str, **parameters: str | float) -> Any:
        """Return an answer of its HTTP API below /api/v1. Raises StackError with its error."""
        url = f"{self.address}/api/v1/{path}?{urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise StackError(f"Prometheus, {path}: {error.read().decode()}") from None
        except OSError as error:
            raise StackError(f"Prometheus at {self.address}: {error}") from None

    def scrape_again(self) -> bool:
        """Wait until every target was scraped once more; return whether that happened."""
        now = datetime.now(UTC)
        return wait_until(lambda: self._scraped_since(now), patience=5 * EVERY)

    def _scraped_since(self, moment: datetime) -> bool:
        targets = self.ask("targets", state="active")["activeTargets"]
        read = [datetime.fromisoformat(each["lastScrape"]) > moment for each in targets]
        return bool(read) and all(read)  # a server that just began has no targets yet

    @property
    def _configuration(self) -> Path:
        return self._home / "prometheus.yml"

    def _watch(self, job: str, addresses: Mapping[str, str]) -> None:
        """Write a job's targets completely or not at all: a running server reads them at once."""
        groups = [
            {"targets": [address], "labels": {"instance": name, "namespace": NAMESPACE}}
            for name, address in addresses.items()
        ]
        self._home.mkdir(parents=True, exist_ok=True)
        draft = self._home / f"{job}.draft"
        draft.write_text(json.dumps(groups))
        draft.replace(self._home / f"{job}.json")

    def _launch(self) -> None:
        program = find_prometheus()
        port = self._ports.claim("http")["http"]
        self._configuration.write_text(_configuration(self._home))
        self.process.start(
            [
                program,
                f"--config.file={self._configuration}",
                f"--storage.tsdb.path={self._home / 'data'}",
                f"--web.listen-address={HOST}:{port}",
                "--log.level=warn",
            ]
        )


def find_prometheus() -> str:
    """Return the path of the server's program. Raises StackError."""
    found = shutil.which("prometheus")
    if found is None:
        raise StackError(MISSING)
    return found


def _configuration(home: Path) -> str:
    """Return the configuration. Rules and dashboards use the names of the jobs; a JSON string is
    also a YAML string.
    """
    return f"""\
global:
  scrape_interval: {EVERY}s
  evaluation_interval: {EVERY}s
rule_files:
  - {json.dumps(str(RULES / "*.yml"))}
scrape_configs:
  - job_name: tandem
    file_sd_configs:
      - files: [{json.dumps(str(home / "tandem.json"))}]
  - job_name: rabbitmq
    file_sd_configs: &rabbitmq
      - files: [{json.dumps(str(home / "rabbitmq.json"))}]
  - job_name: rabbitmq-queues
    metrics_path: /metrics/detailed
    params:
      family: [queue_coarse_metrics, queue_metrics]
    file_sd_configs: *rabbitmq
"""
