"""deploy/kubernetes/install.sh, against a stand-in for kubectl: there is no cluster here."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

INSTALL = Path(__file__).resolve().parents[3] / "deploy" / "kubernetes" / "install.sh"
# Records its arguments, fails where the test wants it, and prints the next state of the jobs.
KUBECTL = """#!/usr/bin/env bash
set -eu
cd "$(dirname "$0")"
echo "$*" >>calls
[[ ! -s fails ]] || [[ "$*" != *"$(cat fails)"* ]] || exit 1
case "$*" in
kustomize*) cat manifests ;;
*jsonpath*)
    head -n 1 states | tr ';' '\\n'
    [[ $(wc -l <states) == 1 ]] || sed -i 1d states ;;
esac
"""
DONE = "catalog-migrate Complete;catalog-declare SuccessCriteriaMet Complete"


@dataclass(frozen=True)
class Cluster:
    """What the stand-in knows and heard."""

    folder: Path

    def install(
        self, states: str, fails: str = "", manifests: str = "kind: RabbitmqCluster"
    ) -> int:
        """Run the script; answers its exit code. `states`: of the jobs, a line a look."""
        for name, text in {"states": states, "fails": fails, "manifests": manifests}.items():
            (self.folder / name).write_text(f"{text}\n" if text else "")
        path = f"{self.folder}{os.pathsep}{os.environ['PATH']}"
        looks = {"TANDEM_INSTALL_LOOKS": "5", "TANDEM_INSTALL_PAUSE": "0"}
        environment = {**os.environ, **looks, "PATH": path}
        return subprocess.run([INSTALL, "an/overlay", "campus"], env=environment).returncode

    @property
    def calls(self) -> list[str]:
        """The kinds of calls, one after the other, without what only asks."""
        called = (self.folder / "calls").read_text().replace("-n campus ", "").splitlines()
        words = [" ".join(call.split()[:3]) for call in called if "get " not in call]
        return [call.partition(" -f ")[0] for call in words]

    @property
    def applied(self) -> list[str]:
        """The arguments of each apply."""
        called = (self.folder / "calls").read_text().splitlines()
        return [call.partition(" -l ")[2] for call in called if " apply " in call]


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    (tmp_path / "kubectl").write_text(KUBECTL)
    (tmp_path / "kubectl").chmod(0o755)
    return Cluster(tmp_path)


def test_jobs_end_before_the_roles_begin(cluster: Cluster) -> None:
    """Accounts and stores, the broker, jobs, and only then the rest."""
    assert cluster.install(f"catalog-migrate ;catalog-declare \n{DONE}") == 0
    assert cluster.applied == [
        "!app.kubernetes.io/component",
        "app.kubernetes.io/component in (migrate,declare)",
        "",
    ]
    assert [call.split()[0] for call in cluster.calls] == [
        *("kustomize", "delete", "apply", "wait", "apply", "apply", "rollout"),
    ]


def test_a_job_that_failed_ends_it_at_once(cluster: Cluster) -> None:
    """No role starts, and the script does not wait for half an hour."""
    states = "catalog-migrate Complete;catalog-declare FailureTarget Failed\n" + DONE
    assert cluster.install(states) == 1
    assert "rollout" not in str(cluster.calls)


@pytest.mark.parametrize("states", ["catalog-migrate Complete;catalog-declare", ""])
def test_jobs_that_do_not_end_are_waited_for_and_given_up(cluster: Cluster, states: str) -> None:
    """This also holds where there are no jobs."""
    assert cluster.install(states) == 1
    assert (cluster.folder / "calls").read_text().count("jsonpath") == 5
    assert len(cluster.applied) == 2


@pytest.mark.parametrize("fails", ["kustomize", "delete job", "!app", "wait", "(migrate,declare)"])
def test_it_stops_at_the_first_thing_that_fails(cluster: Cluster, fails: str) -> None:
    """The step that failed is the last one."""
    assert cluster.install(DONE, fails) != 0
    assert fails in (cluster.folder / "calls").read_text().splitlines()[-1]


def test_a_broker_of_others_is_not_waited_for(cluster: Cluster) -> None:
    """An overlay without the component has no cluster to wait for."""
    assert cluster.install(DONE, manifests="kind: Deployment") == 0
    assert not any(call.startswith("wait") for call in cluster.calls)
