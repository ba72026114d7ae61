"""The pattern of Jobs that replay to other systems: what the operators' page makes of it."""

import re
import subprocess
from typing import Any

import yaml

from campus.consumers.command import replay
from tests.contract.deploy.manifests import KUBERNETES, Object, overlay, schema_faults
from tests.contract.deploy.policies import container_of
from tests.contract.deploy.test_kubernetes import first
from tests.contract.tools import need

GIVEN = {"CONSUMER": "student-records", "SINCE": "2026-03-01"}


def made() -> Object:
    """What `kubectl create job --from=cronjob/consumer-replay` makes, and `set env` of that."""
    pattern: Any = first(list(overlay("university")), "CronJob", "consumer-replay")
    assert pattern["spec"]["suspend"]
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "replay-1"},
        **pattern["spec"]["jobTemplate"],
    }
    words = [f"{name}={value}" for name, value in GIVEN.items()]
    command = [need("kubectl"), "set", "env", "--local", "-f", "-", *words, "-o", "yaml"]
    done = subprocess.run(command, input=yaml.dump(job), capture_output=True, text=True, check=True)
    return dict(yaml.safe_load(done.stdout))


def test_a_job_of_it_replays_to_the_consumer_that_is_named() -> None:
    """It is a Job as Kubernetes has them, and its arguments are those of the command."""
    job = made()
    assert schema_faults(job) == []
    container = container_of(job)
    given = {entry["name"]: entry.get("value", "") for entry in container["env"]}
    words = [
        re.sub(r"\$\((\w+)\)", lambda each: given[each[1]], text) for text in container["args"]
    ]
    assert words[:2] == ["consumers", "replay"]
    found = replay.make_context("replay", words[2:]).params
    assert (found["name"], f"{found['since']:%Y-%m-%d}") == tuple(GIVEN.values())
    assert found["as_json"]


def test_the_page_has_the_command() -> None:
    """In its own words."""
    page = (KUBERNETES / "README.md").read_text()
    for part in ("--from=cronjob/consumer-replay", "kubectl set env --local -f - CONSUMER="):
        assert part in page
