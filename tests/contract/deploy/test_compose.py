"""deploy/compose, without Docker: its form, and that each role gets what the code says it reads."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from campus.architecture import services
from campus.platform import JOBS

COMPOSE = Path(__file__).resolve().parents[3] / "deploy" / "compose"
FILE = COMPOSE / "compose.yaml"
WHOLE: dict[str, Any] = yaml.load(FILE.read_text(), yaml.CSafeLoader)
PARTS: dict[str, dict[str, Any]] = WHOLE["services"]
ROLES = [(each.name, role) for each in services().values() for role in each.roles]
# By the image itself; the clock, the database's name and the rest may stay as they are.
OF_THE_IMAGE = {"TANDEM_OPS_ADDRESS", "TANDEM_GRPC_ADDRESS"}
CONDITIONS = {"migrate": "mongodb", "declare": "rabbitmq"}


def _part(service: str, role: str) -> dict[str, Any]:
    return PARTS[f"{service}-{role}"]


def test_it_is_as_the_specification_says() -> None:
    """Checked with the Compose specification's own schema."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*command, str(FILE)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_role_of_every_service_is_there() -> None:
    """And nothing of ours that the code does not have."""
    ours = {name for name, part in PARTS.items() if part["image"].startswith("tandem-")}
    assert ours == {f"{service}-{role}" for service, role in ROLES}


@pytest.mark.parametrize(("service", "role"), ROLES)
def test_a_role_gets_the_settings_that_it_reads(service: str, role: str) -> None:
    """It gets all settings that it requires, and none that it does not know."""
    read = services()[service].read_by(role)
    given = set(_part(service, role)["environment"])
    assert given <= {each.variable for each in read} - OF_THE_IMAGE
    assert {each.variable for each in read if each.required} <= given


@pytest.mark.parametrize(("service", "role"), ROLES)
def test_a_role_runs_its_image_confined(service: str, role: str) -> None:
    """Read-only, without capabilities, within bounds; a server has time to drain."""
    part = _part(service, role)
    image = f"{service}-solver" if role == "solver" else service
    assert part["image"] == f"tandem-{image}:${{TANDEM_VERSION:-0.1.0}}"
    assert part["command"] == [role]
    assert part["read_only"]
    assert part["cap_drop"] == ["ALL"]
    assert part["security_opt"] == ["no-new-privileges:true"]
    assert part["mem_limit"]
    if role in JOBS:
        assert part["healthcheck"] == {"disable": True}
    else:
        assert int(part["stop_grace_period"].removesuffix("s")) > 20


@pytest.mark.parametrize(("service", "role"), ROLES)
def test_a_role_waits_for_what_it_needs(service: str, role: str) -> None:
    """It waits for migrate, declare and servers; a relay waits for all queues of subscribers."""
    waits = {name: each["condition"] for name, each in _part(service, role)["depends_on"].items()}
    ended = {name for name, how in waits.items() if how == "service_completed_successfully"}
    if role in JOBS:
        assert waits[CONDITIONS[role]] == "service_healthy"
    else:
        assert f"{service}-migrate" in ended
    if role == "worker":
        assert f"{service}-declare" in ended
    if role == "relay":
        assert {f"{each}-declare" for each in services()} <= ended
    assert set(waits) <= set(PARTS)


def test_the_end_of_what_ends_is_waited_for() -> None:
    """`up --wait` takes an end for a failure, unless another part waits for it."""
    ending = {name for name, part in PARTS.items() if part["restart"] == "on-failure"}
    awaited = {
        name
        for part in PARTS.values()
        for name, each in part.get("depends_on", {}).items()
        if each["condition"] == "service_completed_successfully"
    }
    assert ending == awaited


def test_addresses_name_parts_that_are_there() -> None:
    """Hosts in settings are names of this file."""
    text = "\n".join(
        str(value)
        for service, role in ROLES
        for value in _part(service, role)["environment"].values()
    )
    hosts = set(re.findall(r"(?:@|//|^)([a-z0-9-]+):\d+", text, re.MULTILINE))
    assert hosts <= set(PARTS)
    assert {"mongodb", "rabbitmq", "s3", "mail", "library-api"} <= hosts


