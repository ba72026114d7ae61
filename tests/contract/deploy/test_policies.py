"""Each policy finds what it is for."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.contract.deploy import accounts, edges, policies
from tests.contract.deploy.manifests import (
    Object,
    overlay,
)
from tests.contract.deploy.test_kubernetes import Policy, drop, first


def _container(objects: list[Object], name: str = "catalog-api") -> Any:
    (container,) = first(objects, "Deployment", name)["spec"]["template"]["spec"]["containers"]
    return container


def _pod(objects: list[Object], name: str = "catalog-api") -> Any:
    return first(objects, "Deployment", name)["spec"]["template"]["spec"]


def _replay(objects: list[Object]) -> Any:
    return policies.pod_of(first(objects, "CronJob", "consumer-replay"))["containers"][0]


def _env(objects: list[Object], name: str = "catalog-api") -> Any:
    return _container(objects, name)["env"]


def _amqp_secret(objects: list[Object], name: str) -> Any:
    return next(
        each["valueFrom"]["secretKeyRef"]
        for each in _container(objects, name)["env"]
        if each["name"] == "TANDEM_AMQP_URL"
    )


def _network(objects: list[Object], name: str) -> Any:
    return first(objects, "NetworkPolicy", name)["spec"]


def _open_to_all() -> Object:
    spec = {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{}]}
    return {"kind": "NetworkPolicy", "metadata": {"name": "oops"}, "spec": spec}


BREAKS: list[tuple[Policy, Callable[[list[Object]], Any]]] = [
    (policies.every_role_runs, lambda o: drop(o, "Deployment", "notify-worker")),
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
    (policies.images_are_pinned, lambda o: _replay(o).update(image="tandem-tools:latest")),
    (policies.pods_are_confined, lambda o: _replay(o)["securityContext"].clear()),
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
        lambda o: drop(o, "PodDisruptionBudget", "catalog-api"),
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
        lambda o: first(o, "ScaledObject", "notify-worker")["spec"]["triggers"].pop(),
    ),
    (
        policies.scalers_have_targets,
        lambda o: first(o, "HorizontalPodAutoscaler", "notify-api")["spec"][
            "scaleTargetRef"
        ].update(name="notify-relay"),
    ),
    (policies.metrics_are_scraped, lambda o: drop(o, "PodMonitor", "tandem")),
    *(
        (edges.edges_are_the_codes, spoil)
        for spoil in (
            lambda o: drop(o, "NetworkPolicy", "deny"),
            lambda o: drop(o, "NetworkPolicy", "reach-rabbitmq"),
            lambda o: drop(o, "NetworkPolicy", "library-from-services"),
            lambda o: drop(o, "NetworkPolicy", "from-kubelet"),
            lambda o: _network(o, "reach-smtp").update(podSelector={}),
            lambda o: _network(o, "reach-mongodb")["egress"][0].pop("to"),
            lambda o: _network(o, "from-prometheus")["ingress"][0].pop("from"),
            lambda o: _network(o, "from-gateway")["ingress"][0].pop("from"),
            lambda o: _network(o, "from-prometheus")["ingress"][0]["ports"].append({"port": 50051}),
            lambda o: _network(o, "rabbitmq")["ingress"][1].pop("from"),
            lambda o: _network(o, "mongodb")["ingress"][0]["from"].pop(),
            lambda o: _network(o, "rabbitmq")["ingress"][0]["ports"].pop(1),
            lambda o: _network(o, "gateway")["egress"][0]["ports"].pop(),
            lambda o: o.append(_open_to_all()),
        )
    ),
    (
        accounts.broker_permissions_are_least,
        lambda o: first(o, "Permission", "notify-worker")["spec"]["permissions"].update(read="."),
    ),
    (
        accounts.broker_permissions_are_least,
        lambda o: first(o, "Permission", "notify-relay")["spec"]["permissions"].update(write="^$"),
    ),
    (
        accounts.relays_publish_their_own_types,
        lambda o: drop(o, "TopicPermission", "notify-relay"),
    ),
    (
        accounts.broker_permissions_are_least,
        lambda o: drop(o, "Permission", "notify-declare"),
    ),
    (
        accounts.roles_use_their_own_accounts,
        lambda o: first(o, "User", "notify-relay")["spec"]["importCredentialsSecret"].update(
            name="notify-worker-rabbitmq"
        ),
    ),
    (
        accounts.roles_use_their_own_accounts,
        lambda o: _amqp_secret(o, "notify-relay").update(name="notify-declare-rabbitmq"),
    ),
]


@pytest.mark.parametrize(("policy", "spoil"), BREAKS)
def test_a_policy_finds_its_fault(policy: Policy, spoil: Callable[[list[Object]], Any]) -> None:
    """The check reports a manifest that breaks the policy."""
    objects = copy.deepcopy(list(overlay("university")))
    assert list(policy(objects)) == []
    spoil(objects)
    assert list(policy(objects)) != []
