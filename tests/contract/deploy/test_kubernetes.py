"""deploy/kubernetes, checked without a cluster."""

import copy
import itertools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.contract.deploy import policies
from tests.contract.deploy.manifests import (
    COMPONENTS,
    OVERLAYS,
    Object,
    combination,
    name_of,
    of_kind,
    overlay,
    parsed,
    schema_faults,
)

Policy = Callable[[Sequence[Object]], Iterator[str]]
EVERYWHERE: list[Policy] = [
    policies.every_role_runs,
    policies.images_are_pinned,
    policies.probes_tell_apart,
    policies.ports_are_those_that_open,
    policies.resources_are_bounded,
    policies.pods_are_confined,
    policies.stops_have_time,
    policies.replicas_are_spread_and_kept,
    policies.settings_are_provided,
    policies.references_lead_somewhere,
    policies.no_secret_is_here,
    policies.scalers_have_targets,
    policies.broker_permissions_are_least,
]
UNIVERSITY: list[Policy] = [policies.metrics_are_scraped, policies.edges_are_the_codes]


def every_combination() -> list[tuple[str, ...]]:
    """All subsets of the components."""
    sizes = range(len(COMPONENTS) + 1)
    return [each for size in sizes for each in itertools.combinations(COMPONENTS, size)]


def test_every_combination_of_components_builds(tmp_path: Path) -> None:
    """Whatever an operator chooses fits together, and no object is in it twice."""

    def build(number: int, chosen: tuple[str, ...]) -> str:
        return combination(chosen, tmp_path / str(number))

    with ThreadPoolExecutor(2) as pool:
        built = list(pool.map(build, itertools.count(), every_combination()))
    assert len(built) == 2 ** len(COMPONENTS)
    objects = parsed(built[-1])
    names = [name_of(each) for each in objects]
    assert len(names) == len(set(names))
    assert [fault for each in objects for fault in schema_faults(each)] == []


@pytest.mark.parametrize("name", OVERLAYS)
def test_every_object_is_as_its_schema_says(name: str) -> None:
    """Kubernetes' own for two versions, strictly; others by their published definitions."""
    assert [fault for each in overlay(name) for fault in schema_faults(each)] == []


@pytest.mark.parametrize("name", OVERLAYS)
@pytest.mark.parametrize("policy", EVERYWHERE)
def test_policies_hold(policy: Policy, name: str) -> None:
    """Each policy of ours holds in each overlay."""
    assert list(policy(overlay(name))) == []


@pytest.mark.parametrize("policy", UNIVERSITY)
def test_policies_of_the_university_hold(policy: Policy) -> None:
    """What only the whole has: metrics are read, and nobody talks but as the code says."""
    assert list(policy(overlay("university"))) == []


def test_a_relay_has_a_standby() -> None:
    """At a university two relays of each service run: one leads, one stands by."""
    relays = [
        each for each in of_kind(overlay("university"), "Deployment") if "-relay" in name_of(each)
    ]
    assert {each["spec"]["replicas"] for each in relays} == {2}


def test_the_tag_is_the_products_version() -> None:
    """The base names the images of this very version."""
    version = (Path(__file__).resolve().parents[3] / "pyproject.toml").read_text()
    for each in policies.workloads(overlay("small")):
        tag = policies.container_of(each)["image"].rpartition(":")[2]
        assert f'version = "{tag}"' in version


# --- the policies themselves: each finds what it is for ----------------------------------------


def _first(objects: list[Object], kind: str, name: str) -> Any:
    return next(e for e in objects if e["kind"] == kind and e["metadata"]["name"] == name)


def _container(objects: list[Object], name: str = "catalog-api") -> Any:
    (container,) = _first(objects, "Deployment", name)["spec"]["template"]["spec"]["containers"]
    return container


def _pod(objects: list[Object], name: str = "catalog-api") -> Any:
    return _first(objects, "Deployment", name)["spec"]["template"]["spec"]


def _env(objects: list[Object], name: str = "catalog-api") -> Any:
    return _container(objects, name)["env"]


def _drop(objects: list[Object], kind: str, name: str) -> None:
    objects.remove(_first(objects, kind, name))


