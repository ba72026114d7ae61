"""Each role's process holds only its own runtime: grpcio and eventlet stop each other."""

import json
import os
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from campus.platform import JOBS, ROLES
from tests.deep import DEEP, ONLY_DEEP

PROBE = Path(__file__).with_name("role_probe.py")
STARTED = [(service, role) for service, roles in ROLES.items() for role in (*roles, *JOBS)]
# The roles in which both runtimes could meet; the others are tried in `make test-deep`.
QUICK = ("api", "worker")
BUS = {"nameko", "eventlet", "kombu", "amqp"}
NOWHERE = "127.0.0.1:1"
# What the services' settings need to be complete; nothing is called.
ENVIRONMENT = {
    "TANDEM_ENVIRONMENT": "development",
    "TANDEM_MONGO_URL": f"mongodb://{NOWHERE}",
    "TANDEM_AMQP_URL": f"amqp://{NOWHERE}",
    "TANDEM_S3_ENDPOINT": f"http://{NOWHERE}",
    "TANDEM_S3_ACCESS_KEY": "key",
    "TANDEM_S3_SECRET_KEY": "secret",
    "TANDEM_S3_BUCKET": "tests",
    "TANDEM_S3_REGION": "us-east-1",
    "TANDEM_SMTP_URL": f"smtp://{NOWHERE}",
    "TANDEM_JWKS_URL": f"https://{NOWHERE}/jwks",
    "TANDEM_TOKEN_ISSUER": "tests",
    "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{NOWHERE}",
    **{f"TANDEM_{service.upper()}_TARGET": NOWHERE for service in ROLES},
}


def probe(service: str, role: str) -> "subprocess.CompletedProcess[str]":
    """What the role's process holds when its runtime begins."""
    others = {key: value for key, value in os.environ.items() if not key.startswith("TANDEM_")}
    return subprocess.run(
        [sys.executable, "-W", "ignore", str(PROBE), service, role],
        env={**others, **ENVIRONMENT},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


@pytest.fixture(scope="module")
def probes() -> Any:
    """The probe of each role that is tried, two at a time."""
    with ThreadPoolExecutor(2) as pool:
        return {
            (service, role): pool.submit(probe, service, role)
            for service, role in STARTED
            if DEEP or role in QUICK
        }


@pytest.mark.parametrize(
    ("service", "role"),
    [
        pytest.param(service, role, marks=() if role in QUICK else ONLY_DEEP)
        for service, role in STARTED
    ],
)
def test_a_role_holds_its_own_runtime_only(
    service: str,
    role: str,
    probes: "dict[tuple[str, str], Future[subprocess.CompletedProcess[str]]]",
) -> None:
    """An edge and what calls services have no bus library, worker is patched and has no grpc, the
    others have neither.
    """
    done = probes[service, role].result()
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    loaded = set(found["loaded"])
    assert found["patched"] is (role == "worker")
    if role == "api":
        assert loaded & BUS == set()
        assert "grpc" in loaded
    elif role == "live":
        assert loaded & BUS == set()
        assert {"grpc", "pika"} <= loaded
    elif role in {"meetings", "auditor"}:
        assert loaded & (BUS | {"pika"}) == set()
        assert "grpc" in loaded
    elif role == "worker":
        assert "grpc" not in loaded
        assert "nameko" in loaded
    else:
        assert loaded & (BUS | {"grpc"}) == set()
        assert ("pika" in loaded) is (role not in {"migrate", "solver"})
