"""Policies on the servers that our own manifests run: today OpenSearch's nodes."""

import re
from collections.abc import Iterator, Sequence

from tests.contract.deploy.manifests import Object, name_of, of_kind
from tests.contract.deploy.policies import SECRETS, container_of, pod_of


def stores_are_confined(objects: Sequence[Object]) -> Iterator[str]:
    """The Pod Security Standard `restricted`, an image by its digest, bounds, and no token."""
    for each in of_kind(objects, "StatefulSet"):
        pod, container = pod_of(each), container_of(each)
        security, own = pod["securityContext"], container["securityContext"]
        wanted = {
            "a user that is not root": security["runAsNonRoot"] and security["runAsUser"] > 0,
            "seccomp": security["seccompProfile"] == {"type": "RuntimeDefault"},
            "no more privileges": own["allowPrivilegeEscalation"] is False,
            "no capabilities": own["capabilities"] == {"drop": ["ALL"]},
            "no token": pod["automountServiceAccountToken"] is False,
            "no variables of other Services": pod["enableServiceLinks"] is False,
            "a digest": re.search(r":\d[\w.]+@sha256:[0-9a-f]{64}$", container["image"]),
            "requests": {"cpu", "memory"} == container["resources"]["requests"].keys(),
            "a limit of memory": "memory" in container["resources"]["limits"],
        }
        yield from (f"{name_of(each)}: {what}" for what, holds in wanted.items() if not holds)


def stores_are_whole(objects: Sequence[Object]) -> Iterator[str]:
    """Probes, a disruption budget, disks, the Service of its nodes, and what its files are from."""
    there = {name_of(each) for each in objects}
    for each in of_kind(objects, "StatefulSet"):
        container, pod = container_of(each), pod_of(each)
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        disks = {claim["metadata"]["name"] for claim in each["spec"]["volumeClaimTemplates"]}
        wanted = {
            "probes": {"startupProbe", "livenessProbe", "readinessProbe"} <= container.keys(),
            "a budget": f"PodDisruptionBudget/{each['metadata']['name']}" in there,
            "its nodes' Service": f"Service/{each['spec']['serviceName']}" in there,
            "volumes for all mounts": {mount["name"] for mount in container["volumeMounts"]}
            == disks | volumes.keys(),
            "ConfigMaps that are there": all(
                f"ConfigMap/{volume['configMap']['name']}" in there
                for volume in volumes.values()
                if "configMap" in volume
            ),
            "Secrets that are documented": all(
                volume["secret"]["secretName"] in SECRETS
                for volume in volumes.values()
                if "secret" in volume
            ),
        }
        yield from (f"{name_of(each)}: {what}" for what, holds in wanted.items() if not holds)