BREAKS: list[tuple[Policy, Callable[[list[Object]], Any]]] = [
    (policies.every_role_runs, lambda o: _drop(o, "Deployment", "notify-worker")),
    (policies.every_role_runs, lambda o: _container(o).update(args=["worker"])),
    (policies.images_are_pinned, lambda o: _container(o).update(image="tandem-catalog:latest")),
    (policies.images_are_pinned, lambda o: _container(o).update(image="tandem-catalog")),
    (policies.images_are_pinned, lambda o: _container(o).update(image="tandem-notify:0.1.0")),
    (policies.probes_tell_apart, lambda o: _container(o).pop("startupProbe")),
    (
        policies.probes_tell_apart,
        lambda o: _container(o).update(livenessProbe=_container(o)["readinessProbe"]),
    ),
    (policies.ports_are_those_that_open, lambda o: _container(o)["ports"].pop()),
    (
        policies.ports_are_those_that_open,
        lambda o: _env(o)[0].update(name="TANDEM_OPS_ADDRESS", value="0.0.0.0:1"),
    ),
    (policies.resources_are_bounded, lambda o: _container(o).pop("resources")),
    (policies.resources_are_bounded, lambda o: _pod(o)["volumes"][0].update(emptyDir={})),
    (policies.pods_are_confined, lambda o: _pod(o)["securityContext"].update(runAsUser=0)),
    (policies.pods_are_confined, lambda o: _pod(o)["securityContext"].pop("seccompProfile")),
    (policies.pods_are_confined, lambda o: _pod(o).pop("automountServiceAccountToken")),
    (
        policies.pods_are_confined,
        lambda o: _container(o)["securityContext"].update(readOnlyRootFilesystem=False),
    ),
    (policies.stops_have_time, lambda o: _pod(o).update(terminationGracePeriodSeconds=20)),
    (
        policies.replicas_are_spread_and_kept,
        lambda o: _drop(o, "PodDisruptionBudget", "catalog-api"),
    ),
    (policies.replicas_are_spread_and_kept, lambda o: _pod(o).pop("topologySpreadConstraints")),
    (policies.settings_are_provided, lambda o: _env(o).clear()),
    (policies.settings_are_provided, lambda o: _env(o).append({"name": "TANDEM_X", "value": ""})),
    (
        policies.settings_are_provided,
        lambda o: _env(o).append({"name": "TANDEM_AMQP_URL", "value": "amqp://x"}),
    ),
    (
        policies.settings_are_provided,
        lambda o: _env(o).append({"name": "TANDEM_MONGO_URL", "value": "mongodb://x"}),
    ),
    (
        policies.references_lead_somewhere,
        lambda o: _env(o).append(
            {"name": "X", "valueFrom": {"configMapKeyRef": {"name": "tandem", "key": "none"}}}
        ),
    ),
    (
        policies.references_lead_somewhere,
        lambda o: _env(o).append(
            {"name": "X", "valueFrom": {"secretKeyRef": {"name": "none", "key": "url"}}}
        ),
    ),
    (
        policies.no_secret_is_here,
        lambda o: o.append({"kind": "Secret", "metadata": {"name": "x"}}),
    ),
    (
        policies.scalers_have_targets,
        lambda o: _first(o, "ScaledObject", "notify-worker")["spec"]["triggers"].pop(),
    ),
    (
        policies.scalers_have_targets,
        lambda o: _first(o, "HorizontalPodAutoscaler", "notify-api")["spec"][
            "scaleTargetRef"
        ].update(name="notify-relay"),
    ),
    (policies.metrics_are_scraped, lambda o: _drop(o, "PodMonitor", "tandem")),
    (policies.edges_are_the_codes, lambda o: _drop(o, "NetworkPolicy", "deny")),
    (policies.edges_are_the_codes, lambda o: _drop(o, "NetworkPolicy", "reach-rabbitmq")),
    (policies.edges_are_the_codes, lambda o: _drop(o, "NetworkPolicy", "library-from-catalog")),
    (
        policies.edges_are_the_codes,
        lambda o: _first(o, "NetworkPolicy", "reach-smtp")["spec"].update(podSelector={}),
    ),
    (
        policies.edges_are_the_codes,
        lambda o: _first(o, "NetworkPolicy", "from-prometheus")["spec"]["ingress"][0][
            "ports"
        ].append({"port": 50051}),
    ),
    (
        policies.broker_permissions_are_least,
        lambda o: _first(o, "Permission", "notify")["spec"]["permissions"].update(read=".*"),
    ),
    (
        policies.broker_permissions_are_least,
        lambda o: _first(o, "Permission", "notify")["spec"]["permissions"].update(write="^$"),
    ),
]


@pytest.mark.parametrize(("policy", "spoil"), BREAKS)
def test_a_policy_finds_its_fault(policy: Policy, spoil: Callable[[list[Object]], Any]) -> None:
    """A manifest that breaks the policy is told."""
    objects = copy.deepcopy(list(overlay("university")))
    assert list(policy(objects)) == []
    spoil(objects)
    assert list(policy(objects)) != []


def test_an_unknown_field_is_found() -> None:
    """Schemas are strict: a field that the API server would drop is a fault."""
    for kind, name in (("Deployment", "catalog-api"), ("ScaledObject", "notify-worker")):
        spoilt = copy.deepcopy(_first(list(overlay("university")), kind, name))
        spoilt["spec"]["replicaz"] = 1
        assert schema_faults(spoilt) != []
    assert schema_faults({"apiVersion": "x.example/v1", "kind": "X", "metadata": {"name": "x"}})