def test_opensearch_runs_if_it_is_chosen() -> None:
    """By a profile, which no other part has; .env.example names it and its address."""
    assert {name: part["profiles"] for name, part in PARTS.items() if "profiles" in part} == {
        "opensearch": ["opensearch"]
    }
    assert not any("opensearch" in part.get("depends_on", {}) for part in PARTS.values())
    example = (COMPOSE / ".env.example").read_text()
    assert "# COMPOSE_PROFILES=opensearch\n# TANDEM_SEARCH_URL=http://opensearch:9200\n" in example


@pytest.mark.parametrize("name", PARTS)
def test_an_image_is_pinned(name: str) -> None:
    """An image is pinned by a tag that does not move, and by a digest where one is known."""
    image = PARTS[name]["image"]
    if not image.startswith("tandem-"):
        assert re.fullmatch(r"[a-z/]+:v?\d+\.\d+[\w.-]*(@sha256:[0-9a-f]{64})?", image), image


@pytest.mark.parametrize("name", PARTS)
def test_nothing_is_open_to_others(name: str) -> None:
    """Every port is bound to this machine alone."""
    assert [
        port for port in PARTS[name].get("ports", []) if not port.startswith("127.0.0.1:")
    ] == []


def test_what_runs_on_tells_its_health() -> None:
    """Ours by the image's own probe; the others by a check of their own."""
    quiet = {
        name
        for name, part in PARTS.items()
        if part["restart"] == "unless-stopped"
        if not part["image"].startswith("tandem-")
        if "healthcheck" not in part
    }
    assert quiet == set()


def test_prometheus_reads_every_server() -> None:
    """Under the job's name by which the rules judge."""
    jobs = {job["job_name"]: job for job in _yaml("prometheus.yaml")["scrape_configs"]}
    (targets,) = jobs["tandem"]["static_configs"]
    assert set(targets["targets"]) == {
        f"{each.name}-{role}:9464" for each in services().values() for role in each.servers
    }


def test_the_broker_has_the_exchange_of_partitions() -> None:
    """The plugin of consistent-hash exchanges is enabled beside the image's own."""
    (mounted,) = PARTS["rabbitmq"]["configs"]
    assert mounted["target"] == "/etc/rabbitmq/enabled_plugins"
    enabled = WHOLE["configs"][mounted["source"]]["content"].strip("[]. \n").split(",")
    wanted = {"consistent_hash_exchange", "management", "prometheus"}
    assert set(enabled) == {f"rabbitmq_{name}" for name in wanted}


def test_what_is_mounted_is_there() -> None:
    """Each file and folder of the repository that a part mounts; keys are made by people."""
    mounts = [mount for part in PARTS.values() for mount in part.get("volumes", [])]
    paths = {mount.split(":")[0] for mount in mounts if mount.startswith(".")}
    paths -= {"./identity", "./keys"}
    assert len(paths) == 4
    assert [path for path in paths if not (COMPOSE / path).exists()] == []


def test_mails_can_be_signed_and_come_back() -> None:
    """Api and worker have the same settings of bounces and links, all empty at first; the worker
    reads the key of DKIM from the folder that it mounts, as README.md says.
    """
    api, worker = (_part("notify", role) for role in ("api", "worker"))
    both = {"TANDEM_PAGES_URL", "TANDEM_PAGES_KEY", "TANDEM_BOUNCE_ADDRESS"}
    signing = {"TANDEM_DKIM_KEY_FILE", "TANDEM_DKIM_SELECTOR", "TANDEM_DKIM_DOMAIN"}
    given = worker["environment"]
    assert both <= set(api["environment"])
    assert {name: given[name] for name in both | signing} == {
        name: f"${{{name}:-}}" for name in both | signing
    }
    assert worker["volumes"] == ["./keys:/keys:ro"]
    readme = (COMPOSE / "README.md").read_text()
    assert "TANDEM_DKIM_KEY_FILE=/keys/dkim.pem" in readme
    assert "TANDEM_BOUNCE_ADDRESS" in readme


def test_secrets_are_the_operators() -> None:
    """Each that is wanted is in .env.example, without a value."""
    wanted = set(re.findall(r"\$\{(\w+):\?", FILE.read_text()))
    example = dict(
        re.findall(r"^(\w+)=(.*)$", (COMPOSE / ".env.example").read_text(), re.MULTILINE)
    )
    assert example == dict.fromkeys(wanted, "")


def _yaml(name: str) -> Any:
    return yaml.load((COMPOSE / name).read_text(), yaml.CSafeLoader)
